"""Any results against any others: runs weeks apart, arms of one run, logs of other programs.

Questions are recognised by their content, whatever the order of their options; only those that both sides
answered count, and they are compared in pairs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from understudy.artifact import read_records
from understudy.benchmark.free import FREE_FILE, FreeAnswer, paired_free
from understudy.benchmark.summary import FreeDifference
from understudy.errors import InputError, did_you_mean
from understudy.evaluation import intervals, paired
from understudy.evaluation.baselines import PREFIX
from understudy.evaluation.interchange.inspect import read_log
from understudy.evaluation.interchange.lm_eval import read_samples
from understudy.evaluation.interchange.samples import Samples, by_arm
from understudy.evaluation.records import Comparison, Interval
from understudy.normal import folded, normal
from understudy.types import ItemResult, MCQItem


@dataclass(frozen=True, slots=True)
class Side:
    """The answers of one arm of one run, keyed by the content of the question; doc_ids are for clustering.

    free: what it answered without options, known by question and reference.
    """

    run: str
    arm: str
    results: dict[str, ItemResult]
    documents: dict[str, str]
    free: tuple[FreeAnswer, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.run}: {self.arm}" if self.arm else self.run


@dataclass(frozen=True, slots=True)
class Compared:
    """What a comparison of runs found. arms: accuracy of each side on all of its own questions. free: free answers to
    questions that both sides were asked."""

    arms: dict[str, Interval]
    comparisons: tuple[Comparison, ...]
    common: dict[tuple[str, str], int]
    free: tuple[FreeDifference, ...] = ()


def content_key(item: MCQItem) -> str:
    """The same for the same question with the same options in any order."""
    parts = [folded(text) for text in (item.question, *sorted(item.options))]
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]


def question_key(item: MCQItem) -> str:
    """The same for the same question with the same right answer, whatever the wrong options are."""
    return "\x1f".join(folded(text).casefold() for text in (item.question, item.options[item.correct]))


def read_side(path: Path, run: str, key: Callable[[MCQItem], str] = content_key) -> list[Side]:
    """Every arm (without floors) of a benchmark folder, or the one of an lm_eval or inspect_ai log.

    Raises InputError where the path is none of these.
    """
    if (path / "results.jsonl").is_file():
        items = read_records(path / "items.jsonl", MCQItem)
        results = [r for r in read_records(path / "results.jsonl", ItemResult) if not r.arm.startswith(PREFIX)]
        free = read_records(path / FREE_FILE, FreeAnswer) if (path / FREE_FILE).is_file() else []
        known = [replace(a, item_id="\x1f".join((normal(a.question), normal(a.reference)))) for a in free]
        return [
            replace(_side(run, Samples(arm, items, rows), key), free=tuple(a for a in known if a.arm == arm))
            for arm, rows in by_arm(results).items()
        ]
    if path.suffix == ".jsonl" and path.is_file():
        return [_side(run, read_samples(path), key)]
    if path.suffix == ".json" and path.is_file():
        return [_side(run, read_log(path), key)]
    raise InputError(
        f"{path}: neither a benchmark artifact (results.jsonl), nor a samples_*.jsonl of lm_eval, nor a JSON log "
        "of inspect_ai"
    )


def _side(run: str, samples: Samples, key_of: Callable[[MCQItem], str] = content_key) -> Side:
    items = {item.item_id: item for item in samples.items}
    results: dict[str, ItemResult] = {}
    documents: dict[str, str] = {}
    for r in samples.results:
        item = items.get(r.item_id)
        key = key_of(item) if item else r.item_id
        results.setdefault(key, r)
        documents.setdefault(key, r.doc_id or (item.doc_id if item else "") or key)
    return Side(run, samples.name, results, documents)


def choose_arms(sides: Sequence[Side], wanted: str) -> list[Side]:
    """The sides of one arm, or all where `wanted` is empty. Raises InputError naming the arms there are."""
    if not wanted:
        return list(sides)
    chosen = [side for side in sides if side.arm == wanted]
    if not chosen:
        names = [side.arm for side in sides]
        raise InputError(f"no arm '{wanted}'; there are: {', '.join(names)}.{did_you_mean(wanted, names)}")
    return chosen


def compare_sides(groups: Sequence[Sequence[Side]], *, confidence: float = 0.95, seed: int = 0) -> Compared:
    """Compare runs given in the order named: later ones against the first.

    Arms of the same name are compared; where runs have no name in common, or only one run is given, every
    later side is compared with the first side. Raises InputError where nothing can be paired.
    """
    sides = _distinct([side for group in groups for side in group])
    labels = {key: label for side in reversed(sides) for key, label in side.documents.items()}
    first_run = sides[: len(groups[0])]
    later = sides[len(groups[0]) :]
    pairs = [(b.name, a.name) for b in later for a in first_run if a.arm == b.arm]
    pairs = pairs or [(b.name, sides[0].name) for b in sides[1:]]
    results = {side.name: side.results for side in sides}
    common = {(a, b): len(paired.common(results[a], results[b])) for a, b in pairs}
    if not any(common.values()):
        raise InputError(
            "these runs have no question in common, so nothing can be paired; benchmark both with the same "
            "questions (benchmark.questions), or with the same documentation"
        )
    return Compared(
        {s.name: intervals.accuracy(s.results, labels, confidence=confidence, seed=seed) for s in sides},
        paired.compare(pairs, results, labels, confidence=confidence, seed=seed),
        common,
        _free(sides, pairs, confidence, seed),
    )


def _free(
    sides: Sequence[Side], pairs: Sequence[tuple[str, str]], confidence: float, seed: int
) -> tuple[FreeDifference, ...]:
    """The free answers of the pairs on their common questions. Questions without an answer are made by taking passages
    out, so they are the same only where the documentation is."""
    of = {side.name: side.free for side in sides}
    labels = {a.item_id: a.doc_id or a.item_id for side in sides for a in side.free}
    return tuple(
        found
        for one, two in pairs
        for found in paired_free(of[one], of[two], one, two, labels, confidence=confidence, seed=seed)
    )


def _distinct(sides: Sequence[Side]) -> list[Side]:
    """The same run named twice keeps two names."""
    seen: dict[str, int] = {}
    found = []
    for side in sides:
        seen[side.name] = seen.get(side.name, 0) + 1
        again = seen[side.name]
        found.append(side if again == 1 else replace(side, run=f"{side.run} ({again})"))
    return found
