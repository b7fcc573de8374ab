"""The tables of AsciiDoc."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from understudy.ingest import compose, grid

_CELL = re.compile(
    r"(?:(?<=\s)|^)(?:(\d{1,3})\*|(?:(\d{1,3})?(?:\.(\d{1,3}))?\+)?)([<^>.]{0,4})([adehlmsv]?)(?<!\\)\|", re.MULTILINE
)
_MOST = 20_000  # cells


@dataclass(frozen=True, slots=True)
class _Cell:
    """A cell as written. style: the letter in front of its bar (`a`: it holds blocks)."""

    text: str
    style: str = ""
    wide: int = 1
    high: int = 1


def table(body: str, options: Mapping[str, str], separator: str, text: Callable[[str, str], str]) -> str:
    """A table of cells between bars (or of values between commas) as a pipe table. text: reads a cell by its style."""
    kind = options.get("format", {",": "csv", ":": "dsv"}.get(separator, "psv"))
    first = body.lstrip("\n").split("\n")
    header = "header" in options.get("options", "") or "header" in options
    if kind in ("csv", "tsv", "dsv"):
        delimiter = options.get("separator", {"csv": ",", "tsv": "\t", "dsv": ":"}[kind])[:1] or ","
        values = list(csv.reader(io.StringIO(body.strip("\n")), delimiter=delimiter, skipinitialspace=True))
        rows = [[_Cell(value) for value in row] for row in values if row]
    else:
        header = header or (len(first) > 1 and first[0].lstrip().startswith("|") and not first[1].strip())
        rows = _rows(_cells(body), _width(options.get("cols", "")) or _first_row(first))
    if "noheader" in options.get("options", ""):
        header = False
    styles = _styles(options.get("cols", ""))
    read: list[list[grid.Cell]] = []
    for row in rows:
        column, cells = 0, []
        for cell in row:
            style = cell.style or (styles[column] if column < len(styles) and (read or not header) else "")
            cells.append(grid.Cell(text(cell.text, style), cell.wide, cell.high))
            column += cell.wide
        read.append(cells)
    return compose.table(grid.lines(read, header=header))


def _cells(body: str) -> list[_Cell]:
    found: list[_Cell] = []
    marks = list(_CELL.finditer(body))
    for mark, following in zip(marks, [*marks[1:], None], strict=False):
        end = following.start() if following else len(body)
        content = body[mark.end() : end].rstrip().replace("\\|", "|")
        content = content.lstrip("\n") if content.startswith("\n") else content.lstrip()
        cell = _Cell(content, mark[5], grid.number(mark[2] or ""), grid.number(mark[3] or ""))
        found += [cell] * grid.number(mark[1] or "")
        if len(found) > _MOST:
            break
    return found


def _rows(cells: list[_Cell], width: int) -> list[list[_Cell]]:
    """The cells in rows of so many columns, those that reach down from above counted."""
    rows: list[list[_Cell]] = []
    hanging: dict[int, int] = {}  # by the number of a row, columns that cells of rows above take
    row: list[_Cell] = []
    filled = 0
    for cell in cells:
        if filled == 0:
            filled = hanging.get(len(rows), 0)
            while filled >= width and width:
                rows.append([])
                filled = hanging.get(len(rows), 0)
        row.append(cell)
        filled += cell.wide
        for down in range(1, min(cell.high, 200)):
            hanging[len(rows) + down] = hanging.get(len(rows) + down, 0) + cell.wide
        if filled >= width:
            rows.append(row)
            row, filled = [], 0
    return [*rows, row] if row else rows


def _width(columns: str) -> int:
    """The number of columns that `cols` names: `3*`, `1,2a,2`."""
    return len(_styles(columns))


def _styles(columns: str) -> list[str]:
    """The letter of each column's style, empty where it has none."""
    found: list[str] = []
    for part in filter(None, re.split(r"[,;]", columns.strip('"'))):
        copies = re.match(r"\s*(\d{1,3})\*", part)
        style = re.search(r"[adehlmsv]\s*$", part)
        found += [style[0].strip() if style else ""] * (int(copies[1]) if copies else 1)
        if len(found) > 200:
            break
    return found[:200]


def _first_row(lines: list[str]) -> int:
    """Cells on the first line that has any; a table of one cell a line has a row up to the first blank line."""
    at = next((i for i, line in enumerate(lines) if line.strip()), None)
    if at is None:
        return 1
    return max(1, sum(cell.wide for cell in _cells(lines[at])))
