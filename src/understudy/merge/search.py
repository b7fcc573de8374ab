"""Looking for the best `t` or weight by a development score, as one does by hand.

The score is passed in: this room knows nothing of benchmarks. Every candidate is merged, scored and deleted;
what has been scored is noted, so that an interrupted search goes on where it stopped.
"""

from __future__ import annotations

import itertools
import json
import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from understudy.artifact import digest_json
from understudy.errors import RecipeError
from understudy.merge.parents import Resolve, as_folder
from understudy.merge.schema import Merge, SearchConfig
from understudy.merge.series import merge_series
from understudy.merge.stream import Progress

LOG = "search.jsonl"


@dataclass(frozen=True)
class Trial:
    """One candidate value and its score (larger is better; None where the score is undefined)."""

    value: float
    score: float | None


@dataclass(frozen=True)
class SearchResult:
    """The configuration with the best value in place, and every trial in the order of its making."""

    config: Merge
    value: float
    score: float
    trials: tuple[Trial, ...]


def with_value(config: Merge, search: SearchConfig, value: float) -> Merge:
    """The merge with the searched parameter set: for all models, or for one of them.

    A parameter given by layer or filter is replaced: the search is over one number.
    """
    if config.modules is not None:
        raise RecipeError("merge.search: a merge of modules: is not searched; give models: or slices:")
    if search.model is None:
        return config.model_copy(update={"parameters": {**config.parameters, search.parameter: value}, "search": None})
    entries = [
        e.model_copy(update={"parameters": {**e.parameters, search.parameter: value}}) if e.model == search.model else e
        for e in config.entries or []
    ]
    if entries == list(config.entries or []):
        raise RecipeError(f"merge.search.model: {search.model} is not among models:")
    return config.model_copy(update={"entries": entries, "search": None})


def search(
    documents: Sequence[Merge],
    score: Callable[[Path], float | None],
    work: Path,
    *,
    seed: int = 0,
    max_memory: int | None = None,
    threads: int | None = None,
    resolve: Resolve = as_folder,
    progress: Progress = lambda what, done, total: None,
) -> SearchResult:
    """Try the values of the last document's `search:` section; then halve the distance around the best `rounds` times.

    score: model folder → development score, larger is better. work: folder for candidates and the log.
    Raises RecipeError without a search section, or where no candidate has a score.
    """
    *earlier, config = documents
    if config.search is None:
        raise RecipeError("merge.search: missing; say which values to try")
    plan = config.search
    known = _read(work / LOG, stamp := digest_json([d.identity() for d in documents] + [seed]))
    trials: list[Trial] = []

    def attempt(value: float) -> None:
        if any(t.value == value for t in trials):
            return
        if value not in known:
            out = work / "candidate"
            shutil.rmtree(out, ignore_errors=True)
            merge_series(
                [*earlier, with_value(config, plan, value)], out,
                seed=seed, max_memory=max_memory, threads=threads, resolve=resolve,
            )  # fmt: skip
            found = score(out)
            known[value] = None if found is None or math.isnan(found) else float(found)
            _append(work / LOG, {"stamp": stamp, "value": value, "score": known[value]})
            shutil.rmtree(out, ignore_errors=True)
        trials.append(Trial(value, known[value]))
        progress(f"search: {plan.parameter} = {value:g}", len(trials), None)

    for value in plan.values:
        attempt(value)
    step = _spacing(plan.values)
    for _ in range(plan.rounds):
        step /= 2
        best = _best(trials).value
        for value in (best - step, best + step):
            if min(plan.values) <= value <= max(plan.values):
                attempt(round(value, 6))
    winner = _best(trials)
    assert winner.score is not None
    return SearchResult(with_value(config, plan, winner.value), winner.value, winner.score, tuple(trials))


def _best(trials: Sequence[Trial]) -> Trial:
    """The highest score; of equal ones the first tried."""
    scored = [t for t in trials if t.score is not None]
    if not scored:
        raise RecipeError("merge.search: no candidate has a score; check the benchmark section")
    return max(scored, key=lambda t: -math.inf if t.score is None else t.score)


def _spacing(values: Sequence[float]) -> float:
    """The smallest distance between two values; 0 for a single one."""
    ordered = sorted(set(values))
    return min((b - a for a, b in itertools.pairwise(ordered)), default=0.0)


def _read(path: Path, stamp: str) -> dict[float, float | None]:
    if not path.is_file():
        return {}
    lines: list[dict[str, Any]] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(line))
        except ValueError:
            break  # the line in which the search was killed
    return {entry["value"]: entry["score"] for entry in lines if entry["stamp"] == stamp}


def _append(path: Path, entry: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")
