"""What a training will take, from the number of pairs: tokens, seconds, memory. Light: no torch.

The speeds are rough on purpose: they tell minutes from hours and hours from days. A processor trains about
6·10⁹ parameter·tokens a second and core (a 3-million-parameter model at 2,000 tokens); a data-centre GPU about
3·10¹³ (a 7-billion-parameter model at 4,000 tokens). A stage that has run once says what it took in its manifest.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from understudy.sft.config import SftConfig
from understudy.stage import Estimate

CPU_RATE = 6e9
GPU_RATE = 3e13
_QUESTION_TOKENS = 60
_CHUNK_TOKENS = 250
_WORDINGS_TRAINED = 0.8  # share of the pairs that is not held out
_SKILLS = 4  # of the general suite
_ASKED_TOKENS = 150  # a question with its options, a passage before every fourth
_LARGE = 1e9  # parameters above which a pass takes two rows (`models/lora.py`)
_FORWARD = 1 / 3  # of the work of a training step


def estimate(config: SftConfig, upstream: Mapping[str, Mapping[str, Any]]) -> Estimate:
    """Tokens, seconds and memory. `upstream["model"]["parameters"]`, where known, gives the last two."""
    pairs = upstream.get("generate", {}).get("pairs")
    if pairs is None:
        return Estimate(note="the number of pairs is not known yet")
    rows = float(pairs) * _WORDINGS_TRAINED * config.epochs
    tokens = rows * tokens_per_row(config, _mean_chunk(upstream.get("chunk", {})))
    parameters = upstream.get("model", {}).get("parameters")
    if not parameters:
        return Estimate({"rows": round(rows)}, tokens=tokens, note="time and memory follow from the model's size")
    gpu = _has_gpu()
    cores = min(16, os.cpu_count() or 1)
    worked = tokens + _FORWARD * (sweep_tokens(config) + rows * replay_tokens(config))
    seconds = worked * parameters / (GPU_RATE if gpu else CPU_RATE * cores)
    where = "one GPU" if gpu else f"{cores} cores"
    return Estimate(
        {"rows": round(rows)},
        tokens=tokens,
        seconds=seconds,
        memory_bytes=memory(config, parameters, gpu=gpu),
        note=f"on {where}; early stop may end it sooner",
    )


def tokens_per_row(config: SftConfig, chunk_tokens: float) -> float:
    """Mean tokens of a row, replay included: passages are nearly all of it."""
    passages = 1 + max(0.0, config.mix.distractors - 0.5)
    context = min(config.max_length, _QUESTION_TOKENS + passages * chunk_tokens)
    from_pairs = config.mix.context * context + (1 - config.mix.context) * _QUESTION_TOKENS
    return from_pairs + replay_tokens(config)


def replay_tokens(config: SftConfig) -> float:
    """Mean tokens of replay for each row made from pairs; the model before training reads them as well."""
    share = 0.0 if config.replay.source == "off" else config.replay.share
    return share / (1 - share) * (_QUESTION_TOKENS + config.replay.max_tokens / 2)


def sweep_tokens(config: SftConfig) -> float:
    """Tokens read by the questions that choose the strength of the training, λ = 0 among them."""
    sweep = config.sweep
    asked = sweep.dev_items + _SKILLS * sweep.general_items
    return (len(sweep.lambdas) + 1) * asked * _ASKED_TOKENS if sweep.enabled else 0.0


def memory(config: SftConfig, parameters: float, *, gpu: bool) -> float:
    """Bytes for weights, optimizer and activations of a forward pass, all of whose rows are as long as may be."""
    weight = {"lora": 2.0 if gpu else 4.0, "qlora": 0.6, "full": 4.0}[config.method]
    trained = parameters if config.method == "full" else parameters * 0.006 * config.r / 16
    if config.method == "full" and config.replay.loss == "kl" and replay_tokens(config):
        weight += 2.0 if gpu else 4.0  # the model before training, to which replay holds
    rows = config.per_device_train_batch_size or (2 if parameters > _LARGE else config.batch_size)
    activations = rows * config.max_length * parameters**0.5 * (16 if gpu else 100)
    return parameters * weight + trained * 16 + activations + 1e9  # the libraries themselves


def _mean_chunk(counts: Mapping[str, Any]) -> float:
    tokens, chunks = counts.get("tokens"), counts.get("chunks")
    return float(tokens) / float(chunks) if tokens and chunks else _CHUNK_TOKENS


def _has_gpu() -> bool:
    """Whether the system shows an NVIDIA or AMD compute device; asking torch would take seconds."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "unset").strip() in ("", "-1"):
        return False
    return Path("/dev/nvidia0").exists() or Path("/dev/kfd").exists()
