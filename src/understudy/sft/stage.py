"""Model, pairs and chunks in; a taught adapter, its training log and what it was taught out."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import torch

from understudy.artifact import MANIFEST, read_records, write_json, write_records
from understudy.errors import InputError, MissingExtraError
from understudy.facts import LEFT_OUT, LeftOut, fact_name
from understudy.memory import give_back
from understudy.models.chat import IGNORED
from understudy.models.load import load_tokenizer
from understudy.models.open import open_language_model
from understudy.models.resolve import local_folder
from understudy.models.weights import check_model
from understudy.retrieval.open import open_index
from understudy.sft.batches import Encoded, encode_rows, in_order, load_rows, save_rows
from understudy.sft.config import SftConfig
from understudy.sft.development import development_items
from understudy.sft.examiner import Examiner
from understudy.sft.job import DEV, FINAL, LOG, TRAIN, Job
from understudy.sft.launch import launch, processes
from understudy.sft.replay import replay_rows
from understudy.sft.rows import Dealer, Row, Split, closed_book, split
from understudy.sft.spread import BEYOND, spread
from understudy.sft.strength import Strength, open_strength
from understudy.sft.sweep import ARTIFACT, FEWEST, sweep, unswept
from understudy.sft.update import WITHDRAWN, development, find_update
from understudy.stage import Inputs, RunContext, StageOutput
from understudy.types import Chunk, MCQItem, QAPair

_MIX = "mix.jsonl"


def run(config: SftConfig, inputs: Inputs, ctx: RunContext) -> StageOutput:
    """Write `adapter/` (or `model/` for full), `log.jsonl` and `mix.jsonl` (what was taught, row by row).

    With `config.sweep` also `sweep.json`: what each strength of the training answers, and which one was written.
    With a budget that leaves facts out also `left_out.jsonl`, their names; with facts that an update or one before it
    took back also `withdrawn.jsonl`, their questions.
    Raises InputError where there is nothing to learn, ModelError where the model cannot be loaded or trained.
    """
    _check_method(config)
    folder = local_folder(inputs.model)
    check_model(folder)
    if (carried := _carried(config, inputs, ctx)) is not None:
        return carried
    place = ctx.work / "job"
    if not (place / "job.json").is_file():
        _prepare(config, inputs, ctx, place, folder)
    job = Job.load(place)
    count = processes(config, ctx.device)
    if count == 1:
        from understudy.sft.train import train

        result = train(job, ctx.progress)
    else:
        result = launch(job, count, ctx.progress)
    swept = _ship(config, inputs, ctx, place / FINAL)
    shutil.copy(place / LOG, ctx.out / LOG)
    shutil.copy(place / _MIX, ctx.out / _MIX)
    for name in (f"{LEFT_OUT}.jsonl", f"{WITHDRAWN}.jsonl"):
        if (place / name).is_file():
            shutil.copy(place / name, ctx.out / name)
    output = _describe(job, result)
    return StageOutput({**output.metrics, **swept}, output.counts)


def _carried(config: SftConfig, inputs: Inputs, ctx: RunContext) -> StageOutput | None:
    """The artifact of the run before as it is, where it is gone on with and no fact changed; else None."""
    if "sft" not in inputs.previous:
        return None
    pairs = inputs["generate"].records("pairs", QAPair)
    found = split(pairs, inputs["generate"].records("items", MCQItem), dev_rows=config.dev_rows, seed=ctx.seed)
    update = find_update(inputs, found, pairs, ctx.seed)
    if update is None or update.needed:
        return None
    before = inputs.previous["sft"]
    for part in sorted(p for p in before.path.iterdir() if p.name != MANIFEST):
        (shutil.copytree if part.is_dir() else shutil.copy)(part, ctx.out / part.name)
    ctx.logger.info("sft: no fact is new, changed or withdrawn: the model of the run before is kept as it is")
    counts = {**before.counts, "facts": dict(update.changes.counts)}
    return StageOutput({**before.metrics, "train_seconds": 0.0, "carried": True}, counts)


def _ship(config: SftConfig, inputs: Inputs, ctx: RunContext, trained: Path) -> dict[str, Any]:
    """Write the trained adapter or model at the strength that the sweep chooses. Returns its metrics."""
    began = time.perf_counter()
    opened: list[Strength] = []

    def opener() -> Strength:
        if not opened:
            give_back(collect=True)  # the training's model and optimizer
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            opened.append(open_strength(inputs.model, trained, device=ctx.device))
        return opened[0]

    found = _sweep(config, inputs, ctx, opener)
    chosen = 1.0
    if found is not None:
        write_json(ctx.out / ARTIFACT, found)
        chosen = float(found["chosen"])
    if chosen == 1:
        for finished in sorted(trained.iterdir()):
            shutil.copytree(finished, ctx.out / finished.name)
    else:
        opener().write(chosen, ctx.out)
    if found is None:
        return {"strength": chosen}
    of = next((row for row in found["strengths"] if row["strength"] == chosen), None)
    metrics = {"strength": chosen, "strength_why": found["why"], "sweep_seconds": round(time.perf_counter() - began, 1)}
    if of is not None:
        metrics["sweep"] = {name: of[name]["value"] for name in ("dev", "general", "general_change")}
        metrics["sweep"] |= {"kl": of["kl"], "rule": found["rule"]}
    return metrics


def _sweep(config: SftConfig, inputs: Inputs, ctx: RunContext, opener: Callable[[], Strength]) -> dict[str, Any] | None:
    """The content of `sweep.json`; None where it is off."""
    if not config.sweep.enabled:
        return None
    dev = development_items(
        inputs["generate"].records("pairs", QAPair),
        inputs["generate"].records("items", MCQItem),
        dev_rows=config.dev_rows,
        limit=config.sweep.dev_items,
        seed=ctx.seed,
    )
    if len(dev) < FEWEST:
        return unswept(
            f"Only {len(dev)} held-out wordings make a question with four options, and {FEWEST} are needed to choose "
            "a strength by; the model is written as trained."
        )
    return sweep(config.sweep, Examiner(), dev, opener, ctx.work, ctx.progress)


def _prepare(config: SftConfig, inputs: Inputs, ctx: RunContext, place: Path, model_folder: Path) -> None:
    """Write the job: every row of every epoch as tokens in the order of training, and the held-out rows."""
    chunks = inputs["chunk"].records("chunks", Chunk)
    pairs = inputs["generate"].records("pairs", QAPair)
    items = inputs["generate"].records("items", MCQItem)
    follows = "sft" in inputs.previous
    found = split(pairs, items, dev_rows=len(pairs) if follows and config.dev_rows else config.dev_rows, seed=ctx.seed)
    if not found.train:
        raise InputError(
            f"sft: there is no training pair among {len(pairs)} pairs of the stage 'generate' "
            f"({_reasons(found) or 'it wrote none'}); see `understudy show` of that stage"
        )
    tokenizer = load_tokenizer(model_folder)
    index = inputs.get("index")
    retriever = open_index(index.path, config.search, device=ctx.device) if index else None
    update = find_update(inputs, found, pairs, ctx.seed)
    most = config.pairs_an_epoch
    whole = update.beginning if update else tuple(found.train)
    if update and most is not None:
        update = update.within(most, config.update.replay, ctx.seed)
    elif most is not None:
        found.train = spread(found.train, most, ctx.seed)
    kept = update.beginning if update else tuple(found.train)
    found.rejected[BEYOND] += len(whole) - len(kept)
    if found.rejected[BEYOND]:
        ctx.logger.warning("sft: the budget of %s rows leaves out %d pairs", config.rows, found.rejected[BEYOND])
    else:
        del found.rejected[BEYOND]
    withdrawn = (*update.withdrawn, *update.earlier) if update else ()
    if update:
        found.dev = development(found, update.changes, config.dev_rows, ctx.seed)
    dealer = Dealer(
        [*found.train, *withdrawn],
        chunks,
        config.mix,
        seed=ctx.seed,
        retriever=retriever,
        contrast=config.contrast,
    )
    dealt = [update.of_epoch(n, config.update.replay, most) if update else None for n in range(config.all_epochs)]
    share = config.replay.share
    extra = round((len(found.train) if dealt[0] is None else len(dealt[0])) * share / (1 - share))
    place.mkdir(parents=True, exist_ok=True)
    replay = replay_rows(
        config.replay,
        extra * config.epochs,
        seed=ctx.seed,
        work=place,
        open_language_model=lambda: open_language_model(inputs.model, device=ctx.device),
        progress=ctx.progress,
    )
    taught: list[dict[str, Any]] = []
    epochs: list[list[Encoded]] = []
    for number, only in enumerate(dealt):
        ctx.progress("teaching rows", number, len(dealt))
        if number < config.epochs:
            rows = [*dealer.epoch(number, only), *dealer.documents(number, only), *_turn(replay, extra, number)]
        else:
            rows = dealer.by_heart(only)
        epochs.append(_encode(rows, tokenizer, config.max_length, number, taught))
    dev = [e[1] for e in encode_rows([closed_book(p) for p in found.dev], tokenizer, config.max_length) if e]
    ordered = in_order(epochs, config.batch_size, Random(f"{ctx.seed}|order"))
    if not ordered:
        raise InputError(f"sft.max_length: no row fits into {config.max_length} tokens; make it larger")
    save_rows(ordered, place / TRAIN)
    save_rows(sorted(dev, key=lambda e: len(e.ids)), place / DEV)
    write_records(place / _MIX, taught)
    _note_left_out(whole, kept, place / f"{LEFT_OUT}.jsonl")
    if withdrawn:
        write_records(place / f"{WITHDRAWN}.jsonl", withdrawn)
    counts: dict[str, Any] = {"pairs": len(pairs), "train": len(found.train), "dev": len(dev)}
    counts["dev_source"] = found.dev_source
    if update:
        counts["train"] = len(set().union(*(ids or () for ids in dealt)))
        counts["facts"] = dict(update.changes.counts)
    write_records(place / "counts.jsonl", [{**counts, "rejected": dict(found.rejected)}])
    start = str(inputs.previous["sft"].path) if update else None
    Job(place, config, inputs.model, ctx.seed, ctx.device, len(ordered), start).save()


def _note_left_out(whole: Sequence[QAPair], kept: Sequence[QAPair], path: Path) -> None:
    """Write which facts have no pair among those that are taught, for a training that goes on from this one."""
    taught = {fact_name(pair) for pair in kept}
    left = dict.fromkeys(fact_name(p) for p in whole if p.kind != WITHDRAWN and fact_name(p) not in taught)
    if left:
        write_records(path, map(LeftOut, left))


def _turn(replay: Sequence[Row], extra: int, epoch: int) -> list[Row]:
    """`extra` replay rows of an epoch; the rows take turns, and none stands twice in one epoch."""
    count = min(extra, len(replay))
    return [replay[(epoch * count + i) % len(replay)] for i in range(count)]


def _encode(
    rows: Sequence[Row], tokenizer: Any, max_length: int, epoch: int, taught: list[dict[str, Any]]
) -> list[Encoded]:
    """Tokens of the rows that fit; every row is noted in `taught`, also one that is too long."""
    kept: list[Encoded] = []
    for row, fitted in zip(rows, encode_rows(rows, tokenizer, max_length), strict=True):
        shown = fitted[0] if fitted else row
        entry: dict[str, Any] = {"epoch": epoch, "pair_id": row.pair_id, "format": row.format}
        entry |= {"passages": len(shown.passages), "tokens": len(fitted[1].ids) if fitted else None}
        taught.append({**entry, "used": fitted is not None})
        if fitted:
            kept.append(fitted[1])
    return kept


def _describe(job: Job, result: dict[str, Any]) -> StageOutput:
    taught = read_records(job.folder / _MIX, dict)
    counts = dict(read_records(job.folder / "counts.jsonl", dict)[0])
    used = Counter(t["format"] for t in taught if t["used"])
    rejected = dict(counts.pop("rejected"))
    too_long = sum(not t["used"] for t in taught)
    if too_long:
        rejected["rows above max_length"] = too_long
    dev_source = counts.pop("dev_source")
    learned = sum(sum(label != IGNORED for label in r.labels) for r in load_rows(job.folder / TRAIN))
    total = sum(used.values())
    seconds = result["train_seconds"]
    metrics = {
        **result,
        "learned_tokens": learned,
        "tokens_per_second": round(result["tokens"] / seconds, 1) if seconds else None,
        "learning_rate": job.learning_rate,
        "mix": {name: round(n / total, 4) for name, n in sorted(used.items())},
        "dev_source": dev_source if counts["dev"] else None,
    }
    return StageOutput(metrics, {**counts, "rows": total, "formats": dict(sorted(used.items())), "rejected": rejected})


def _reasons(found: Split) -> str:
    return ", ".join(f"{n} {reason}" for reason, n in found.rejected.most_common())


def _check_method(config: SftConfig) -> None:
    """Say at once what is missing, before anything is prepared."""
    if config.method != "qlora":
        return
    from importlib.util import find_spec

    if find_spec("bitsandbytes") is None:
        raise MissingExtraError(
            "sft.method: qlora needs bitsandbytes; install it with  pip install 'understudy[gpu]'  "
            "or use sft.method: lora"
        )
