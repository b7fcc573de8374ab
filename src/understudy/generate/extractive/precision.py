"""How often each kind of claim makes a good pair, as read by hand (docs/judged.md has the rubric and the manuals).

The kinds of the first blind reading hold its verdicts over 360 pairs on those of them that the rules as mended since
still write; to them are added 112 pairs of three manuals, read by the one who wrote the rules, without the kinds (of
definitions the second blind reading too), and the 103 of four manuals of the third blind reading and the 120 of five
of the fourth that the rules still write, and 126 of the fifth's ten, those of the sixth's that are still written (of
terms all), and the seventh's, eighth's and ninth's; a term that nobody sets was counted as `described`
from the fifth on, those of before stand with the terms; the other kinds hold what was read before.

Good: a user would ask it, the answer is right and whole, the question stands alone. Usable: right, but stilted or of
little use. Faulty: wrong, cut, or not to be understood without the page.
"""

from __future__ import annotations

from dataclasses import dataclass

LEAST = 0.85  # share of good pairs below which a kind is off by default
FEWEST = 5  # so many must have been read, unless most of fewer were not good
FEWEST_YOUNG = 20  # of a kind that was added later


@dataclass(frozen=True, slots=True)
class Judged:
    """Counts of pairs of one kind, forward and reversed together."""

    good: int
    usable: int
    faulty: int

    @property
    def read(self) -> int:
        return self.good + self.usable + self.faulty

    @property
    def precision(self) -> float | None:
        """The share of good ones; None where none was read."""
        return self.good / self.read if self.read else None


PRECISION: dict[str, Judged] = {
    "abbreviation": Judged(4, 4, 0),
    "acts": Judged(6, 3, 3),
    "advice": Judged(1, 2, 0),
    "attribute": Judged(6, 6, 0),
    "called": Judged(4, 0, 1),
    "command": Judged(8, 25, 17),
    "condition": Judged(9, 4, 1),
    "controlled": Judged(17, 2, 6),
    "default": Judged(220, 11, 7),
    "described": Judged(17, 13, 8),
    "definition": Judged(21, 6, 3),
    "does": Judged(22, 1, 3),
    "endpoint": Judged(4, 3, 4),
    "faq": Judged(8, 2, 2),
    "howto": Judged(17, 6, 3),
    "located": Judged(3, 3, 0),
    "manner": Judged(4, 1, 0),
    "meaning": Judged(32, 1, 0),
    "method": Judged(2, 0, 1),
    "object": Judged(10, 4, 5),
    "polar": Judged(25, 3, 12),
    "possible": Judged(9, 7, 5),
    "premise": Judged(8, 0, 0),
    "purpose": Judged(412, 57, 55),
    "quantity": Judged(4, 1, 3),
    "relates": Judged(22, 4, 2),
    "relation": Judged(1, 0, 2),
    "same": Judged(0, 0, 1),
    "term": Judged(157, 29, 25),
    "timing": Judged(1, 2, 2),
    "type": Judged(0, 0, 4),
    "used": Judged(8, 2, 0),
    "version": Judged(0, 0, 1),
    "when": Judged(5, 2, 1),
    "why": Judged(0, 0, 4),
}
KEPT = frozenset({"purpose", "term"})
"""Kinds below `LEAST` that are on all the same: without them a manual gives next to nothing but defaults. The review
queue says beside each of their pairs how many were good."""
YOUNG = frozenset(
    "acts aim called list manner polar possible relates required same set steps timing".split()  # noqa: SIM905
)
"""Kinds that are on only after more were read."""
OFF = frozenset(
    kind
    for kind, judged in PRECISION.items()
    if kind not in KEPT
    and (judged.precision or 0.0) < LEAST
    and (judged.read >= FEWEST or judged.usable + judged.faulty > judged.good)
) | frozenset(kind for kind in YOUNG if kind not in PRECISION or PRECISION[kind].read < FEWEST_YOUNG)
"""Kinds that are not asked for by default."""
