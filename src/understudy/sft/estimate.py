"""What a training will take, from the number of pairs: tokens, seconds, memory. Light: no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from understudy.models.rates import MIDDLE, rates
from understudy.sft.config import SftConfig
from understudy.stage import Estimate

MOVED = "moved"
"""What `upstream` calls the numbers of new, changed, unchanged and withdrawn facts of a training that goes on."""
_QUESTION_TOKENS = 60
_ANSWER_TOKENS = 28
_SEATED = 2  # questions that are asked about the same passages, however many may be: 2.1 of at most 6 in real.yaml
_CHUNK_TOKENS = 250
_TRAINED = 0.6  # share of the pairs that is not held out, where nothing tells
_LOOKED_AT = 0.2  # that is held out for early stopping, up to `dev_rows`, where nothing tells
_BEGUN = 8.0  # processor seconds of loading the libraries, whatever is taught
_SKILLS = 4  # of the general suite
_ASKED_TOKENS = 150  # a question with its options, a passage before every fourth
_LONG = 1.3  # times as long as a passage is on average are long ones
_LARGE = 1e9  # parameters above which a pass takes two rows (`models/lora.py`)
_PASS = 1024  # tokens of a pass on a processor, from there on (`sft/bounded.py`), and its logits below
_LOGITS = 4e8
_FORWARD = 1 / 3  # of the work of a training step


def estimate(config: SftConfig, upstream: Mapping[str, Mapping[str, Any]]) -> Estimate:
    """Tokens, seconds and memory. `upstream["model"]["parameters"]`, where known, gives the last two."""
    pairs = upstream.get("generate", {}).get("pairs")
    if pairs is None:
        return Estimate(note="the number of pairs is not known yet")
    taught, watched = _splits(upstream["generate"], float(pairs))
    found = taught * config.all_epochs * _share(config, upstream.get(MOVED, {}))
    rows = found if config.pairs_an_epoch is None else min(found, float(config.pairs_an_epoch * config.all_epochs))
    left_out = "" if rows == found else f"; about {found - rows:,.0f} of {found:,.0f} rows are beyond the budget"
    chunk = upstream.get("chunk", {})
    mixed = rows * config.epochs / config.all_epochs
    tokens = mixed * tokens_per_row(config, _mean_chunk(chunk)) + (rows - mixed) * (_QUESTION_TOKENS + _ANSWER_TOKENS)
    tokens += config.epochs * config.mix.documents * float(chunk.get("tokens") or 0)
    parameters = upstream.get("model", {}).get("parameters")
    if not parameters:
        return Estimate(
            {"rows": round(rows)}, tokens=tokens, note=f"time and memory follow from the model's size{left_out}"
        )
    speed = rates(parameters)
    looked_at = held_out_tokens(config, watched, rows, follows=MOVED in upstream)
    worked = tokens + _FORWARD * (sweep_tokens(config) + looked_at + mixed * replay_tokens(config))
    return Estimate(
        {"rows": round(rows)},
        tokens=tokens,
        seconds=_BEGUN + worked / speed.trained,
        memory_bytes=memory(config, parameters, longest(config, _mean_chunk(chunk)), gpu=speed.gpu),
        note=f"on {speed.where}; early stop may end it sooner{left_out}",
    )


def _splits(generated: Mapping[str, Any], pairs: float) -> tuple[float, float]:
    """How many pairs are trained on and held out for early stopping: as they are, or as they are planned."""
    splits = generated.get("splits")
    if splits is not None:
        return float(splits.get("train", 0)), float(splits.get("dev", 0))
    return float(generated.get("taught", _TRAINED * pairs)), float(generated.get("watched", _LOOKED_AT * pairs))


def _share(config: SftConfig, moved: Mapping[str, Any]) -> float:
    """Of the pairs, those that an epoch teaches: all; where it goes on, those that changed and a part of the rest."""
    now = sum(float(moved.get(kind, 0)) for kind in ("new", "changed", "unchanged"))
    if not now:
        return 1.0
    same = float(moved["unchanged"])
    return (now - same + float(moved["withdrawn"]) + config.update.replay * same) / now


def tokens_per_row(config: SftConfig, chunk_tokens: float) -> float:
    """Mean tokens of a row, replay included: passages are nearly all of it."""
    passages = 1 + max(0.0, config.mix.distractors - 0.5)
    answers = _QUESTION_TOKENS + config.contrast.wrong * _ANSWER_TOKENS
    context = min(config.max_length, _QUESTION_TOKENS + passages * chunk_tokens / min(config.mix.together, _SEATED))
    from_pairs = config.mix.context * context + (1 - config.mix.context) * _QUESTION_TOKENS
    return from_pairs + answers - _QUESTION_TOKENS + replay_tokens(config)


def replay_tokens(config: SftConfig) -> float:
    """Mean tokens of replay for each row made from pairs; the model before training reads them as well."""
    share = 0.0 if config.replay.source == "off" else config.replay.share
    return share / (1 - share) * (_QUESTION_TOKENS + config.replay.max_tokens / 2)


def sweep_tokens(config: SftConfig) -> float:
    """Tokens read by the questions that choose the strength of the training, λ = 0 among them."""
    sweep = config.sweep
    asked = sweep.dev_items + _SKILLS * sweep.general_items
    return (len(sweep.lambdas) + 1) * asked * _ASKED_TOKENS if sweep.enabled else 0.0


def held_out_tokens(config: SftConfig, watched: float, rows: float, *, follows: bool) -> float:
    """Tokens read of the `watched` held-out paraphrases: no more often than weights change; of an update before and
    after."""
    looks = 2.0 if follows else min(config.all_epochs * config.evals_per_epoch, -(-rows // config.batch_size))
    return looks * min(config.dev_rows, watched) * (_QUESTION_TOKENS + _ANSWER_TOKENS)


def longest(config: SftConfig, chunk_tokens: float) -> float:
    """Tokens of the longest rows: a question, an answer and as many passages as may be, longer ones than most."""
    passages = 1 + config.mix.distractors if config.mix.context or config.mix.multiple_choice else 0
    return min(config.max_length, _QUESTION_TOKENS + _ANSWER_TOKENS + passages * _LONG * chunk_tokens)


def memory(config: SftConfig, parameters: float, length: float, *, gpu: bool) -> float:
    """Bytes for weights, optimizer and activations of a forward pass, all of whose rows have `length` tokens."""
    weight = {"lora": 2.0 if gpu else 4.0, "qlora": 0.6, "full": 4.0}[config.method]
    trained = parameters if config.method == "full" else parameters * 0.006 * config.r / 16
    if config.method == "full" and config.replay.loss == "kl" and replay_tokens(config):
        weight += 2.0 if gpu else 4.0  # the model before training, to which replay holds
    rows = config.per_device_train_batch_size or (2 if parameters > _LARGE else config.batch_size)
    held = rows * length
    logits = 0.0
    if not gpu and parameters >= MIDDLE and config.per_device_train_batch_size is None:
        held, logits = min(held, max(_PASS, config.max_length)), _LOGITS
    activations = held * parameters**0.5 * (16 if gpu else 100) + logits
    if config.contrast.wrong:
        activations *= 2  # those of the choice are held beside those of the answer
    return parameters * weight + trained * 16 + activations + 1e9  # the libraries themselves


def _mean_chunk(counts: Mapping[str, Any]) -> float:
    tokens, chunks = counts.get("tokens"), counts.get("chunks")
    return float(tokens) / float(chunks) if tokens and chunks else _CHUNK_TOKENS
