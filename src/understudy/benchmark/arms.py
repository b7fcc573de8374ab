"""Running arms: in blocks, each saved when it is done, so that nothing finished is ever computed twice."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from understudy.artifact import read_records, write_records
from understudy.errors import Interrupted, UnderstudyError
from understudy.evaluation.question import Question, Scorer
from understudy.types import Answerer, Arm, ItemResult

Progress = Callable[[str, float, float | None], None]


@dataclass(slots=True)
class ArmRun:
    """The results of an arm, in the order of the questions, and why it stopped where it did."""

    arm: Arm
    results: list[ItemResult] = field(default_factory=list)
    seconds: float = 0.0
    error: str = ""


def by_model(arms: Sequence[Arm]) -> list[Arm]:
    """Arms of one model next to each other, so that each model is loaded once."""
    order = list(dict.fromkeys(arm.model for arm in arms))
    return sorted(arms, key=lambda arm: order.index(arm.model))


def run_arm(
    arm: Arm,
    questions: Sequence[Question],
    open_arm: Callable[[Arm], Answerer],
    scorers: Callable[[Answerer], Sequence[Scorer]],
    *,
    folder: Path,
    block_size: int,
    progress: Progress,
) -> ArmRun:
    """Answer the questions that `folder` does not hold yet. An arm that fails keeps what it has."""
    run = ArmRun(arm)
    place = folder / slug(arm.name)
    done = {r.item_id: r for path in sorted(place.glob("*.jsonl")) for r in read_records(path, ItemResult)}
    todo = [q for q in questions if q.item.item_id not in done]
    clock = time.perf_counter()
    try:
        answerer = open_arm(arm) if todo else None
        chosen = scorers(answerer) if answerer else ()
        for start in range(0, len(todo), block_size):
            assert answerer is not None  # there is something to do
            progress(arm.name, len(done), len(questions))
            block = todo[start : start + block_size]
            found = _score(arm.name, answerer, block, chosen)
            write_records(place / f"{block[0].item.item_id}.jsonl", found)
            done |= {r.item_id: r for r in found}
    except (KeyboardInterrupt, Interrupted):
        raise
    except UnderstudyError as error:
        run.error = str(error)
    except Exception as error:  # an engine may fail in any way; the other arms must go on
        run.error = f"{type(error).__name__}: {error}"
    progress(arm.name, len(done), len(questions))
    run.seconds = time.perf_counter() - clock
    run.results = [done[q.item.item_id] for q in questions if q.item.item_id in done]
    return run


def _score(arm: str, answerer: Answerer, questions: Sequence[Question], scorers: Sequence[Scorer]) -> list[ItemResult]:
    """The first scorer's results; what the others found goes into their detail."""
    first, *others = (scorer.score(arm, answerer, questions) for scorer in scorers)
    for scorer, results in zip(scorers[1:], others, strict=True):
        first = [
            replace(one, detail={**one.detail, "other": {**one.detail.get("other", {}), scorer.name: _brief(two)}})
            for one, two in zip(first, results, strict=True)
        ]
    return first


def _brief(result: ItemResult) -> dict[str, object]:
    keep = {k: result.detail[k] for k in ("chosen", "failures", "answers") if k in result.detail}
    return {"acc": result.acc, "circular": result.circular, "format_failure": result.format_failure, **keep}


def slug(name: str) -> str:
    """A folder name for any arm or model; readable, and distinct by digest."""
    safe = "".join(c if c.isalnum() or c in "-_+" else "-" for c in name)[:40]
    return f"{safe}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
