"""HTML tables that stand in Markdown become pipe tables, so that every later stage reads their cells."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from understudy.ingest.base import Page
from understudy.ingest.html_writer import fragment
from understudy.ingest.markdown_fences import FENCE, fences

Numbered = tuple[int, str]  # a line of the source and its text

_OPEN = re.compile(r"^[ \t]*<table\b", re.IGNORECASE)
_TAGS = re.compile(r"<(/?)table\b", re.IGNORECASE)
_MOST = 2_000  # lines of one table
_MOST_LOOKED = 400_000


def tables(page: Page, lines: Sequence[Numbered]) -> Page:
    """The page of the given lines, its HTML tables written as pipe tables.

    Where a table needs no more lines than its source, every other line keeps its number; else the page gets
    `places`, one a line.
    """
    return numbered(page, list(_converted(lines)))


def numbered(page: Page, lines: Sequence[Numbered]) -> Page:
    """The page of the given lines, with a place for each where they do not count up from its first."""
    text = "\n".join([line for _, line in lines])
    if [number for number, _ in lines] == list(range(page.first_line, page.first_line + len(lines))):
        return replace(page, text=text)
    places: list[tuple[int, str]] = []
    offset = 0
    for number, line in lines:
        if not places or places[-1][1] != f"L{number}":
            places.append((offset, f"L{number}"))
        offset += len(line) + 1
    return replace(page, text=text, places=(*places, (len(text), f"L{lines[-1][0] + 1}")))


def _converted(lines: Sequence[Numbered]) -> Iterator[Numbered]:
    index = 0
    code = [line.inside for line in fences(text for _, text in lines)]
    looked = 0  # lines looked through for the end of tables: those that never end must not cost more and more
    while index < len(lines):
        number, line = lines[index]
        end = index
        if not code[index] and _OPEN.match(line) and looked < _MOST_LOOKED:
            end = _end(lines, index)
            looked += end - index if end > index else _MOST
        table = _table(lines[index:end]) if end > index else None
        if table is None:
            yield number, line
            index += 1
            continue
        if end < len(lines) and lines[end][1].strip():
            table.append("")  # a table ends at a blank line
        source = [n for n, _ in lines[index:end]]
        padded = table + [""] * (len(source) - len(table))
        numbers = source + [source[-1]] * (len(padded) - len(source))
        yield from zip(numbers, padded, strict=True)
        index = end


def _end(lines: Sequence[Numbered], index: int) -> int:
    """One past the line that closes the table which `index` opens; `index` where none does, or code stands in it."""
    depth = 0
    for at in range(index, min(len(lines), index + _MOST)):
        line = lines[at][1]
        if FENCE.match(line):
            return index
        for tag in _TAGS.finditer(line):
            depth += -1 if tag[1] else 1
            if depth == 0:
                return at + 1 if not line[tag.end() :].lstrip(" \t>") else index
    return index


def _table(lines: Sequence[Numbered]) -> list[str] | None:
    """The lines of a pipe table at the indentation of the source; None where there is nothing in it."""
    indent = lines[0][1][: len(lines[0][1]) - len(lines[0][1].lstrip())]
    markdown = fragment("\n".join(line for _, line in lines))
    if "|" not in markdown:
        return None
    return [indent + line if line else "" for line in markdown.split("\n")]
