"""Jupyter notebooks become Markdown: text as it stands, code as fenced blocks, printed output below it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import nbformat

from understudy.ingest import compose, front_matter, places
from understudy.ingest.base import Page, SkipFile, Skipped, Source
from understudy.ingest.html_writer import fragment

_LINES = 30  # of an output: longer ones are logs and data, not documentation
_TABLE = re.compile(r"<(table|dl|ul|ol|pre)\b", re.IGNORECASE)
_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def read(source: Source) -> Page:
    """Cells in order. Pictures, widgets, tracebacks and what stands on stderr are left out."""
    try:
        book: Any = nbformat.reads(source.text(), as_version=4)
    except SkipFile:
        raise
    except Exception as error:  # nbformat raises whatever its JSON schema and converters raise
        raise SkipFile("cannot be parsed", f"not a notebook: {error}") from error
    settings = _mapping(book.get("metadata"))
    said = _mapping(settings.get("language_info")).get("name") or _mapping(settings.get("kernelspec")).get("language")
    language = said if isinstance(said, str) else ""
    blocks: list[str] = []
    title, metadata = "", {}
    skipped: list[Skipped] = []
    for number, cell in enumerate(_list(book.get("cells"))):
        before = len(blocks)
        kind, text = _mapping(cell).get("cell_type"), _text(_mapping(cell).get("source"))
        if kind == "markdown":
            blocks.append(text)
        elif kind == "code":
            blocks.append(compose.code_block(text, language))
            blocks += [_output(_mapping(o)) for o in _list(cell.get("outputs"))]
        elif kind is None:
            skipped.append(Skipped("", "notebook cell", f"cell {number + 1} has no cell_type"))
        elif number == 0:  # a raw first cell is where tools keep front matter
            page = front_matter.split(text)
            title, metadata = page.title, dict(page.metadata)
            blocks.append(page.text)
        blocks[before:] = [places.mark(number + 1) + places.clean(b) for b in blocks[before:] if b.strip()]
    page = Page(compose.join(blocks) + "\n", title, metadata=metadata, skipped=tuple(skipped))
    return places.placed(page, "cell {}".format)


def _mapping(value: Any) -> Mapping[str, Any]:
    """What should be a mapping, as one: nbformat passes on what its schema refuses."""
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _output(output: Mapping[str, Any]) -> str:
    """What a cell printed or showed: Markdown and HTML as such, tables included; else its plain text."""
    if output.get("output_type") == "error" or output.get("name") == "stderr":
        return ""
    data = _mapping(output.get("data"))
    if markdown := _text(data.get("text/markdown")).strip():
        return markdown
    text = _ESCAPES.sub("", _text(output.get("text") or data.get("text/plain")))
    page = _text(data.get("text/html"))
    if page and (_TABLE.search(page) or not text or text.startswith("<")):
        return fragment(page)
    if text.startswith("<"):  # the name of an object, not what it shows
        return ""
    lines = text.rstrip().split("\n")
    if len(lines) > _LINES:
        lines = [*lines[:_LINES], "..."]
    return compose.code_block("\n".join(lines), "text", "Output")


def _text(value: Any) -> str:
    """A notebook's text, which may be a list of lines."""
    return "".join(str(line) for line in value) if isinstance(value, (list, tuple)) else str(value or "")
