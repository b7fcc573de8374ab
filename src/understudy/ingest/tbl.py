"""tbl(1): the tables of man pages, with cells that span columns and rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

_TAB = re.compile(r"\btab\s*\((.)\)")
_RULE = re.compile(r"[_=\s]*|\\[_^]")
_WIDEST = 200
_LONGEST = 4_000  # characters of a line of formats
_SHORT = 12  # words of a cell that is written again in every row it spans


def read(lines: Sequence[str], text: Callable[[str], str]) -> list[list[str]]:
    """The rows of a table; text: reads one cell, or the requests and lines of a `T{` block."""
    separator, index = "\t", 0
    while index < len(lines) and lines[index].rstrip().endswith(";"):
        found = _TAB.search(lines[index])
        separator = found[1] if found else separator
        index += 1
    formats, index = _formats(lines, index)
    rows: list[list[str]] = []
    while index < len(lines):
        line = lines[index]
        index += 1
        if line.startswith(".T&"):
            more, index = _formats(lines, index)
            formats = [*formats[: len(rows)], *more]
            continue
        if _RULE.fullmatch(line) or line.startswith((".", "'")):
            continue
        cells, index = _cells(line, lines, index, separator, text)
        rows.append(_placed(cells, formats[min(len(rows), len(formats) - 1)] if formats else [], rows))
    return rows


def _formats(lines: Sequence[str], index: int) -> tuple[list[list[str]], int]:
    """The columns of each row by their letters, and the index after the dot that ends them."""
    formats: list[list[str]] = []
    while index < len(lines):
        line = lines[index]
        index += 1
        for part in re.split(r",", re.sub(r"\([^)]{0,200}\)", "", line[:_LONGEST])):
            letters = re.findall(r"[lrcnasLRCNAS^]", re.sub(r"[fF](?:\S\S?|\([^)]{0,200}\))|[wWpPvV][\d.]+", "", part))
            formats.append([letter.lower() for letter in letters][:_WIDEST])
        if line.rstrip().endswith("."):
            break
    return [f for f in formats if f], index


def _cells(
    line: str, lines: Sequence[str], index: int, separator: str, text: Callable[[str], str]
) -> tuple[list[str], int]:
    """The cells of a row, with those that go on over lines between `T{` and `T}`."""
    cells: list[str] = []
    parts = line.split(separator)[:_WIDEST]
    while parts:
        part = parts.pop(0)
        if part.strip() != "T{":
            cells.append(text(part))
            continue
        block: list[str] = []
        while index < len(lines) and not lines[index].startswith("T}"):
            block.append(lines[index])
            index += 1
        cells.append(text("\n".join(block)))
        parts = lines[index][2:].split(separator)[1:] if index < len(lines) else []
        index += 1
    return cells, index


def _placed(cells: Sequence[str], columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The row on the grid: `s` continues the cell to the left, `^` the cell above."""
    row: list[str] = []
    waiting = list(cells)
    for place, letter in enumerate(columns or ["l"] * len(cells)):
        above = rows[-1][place] if rows and place < len(rows[-1]) else ""
        if letter == "s" and place:
            row.append("")
            if waiting and not waiting[0].strip():
                waiting.pop(0)  # some write an empty cell under a span
        elif letter == "^" or (waiting and waiting[0] in ("\\^", "^")):
            row.append(above if len(above.split()) <= _SHORT else "")
            if waiting:
                waiting.pop(0)
        else:
            row.append(waiting.pop(0) if waiting else "")
    return [*row, *waiting]
