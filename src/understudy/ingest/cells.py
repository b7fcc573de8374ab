"""Blocks of Markdown as the text of a table's cell, which is one line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from understudy import outline
from understudy.ingest import compose, places
from understudy.normal import folded

_MORE_THAN_TEXT = re.compile(r"^[ \t]*(?:[-+*] |\d{1,9}[.)] |```|~~~|:::|: |> |\|)", re.MULTILINE)


def one_line(blocks: str) -> str:
    """Lists as HTML, which pipe tables take, each line of code as code, boxes with their kind in front."""
    marks, text = compose.split_places(blocks)
    if not _MORE_THAN_TEXT.search(text):
        return folded(blocks.replace("\\\n", "\n"))
    return marks + " ".join(filter(None, _lines(outline.parse(text))))


def _lines(blocks: Iterable[outline.Block]) -> Iterator[str]:
    for block in blocks:
        inside = " ".join(filter(None, _lines(block.children)))
        if block.kind == "list":
            items = (" ".join(filter(None, _lines(item.children))) for item in block.children)
            yield compose.cell_list(items, block.info[:1].isdigit())
        elif block.kind == "code":
            yield "<br>".join(compose.code_line(line) for line in block.content.rstrip().split("\n") if line.strip())
        elif block.kind == "admonition":
            yield f"**{block.title or block.info.capitalize()}:** {inside}"
        elif block.kind == "definition":
            yield f"{block.cells[0]}: {inside}" if inside else block.cells[0]
        elif block.kind == "table":
            yield "; ".join(", ".join(filter(None, row)) for row in block.rows if any(row))
        else:
            yield inside or folded(places.unmarked(block.content).replace("\\\n", "\n"))
