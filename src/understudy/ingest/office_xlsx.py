"""Workbooks become Markdown: each sheet a section, each block of cells a table."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from io import BytesIO
from typing import Any

from openpyxl import load_workbook

from understudy.ingest import compose, grid, places
from understudy.ingest.base import Page, Skipped, Source
from understudy.normal import folded

_ROWS = 5_000  # of a sheet
_COLUMNS = 200


def read(source: Source) -> Page:
    """The sheets that are shown, with the values that formulas last had."""
    book = load_workbook(BytesIO(source.data), data_only=True)
    names: list[str] = []
    blocks: list[str] = []
    skipped: list[Skipped] = []
    for sheet in book.worksheets:
        if sheet.sheet_state != "visible":
            continue
        tables = list(_blocks(sheet))
        if tables:
            name = places.clean(sheet.title)
            blocks.append(places.mark(len(names)) + compose.heading(1, compose.escape(name)))
            blocks += tables
            names.append(f"sheet {name}")
        if sheet.max_row > _ROWS:
            skipped.append(Skipped("", "too large", f"sheet {sheet.title}: rows below {_ROWS} are left out"))
    page = Page(compose.join(blocks) + "\n" if blocks else "", skipped=tuple(skipped))
    return places.placed(page, names.__getitem__)


def _blocks(sheet: Any) -> Iterator[str]:
    """The blocks of a sheet, which rows without a value part; a row of one value above is a block's title."""
    spans, covered = _spans(sheet)
    rows: list[list[grid.Cell]] = []
    for number, row in enumerate(
        sheet.iter_rows(max_row=min(sheet.max_row, _ROWS), max_col=min(sheet.max_column, _COLUMNS)), 1
    ):
        cells = [
            grid.Cell(_text(cell.value), *spans.get((number, column), (1, 1)))
            for column, cell in enumerate(row, 1)
            if (number, column) not in covered
        ]
        if any(cell.text for cell in cells) or any((number, c) in covered for c in range(1, len(row) + 1)):
            rows.append(cells)
        else:
            yield from _table(rows)
            rows = []
    yield from _table(rows)


def _spans(sheet: Any) -> tuple[dict[tuple[int, int], tuple[int, int]], set[tuple[int, int]]]:
    """How many columns and rows each merged cell takes, and the places that it covers."""
    spans: dict[tuple[int, int], tuple[int, int]] = {}
    covered: set[tuple[int, int]] = set()
    for area in sheet.merged_cells.ranges:
        bottom, right = min(area.max_row, _ROWS), min(area.max_col, _COLUMNS)
        spans[area.min_row, area.min_col] = (right - area.min_col + 1, bottom - area.min_row + 1)
        covered |= {(r, c) for r in range(area.min_row, bottom + 1) for c in range(area.min_col, right + 1)}
        covered.discard((area.min_row, area.min_col))
    return spans, covered


def _table(rows: list[list[grid.Cell]]) -> Iterator[str]:
    while rows and len(said := [cell.text for cell in rows[0] if cell.text]) <= 1:
        titled = len(rows) > 1 and sum(bool(cell.text) for cell in rows[1]) > 1
        if said:
            yield compose.paragraph(f"**{said[0]}**" if titled else said[0])
        rows = rows[1:]
    lines = grid.lines(rows)
    used = [c for c in range(len(lines[0]) if lines else 0) if any(line[c] for line in lines)]
    if used:
        yield compose.table([[line[c] for c in used] for line in lines])


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        value = value.date()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    return compose.escape(places.clean(folded(value)))
