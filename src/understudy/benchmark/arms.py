"""Running arms: in blocks, each saved when it is done, so that nothing finished is ever computed twice."""

from __future__ import annotations

import functools
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
Results = dict[str, ItemResult]  # by item_id


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
    done: Results = {}
    clock = time.perf_counter()

    @functools.cache
    def opened() -> tuple[Answerer, Sequence[Scorer]]:
        answerer = open_arm(arm)
        return answerer, scorers(answerer)

    def score(block: Sequence[Question]) -> list[ItemResult]:
        answerer, chosen = opened()
        return _score(arm.name, answerer, block, chosen)

    try:
        in_blocks(questions, folder / slug(arm.name), block_size, score, arm.name, progress, done)
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


def in_blocks(
    questions: Sequence[Question],
    folder: Path,
    block_size: int,
    score: Callable[[Sequence[Question]], list[ItemResult]],
    what: str,
    progress: Progress,
    done: Results,
) -> None:
    """Add to `done` what `folder` holds and, block by block, what it does not; a block is saved when it is scored."""
    done |= {r.item_id: r for path in sorted(folder.glob("*.jsonl")) for r in read_records(path, ItemResult)}
    todo = [q for q in questions if q.item.item_id not in done]
    for start in range(0, len(todo), block_size):
        progress(what, len(done), len(questions))
        block = todo[start : start + block_size]
        found = score(block)
        write_records(folder / f"{block[0].item.item_id}.jsonl", found)
        done |= {r.item_id: r for r in found}


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
