"""What every foreign log becomes: questions and what was done with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from understudy.types import ItemResult, MCQItem


@dataclass(frozen=True, slots=True)
class Samples:
    """Items (where the log holds them) and results of one log, by its own name."""

    name: str
    items: Sequence[MCQItem]
    results: Sequence[ItemResult]


def by_arm(results: Sequence[ItemResult]) -> Mapping[str, list[ItemResult]]:
    """Results of each arm, in order."""
    found: dict[str, list[ItemResult]] = {}
    for result in results:
        found.setdefault(result.arm, []).append(result)
    return found


def safe_name(arm: str) -> str:
    """An arm's name as a file name."""
    return "".join(c if c.isalnum() or c in "-_+." else "-" for c in arm)
