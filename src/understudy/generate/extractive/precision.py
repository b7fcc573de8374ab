"""How often each kind of claim makes a good pair, as read by hand (docs/generate.md has the rubric and the manuals).

Good: a user would ask it, the answer is right and whole, the question stands alone. Usable: right, but stilted or of
little use. Faulty: wrong, cut, or not to be understood without the page.
"""

from __future__ import annotations

from dataclasses import dataclass

LEAST = 0.85  # share of good pairs below which a kind is off by default


@dataclass(frozen=True, slots=True)
class Judged:
    """Counts of pairs of one kind, forward and reversed together."""

    good: int
    usable: int
    faulty: int

    @property
    def precision(self) -> float | None:
        """The share of good ones; None where none was read."""
        n = self.good + self.usable + self.faulty
        return self.good / n if n else None


PRECISION: dict[str, Judged] = {
    "why": Judged(0, 0, 4),
    "condition": Judged(9, 4, 1),
    "advice": Judged(1, 2, 0),
    "abbreviation": Judged(4, 4, 0),
}
OFF = frozenset(kind for kind, judged in PRECISION.items() if (judged.precision or 0.0) < LEAST)
"""Kinds that are not asked for by default."""
