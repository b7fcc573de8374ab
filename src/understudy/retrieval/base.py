"""What the index room's variants have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Ranker(Protocol):
    """One way of ordering the chunks of an index for a question. A row is a chunk's place in `chunks.jsonl`."""

    def rank(self, query: str, limit: int) -> list[tuple[int, float]]:
        """Up to `limit` (row, score), best first. A larger score is a better match; equal scores stand in the
        order of the rows."""
        ...

    def weigh(self, query: str, rows: Sequence[int]) -> list[float]:
        """The strength of the match of given rows, at most 1, comparable between questions."""
        ...
