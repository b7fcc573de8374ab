"""What a benchmark will take, from the number of questions and the size of the passages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from understudy.benchmark.config import BenchmarkConfig
from understudy.models.access import WIRES, missing
from understudy.models.rates import rates
from understudy.rows import count_rows
from understudy.stage import Estimate
from understudy.types import Arm

QUESTION_TOKENS = 60  # a question with its options, on average
PASSAGES = 5  # that an arm reads, where nothing tells
WRITTEN = 0.4  # of the tokens that a free answer may have
LIBRARIES = 1.3e9  # bytes of memory


def estimate(config: BenchmarkConfig, upstream: Mapping[str, Mapping[str, Any]]) -> Estimate:
    """Counts and tokens; None where the number of questions is not known before they are made or read."""
    items = upstream.get("generate", {}).get("items") if not config.questions else None
    if config.max_items is not None:
        items = min(items, config.max_items) if items is not None else config.max_items
    served = [m for arm in config.arms if (m := Arm.parse(arm).model).partition(":")[0] in WIRES]
    paid: dict[str, Any] = {"unpriced": bool(served), "missing": missing(*served)}
    if items is None:
        return Estimate(note="the number of questions is not known yet", **paid)
    chunk = upstream.get("chunk", {})
    per_chunk = chunk["tokens"] / chunk["chunks"] if chunk.get("chunks") and chunk.get("tokens") else 300.0
    context = {
        "closed-book": 0.0,
        "oracle": per_chunk,
        "rag": upstream.get("search", {}).get("passages", PASSAGES) * per_chunk,
        "corpus": float(chunk.get("tokens") or 0),
    }
    shown = any(s != "cloze" for s in config.scoring)
    each = {
        a: items * config.rounds * (context[Arm.parse(a).context] + QUESTION_TOKENS * (4 if shown else 1))
        for a in config.arms
    }
    free = {a: _free(config, int(items), a, context) for a in config.arms}
    answers = sum(f.answers for f in free.values())
    parameters = upstream.get("model", {}).get("parameters")
    seconds = memory = None
    if parameters and not served:
        speed = rates(parameters)
        memory = LIBRARIES + parameters * 4.0 * len({Arm.parse(a).model for a in config.arms})
        read = sum(each.values()) + sum(f.read for f in free.values())
        seconds = read / speed.read + sum(f.written for f in free.values()) / speed.written
    return Estimate(
        counts={
            "items": float(items),
            "arms": float(len(config.arms)),
            "answers": float(items * len(config.arms)),
            **({"free answers": answers} if answers else {}),
        },
        tokens=sum(each.values()) + sum(f.read + f.written for f in free.values()),
        seconds=seconds,
        memory_bytes=memory,
        **paid,
    )


@dataclass(frozen=True, slots=True)
class _Free:
    """Free answers of an arm, and their tokens: read and written."""

    answers: float = 0.0
    read: float = 0.0
    written: float = 0.0


def _free(config: BenchmarkConfig, items: int, name: str, context: Mapping[str, float]) -> _Free:
    arm = Arm.parse(name)
    if arm.context not in ("closed-book", "rag"):
        return _Free()
    if config.open_questions:
        n = count_rows(Path(config.open_questions).expanduser())
    else:
        n = min(items, config.free.answerable)
        n += min(items, config.free.unanswerable) if arm.context == "rag" else 0
        n += 0 if config.questions else min(items, config.free.untreated)
    return _Free(n, n * (context[arm.context] + QUESTION_TOKENS), n * config.free.max_tokens * WRITTEN)
