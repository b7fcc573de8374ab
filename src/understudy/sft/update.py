"""What a training that goes on from an earlier run's is taught: what changed, what is withdrawn, some of the rest."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from understudy.facts import LEFT_OUT, FactChanges, LeftOut, compare_facts, fact_name, taught_pairs
from understudy.normal import normal
from understudy.prompts import ABSTAIN
from understudy.sft.rows import Split
from understudy.sft.spread import spread
from understudy.stage import Inputs
from understudy.types import Chunk, QAPair

WITHDRAWN = "withdrawn"
"""The kind of a pair that teaches that the documentation does not say; and of a training's artifact: such pairs, the
newest first, for the updates that go on from it."""
OFTENER = 3
"""How many times as often as an unchanged pair a question is taught again whose fact an earlier update took back."""
REMEMBERED = 5
"""How many times fewer questions of facts that earlier updates withdrew are kept than pairs of unchanged ones."""


@dataclass(frozen=True, slots=True)
class Update:
    """changes: how the facts stand to those of the run before. taught: pairs of new and changed facts. withdrawn: the
    questions of withdrawn facts with the answer that the documentation does not say. unchanged: pairs of the others,
    in the order in which they are taught again. waiting: pairs of facts that the budget of the run before left out.
    earlier: what updates before this one taught as withdrawn and nothing asks again, newest first.
    """

    changes: FactChanges
    taught: tuple[QAPair, ...]
    withdrawn: tuple[QAPair, ...]
    unchanged: tuple[QAPair, ...]
    waiting: tuple[QAPair, ...] = ()
    earlier: tuple[QAPair, ...] = ()

    @property
    def needed(self) -> bool:
        """Whether there is anything that the model does not know yet."""
        return bool(self.taught or self.withdrawn or self.waiting)

    @property
    def beginning(self) -> tuple[QAPair, ...]:
        """The pairs of every epoch."""
        return (*self.taught, *self.withdrawn, *self.waiting)

    def within(self, most: int, share: float, seed: int) -> Update:
        """The same with at most so many pairs of an epoch: first what changed, then what was left out before, which
        leaves room for `share` of the unchanged ones, up to half."""
        taught = tuple(spread(self.taught, most, seed))
        withdrawn = self.withdrawn[: most - len(taught)]
        room = most - len(taught) - len(withdrawn)
        again = min(_part(self.unchanged, share) + _part(self.earlier, OFTENER * share), room // 2)
        return replace(
            self, taught=taught, withdrawn=withdrawn, waiting=tuple(spread(self.waiting, room - again, seed))
        )

    def of_epoch(self, number: int, share: float, most: int | None = None) -> set[str]:
        """The ids of the pairs of an epoch: all that changed, and the next part of what did not and of what was taken
        back before. most: all together."""
        chosen = list(self.beginning)
        for pairs, often in ((self.earlier, OFTENER * share), (self.unchanged, share)):
            count = _part(pairs, often)
            if most is not None:
                count = min(count, max(0, most - len(chosen)))
            chosen += [pairs[(number * count + i) % len(pairs)] for i in range(count)]
        return {pair.pair_id for pair in chosen}


def _part(pairs: Sequence[QAPair], share: float) -> int:
    """How many of them a share is, at least one."""
    return min(len(pairs), -int(-share * len(pairs) // 1))


def find_update(inputs: Inputs, found: Split, pairs: Sequence[QAPair], seed: int) -> Update | None:
    """What changed since the run that the training goes on from; None where it starts from the base model."""
    if "sft" not in inputs.previous:
        return None
    before = taught_pairs(inputs.previous)
    changes = compare_facts(before, pairs, inputs["chunk"].records("chunks", Chunk))
    left = {entry.fact for entry in inputs.previous["sft"].records(LEFT_OUT, LeftOut)}
    moved = [p for p in found.train if changes.now[fact_name(p)] != "unchanged"]
    withdrawn = [
        replace(p, pair_id=f"withdrawn-{p.pair_id}", answer=ABSTAIN, chunk_id="", quote="", kind=WITHDRAWN)
        for p in before
        if p.split != "test" and fact_name(p) in changes.withdrawn
    ]
    unchanged = [p for p in found.train if changes.now[fact_name(p)] == "unchanged"]
    asked = {normal(p.question) for p in (*pairs, *withdrawn)}
    earlier = [p for p in inputs.previous["sft"].records(WITHDRAWN, QAPair) if normal(p.question) not in asked]
    earlier = earlier[: len(unchanged) // REMEMBERED]
    return Update(
        changes,
        tuple(p for p in moved if fact_name(p) not in left),
        tuple({p.question: p for p in withdrawn}.values()),
        by_coverage(unchanged, seed),
        tuple(p for p in moved if fact_name(p) in left),
        tuple(earlier),
    )


def development(found: Split, changes: FactChanges, most: int, seed: int) -> list[QAPair]:
    """The held-out paraphrases that early stopping looks at: at most half of them of unchanged facts, where there are
    others; what changed alone would let the rest be forgotten, and the rest alone would stop at once."""
    dev = by_coverage(found.dev, seed)
    moved = [p for p in dev if changes.now.get(fact_name(p)) in ("new", "changed")]
    same = [p for p in dev if changes.now.get(fact_name(p)) not in ("new", "changed")]
    if not moved:
        return same[:most]
    moved = moved[: max(1, most // 2)]
    return [*moved, *same[: min(len(moved), most - len(moved))]]


def by_coverage(pairs: Sequence[QAPair], seed: int) -> tuple[QAPair, ...]:
    """The pairs in an order whose every beginning is spread over the passages: each gives one before any a second."""
    drawn = sorted(pairs, key=lambda p: hashlib.sha256(f"{seed}|update|{p.pair_id}".encode()).digest())
    turn: Counter[str] = Counter()
    ranked: list[tuple[int, int, QAPair]] = []
    for place, pair in enumerate(drawn):
        passage = pair.chunk_id or pair.doc_id or pair.pair_id
        ranked.append((turn[passage], place, pair))
        turn[passage] += 1
    return tuple(pair for _, _, pair in sorted(ranked, key=lambda r: r[:2]))
