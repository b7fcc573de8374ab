"""Two readings of a documentation compared: which facts are new, changed, unchanged or withdrawn.

A fact is known by what it is asked, so that it stays the same where its page is renamed or text above it is edited.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from understudy.artifact import Artifact
from understudy.normal import normal, strict
from understudy.types import Chunk, QAPair

Change = Literal["new", "changed", "unchanged", "withdrawn"]
CHANGES: tuple[Change, ...] = ("new", "changed", "unchanged", "withdrawn")
LEFT_OUT = "left_out"
"""Of a training's artifact: names of the facts that a budget left no room for; no such file where none was left out."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A fact that is in the documentation and was not taught."""

    fact: str


@dataclass(frozen=True, slots=True)
class FactChanges:
    """How the facts of a later reading stand to those of an earlier one.

    now: `new`, `changed` or `unchanged` for each fact of the later reading, by its name (`fact_name`).
    withdrawn: names of facts of the earlier reading that the documentation states no more.
    before: what the earlier reading answered to the questions that the later one answers otherwise, by question in
        normal form.
    """

    now: Mapping[str, Change]
    withdrawn: frozenset[str]
    before: Mapping[str, str]

    @property
    def counts(self) -> dict[Change, int]:
        """How many facts of each kind."""
        counted = Counter(self.now.values())
        return {"new": counted["new"], "changed": counted["changed"], "unchanged": counted["unchanged"],
                "withdrawn": len(self.withdrawn)}  # fmt: skip


def fact_name(pair: QAPair) -> str:
    """The fact that a pair belongs to; an imported pair without one is its own."""
    return pair.fact_id or normal(pair.question)


def taught_pairs(run: Mapping[str, Artifact]) -> list[QAPair]:
    """The pairs of a run's documentation, without those of facts that its budget left out: what its model was taught.

    run: artifacts by stage, `generate` and, where there is one, `sft`.
    """
    left = {entry.fact for entry in run["sft"].records(LEFT_OUT, LeftOut)} if "sft" in run else set()
    return [pair for pair in run["generate"].stream("pairs", QAPair) if fact_name(pair) not in left]


def compare_facts(before: Sequence[QAPair], after: Sequence[QAPair], chunks: Iterable[Chunk]) -> FactChanges:
    """Compare the pairs of two readings. chunks: of the later reading.

    A later fact is `changed` where one of its questions had another answer, `unchanged` where one had the same, or
    where its quote was already there under other questions (they name their page only while another page states the
    like), else `new`. An earlier fact is `withdrawn` where none of its questions is asked and its quote stands in
    no chunk any more; one whose quote still stands is not asked any more, and still true.
    """
    answered = {normal(p.question): p.answer for p in before}
    quoted = {normal(p.quote) for p in before if p.quote}
    now: dict[str, Change] = {}
    otherwise: dict[str, str] = {}
    for name, pairs in _by_fact(after).items():
        change: Change = "new"
        for pair in pairs:
            was = answered.get(normal(pair.question))
            if was is None:
                continue
            if strict(was) != strict(pair.answer):
                otherwise[normal(pair.question)] = was
                change = "changed"
            elif change == "new":
                change = "unchanged"
        if change == "new" and any(p.quote and normal(p.quote) in quoted for p in pairs):
            change = "unchanged"
        now[name] = change
    asked = {normal(p.question) for p in after}
    gone = {
        name: {normal(p.quote) for p in pairs if p.quote}
        for name, pairs in _by_fact(before).items()
        if name not in now and not any(normal(p.question) in asked for p in pairs)
    }
    if gone:
        texts = [normal(chunk.text) for chunk in chunks]
        gone = {n: quotes for n, quotes in gone.items() if not any(q in t for q in quotes for t in texts)}
    return FactChanges(now, frozenset(gone), otherwise)


def _by_fact(pairs: Iterable[QAPair]) -> dict[str, list[QAPair]]:
    found: dict[str, list[QAPair]] = {}
    for pair in pairs:
        found.setdefault(fact_name(pair), []).append(pair)
    return found
