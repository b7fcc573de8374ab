"""A random sample of pairs, read by a person, says how many of all are good, with an interval."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from understudy.review.queue import Entry
from understudy.review.session import Review


@dataclass(frozen=True, slots=True)
class Estimate:
    """good of read pairs, drawn from `of`; the share of good ones with its interval, None where none was read."""

    good: int
    read: int
    drawn: int
    of: int
    share: float | None
    low: float | None
    high: float | None


def sample(review: Review, n: int, seed: int = 0) -> list[Entry]:
    """n pairs by a seeded hash of their id: each is as likely as any other, and a larger sample holds the smaller."""
    pairs = [entry for entry in review.entries if entry.is_pair]
    return sorted(pairs, key=lambda e: (hashlib.sha256(f"{seed}:{e.id}".encode()).digest(), e.answer))[:n]


def judged(review: Review, entry: Entry) -> bool | None:
    """Whether somebody who read the pair found it good as it stands; None where nobody has read it."""
    decision = review.decided.get(entry.id) and review.standing(entry)
    if decision is None or decision.alike:
        return None
    return decision.what == "accept"


def estimate(review: Review, drawn: Sequence[Entry], confidence: float = 0.95) -> Estimate:
    """The share of good pairs by Wilson's interval, from the sample as far as it is read without a gap.

    What was read elsewhere in the sample was chosen by its risk, and would say too little good of the rest.
    """
    found: list[bool] = []
    for entry in drawn:
        good = judged(review, entry)
        if good is None:
            break
        found.append(good)
    low, high = wilson(sum(found), len(found), confidence)
    share = sum(found) / len(found) if found else None
    of = sum(entry.is_pair for entry in review.entries)
    return Estimate(sum(found), len(found), len(drawn), of, share, low, high)


def wilson(good: int, n: int, confidence: float = 0.95) -> tuple[float | None, float | None]:
    """Wilson's score interval of a share (1927); None where n is 0."""
    if n == 0:
        return None, None
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    p = good / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)
