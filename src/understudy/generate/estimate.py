"""What the generate stage will take, from the number of chunks and the prices in the recipe."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from understudy.errors import InputError
from understudy.generate.config import GenerateConfig
from understudy.models.access import missing
from understudy.models.rates import rates
from understudy.models.resolve import parameters
from understudy.stage import FRESH, SAMPLE, Estimate

# Without a sample: measured with the extractive teacher over five manuals in chunks of 300 tokens.
PAIRS_PER_CHUNK = 3.0
FACTS_PER_CHUNK = 0.5
ITEMS_PER_CHUNK = 0.6
CHUNK_CHARACTERS = 900
# Seconds of a quiet core of the offline teacher: reading a character, writing a fact's and a pair's questions and
# comparing them with all others, and looking for wrong options of a question, found or not, among so many characters.
PER_CHARACTER, PER_FACT, PER_PAIR = 5.4e-6, 1.7e-3, 2.5e-4
PER_TRY, PER_TRY_AND_CHARACTER = 5e-3, 1.2e-8
BEGUN = 0.1
# Bytes of memory for a character and a pair.
CHARACTER_BYTES, PAIR_BYTES, BEGUN_BYTES = 30.0, 2200.0, 30e6
SEEN_LATER = (
    "extractive: no model is asked; how many pairs there are depends on the writing, and `run --until generate` makes "
    "the plan exact"
)
# A remote call: instructions and headings; a pair written as JSON with its quote; seconds it takes.
PROMPT_TOKENS = 700.0
TOKENS_PER_PAIR = 110.0
SECONDS_PER_CALL = 15.0
# A teacher in this process: rows that are written together, and seconds a token whatever the model's size.
LOCAL_ROWS, LOCAL_STEP = 8.0, 0.03
LOCAL_MEMORY = 2 << 30  # keys and values of the rows, and what every process takes


def estimate(config: GenerateConfig, upstream: Mapping[str, Mapping[str, Any]]) -> Estimate:
    """Counts, tokens, money and seconds; all None where the number of chunks is not known yet."""
    counts = upstream.get("chunk", {})
    chunks = counts.get("chunks")
    remote = config.remote
    paid: dict[str, Any] = {}
    if config.served:
        paid = {"unpriced": remote.price is None, "missing": missing(config.teacher)}
    if chunks is None:
        return Estimate(note="the number of chunks is not known yet", **paid)
    chunks = float(chunks)
    size = float(counts["tokens"]) / chunks if counts.get("tokens") and chunks else 300.0
    if config.asks:
        pairs = chunks * config.remote.rounds * config.remote.pairs_per_round
        made = {"pairs": pairs, "items": min(float(config.n_items), chunks * ITEMS_PER_CHUNK)}
        made |= {"taught": pairs * _taught(config)}
    else:
        return _offline(config, upstream, chunks)
    calls = chunks * remote.rounds
    written = calls * remote.pairs_per_round * TOKENS_PER_PAIR
    # Later rounds are shown the questions of the earlier ones.
    shown = chunks * remote.pairs_per_round * 18.0 * remote.rounds * (remote.rounds - 1) / 2
    read = calls * (PROMPT_TOKENS + size) + shown
    if remote.round_trip:
        read += calls * (PROMPT_TOKENS + size + remote.pairs_per_round * 20.0)
        written += calls * remote.pairs_per_round * 40.0
        calls *= 2
    if config.local:
        size_of = parameters(config.teacher)
        speed = None if size_of is None else rates(size_of)
        return Estimate(
            counts=made, tokens=read + written, usd=0.0,
            seconds=None if speed is None
            else read / speed.read + written / speed.written / LOCAL_ROWS + written * LOCAL_STEP,
            memory_bytes=None if size_of is None else 4.0 * size_of + LOCAL_MEMORY,
            note=f"{calls:.0f} answers by a model in this process",
        )  # fmt: skip
    usd = None
    if remote.price is not None:
        usd = (read * remote.price.input + written * remote.price.output) / 1e6
        usd *= 1.0 - remote.price.batch_discount if remote.batch else 1.0
    note = f"{calls:.0f} requests"
    if remote.batch:
        steps = remote.rounds * (2 if remote.round_trip else 1)
        note += f" in batches, {steps} one after another" if steps > 1 else " in a batch"
        note += ", at the price of batches; a batch may take up to a day"
    if usd is not None and remote.max_usd is not None and usd > remote.max_usd:
        note += f"; about {usd:.2f} USD would pass the cap of {remote.max_usd:.2f}, and chunks beyond it fail"
    if usd is None:
        note += "; add remote.price to see the cost"
    return Estimate(
        counts=made, tokens=read + written, usd=usd,
        seconds=None if remote.batch else calls * SECONDS_PER_CALL / remote.concurrency,  # minutes to a day
        note=note, **paid,
    )  # fmt: skip


def _offline(config: GenerateConfig, upstream: Mapping[str, Mapping[str, Any]], chunks: float) -> Estimate:
    """The offline teacher, which makes the questions of imported pairs too."""
    sample = upstream.get(SAMPLE, {})
    read = float(upstream.get("ingest", {}).get("characters") or chunks * CHUNK_CHARACTERS)
    if sample.get("characters") and "facts" in sample:
        whole = read / sample["characters"]
        made = {name: whole * sample[name] for name in ("facts", "pairs", "taught", "watched", "items", "tried")}
    else:
        made = {"facts": chunks * FACTS_PER_CHUNK, "pairs": chunks * PAIRS_PER_CHUNK}
        made |= {"taught": made["pairs"] * _taught(config), "watched": made["pairs"] * config.paraphrases.dev}
        made |= {"items": chunks * ITEMS_PER_CHUNK, "tried": chunks * ITEMS_PER_CHUNK}
    written = made["pairs"]
    if config.pairs:
        splits = _splits(config)
        kept = float(config.keep_generated)
        made["pairs"] = kept * made["pairs"] + sum(splits.values())
        made["taught"] = kept * made["taught"] + splits["train"]
        made["watched"] = kept * made["watched"] + splits["dev"]
        written = max(written, made["pairs"])
        if config.questions == "pairs":
            made["items"] = made["tried"] = float(splits["test"])
    yields = made["items"] / made["tried"] if made["tried"] else 1.0
    made["items"] = min(float(config.n_items), made["items"])
    tried = made["items"] / yields if yields else made["tried"]
    seconds = BEGUN + read * PER_CHARACTER + made["facts"] * PER_FACT + written * PER_PAIR
    seconds += tried * (PER_TRY + read * PER_TRY_AND_CHARACTER)
    return Estimate(
        counts={name: round(made[name]) for name in ("pairs", "items", "taught", "watched")},
        usd=0.0,
        seconds=seconds,
        memory_bytes=FRESH + BEGUN_BYTES + CHARACTER_BYTES * read + PAIR_BYTES * written,
        note="" if sample.get("whole") else SEEN_LATER,
    )


def _taught(config: GenerateConfig) -> float:
    """The share of a teacher's pairs that is trained on."""
    shares = config.paraphrases
    return (1 - shares.test - shares.dev) * (1 - config.heldout_documents) * (1 - config.heldout_chunks)


def _splits(config: GenerateConfig) -> Counter[str]:
    """How many imported pairs are trained on (`train`), held out for early stopping (`dev`) and asked (`test`); none
    where the file cannot be read (the stage says why)."""
    path, shares = Path(config.pairs or ""), config.paraphrases.test if config.questions == "pairs" else None
    try:
        return _counted(path, path.stat().st_mtime, config.dev_share, config.heldout_facts, shares)
    except (InputError, OSError):
        return Counter()


@functools.lru_cache(8)
def _counted(path: Path, changed: float, dev_share: float, heldout: float, paraphrases: float | None) -> Counter[str]:
    """paraphrases: the share held out of pairs that are the questions; None where they are not."""
    from understudy.generate.imported import named_pairs  # they are heavy, and few recipes import pairs
    from understudy.generate.own_questions import group_facts, hold_out_pairs

    pairs = named_pairs(path, dev_share, 0)
    if paraphrases is not None:
        pairs = hold_out_pairs(group_facts(pairs), heldout, paraphrases, 0)
    return Counter(pair.split for pair in pairs)
