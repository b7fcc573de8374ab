"""Rows whose cells span others become rows of one width."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from understudy.ingest import places

_SPAN = 200  # rows or columns that a cell spans at most
_SHORT = 12  # words of a cell that is written again in every row it spans


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell's Markdown, and how many columns and rows it takes."""

    text: str
    wide: int = 1
    high: int = 1


def number(text: str, least: int = 1) -> int:
    """A span as a table says it; 1 where it says nothing that can be."""
    return max(least, min(int(text), _SPAN)) if text.isdecimal() and len(text) < 6 else 1


def lines(rows: Sequence[Sequence[Cell]], header: bool = True) -> list[list[str]]:
    """The rows on a grid, for `compose.table`.

    A cell stands where it begins; a short one is said again in each row that it spans, so that the row can be read
    alone. header: whether the first row names the columns; else an empty one is put on top.
    """
    placed: dict[tuple[int, int], str] = {}
    for r, row in enumerate(rows):
        c = 0
        for cell in row:
            while (r, c) in placed:
                c += 1
            wide, high = min(cell.wide, _SPAN), min(cell.high, len(rows) - r, _SPAN)
            again = places.unmarked(cell.text) if len(cell.text.split()) <= _SHORT else ""
            for i, j in itertools.product(range(high), range(wide)):
                placed[r + i, c + j] = "" if j else cell.text if i == 0 else again
            c += wide
    width = max((c for _, c in placed), default=-1) + 1
    found = [[placed.get((r, c), "") for c in range(width)] for r in range(len(rows))]
    return found if header or not found else [[""] * width, *found]
