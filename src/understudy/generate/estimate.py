"""What the generate stage will take, from the number of chunks and the prices in the recipe."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from understudy.generate.config import GenerateConfig
from understudy.models.access import missing
from understudy.models.rates import rates
from understudy.models.resolve import parameters
from understudy.rows import count_rows
from understudy.stage import Estimate

# Measured with the extractive teacher over five manuals in chunks of 300 tokens (0.8 to 3.3 pairs a chunk).
PAIRS_PER_CHUNK = 3.0
ITEMS_PER_CHUNK = 0.6
CHUNKS_PER_SECOND = 250.0  # 7,000 to 11,000 chunks of manuals of 420 and 770 pages in 20 and 43 s of a quiet core
# What structure gives depends on the writing: the bundled manual, dense with tables, gave 50 pairs a chunk.
SEEN_LATER = (
    "extractive: no model is asked; a dense manual gives up to sixteen times these pairs, and `run --until generate`, "
    "which takes seconds, makes the plan exact"
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
    if config.pairs:
        pairs = float(count_rows(Path(config.pairs))) + (chunks * PAIRS_PER_CHUNK if config.keep_generated else 0.0)
    elif config.teacher == "extractive":
        pairs = chunks * PAIRS_PER_CHUNK
    else:
        pairs = chunks * config.remote.rounds * config.remote.pairs_per_round
    made = {"pairs": pairs, "items": min(float(config.n_items), chunks * ITEMS_PER_CHUNK)}
    if config.teacher == "extractive" or config.pairs:
        return Estimate(counts=made, usd=0.0, seconds=1.0 + chunks / CHUNKS_PER_SECOND, note=SEEN_LATER)
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
