"""Slides become Markdown: each slide a section with its title, texts, tables and notes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import Any

from pptx import Presentation

from understudy.ingest import compose, grid, places
from understudy.ingest.base import Page, Source
from understudy.ingest.office_fonts import MONOSPACE
from understudy.normal import folded

_LEVELS = 8


def read(source: Source) -> Page:
    """The slides in order; what is hidden is left out."""
    blocks: list[str] = []
    for number, slide in enumerate(Presentation(BytesIO(source.data)).slides, 1):
        if slide.element.get("show") == "0":
            continue
        title = slide.shapes.title
        said = _line(title.text_frame.text) if title is not None and title.has_text_frame else ""
        inside = list(_shapes(s for s in slide.shapes if title is None or s.shape_id != title.shape_id))
        if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
            inside += [compose.paragraph(_line(p.text)) for p in slide.notes_slide.notes_text_frame.paragraphs]
        made = [compose.heading(2, said), *inside]
        blocks += [places.mark(number) + block for block in made if block.strip()]
    return places.placed(Page(compose.join(blocks) + "\n" if blocks else ""), "slide {}".format)


def _shapes(shapes: Iterable[Any]) -> Iterator[str]:
    """The blocks of shapes, from top to bottom as they stand on the slide."""
    for shape in sorted(shapes, key=lambda s: (s.top or 0, s.left or 0)):
        if hasattr(shape, "shapes"):
            yield from _shapes(shape.shapes)
        elif getattr(shape, "has_table", False):
            yield _table(shape.table)
        elif getattr(shape, "has_text_frame", False):
            yield from _texts(shape)


def _texts(shape: Any) -> Iterator[str]:
    paragraphs = [p for p in shape.text_frame.paragraphs if p.text.strip()]
    if paragraphs and all(_is_code(p) for p in paragraphs):
        lines = [places.clean(p.text).replace("\v", "\n") for p in shape.text_frame.paragraphs]
        yield compose.code_block("\n".join(lines))
    elif len(paragraphs) > 1 and shape.is_placeholder:
        yield _listed([(min(p.level, _LEVELS), _line(p.text)) for p in paragraphs])
    else:
        yield from (compose.paragraph(_line(p.text)) for p in paragraphs)


def _is_code(paragraph: Any) -> bool:
    runs = [run for run in paragraph.runs if run.text.strip()]
    return bool(runs) and all(run.font.name and MONOSPACE.search(run.font.name) for run in runs)


def _listed(items: list[tuple[int, str]]) -> str:
    """Items with their levels as a list within lists."""
    made: list[str] = []
    at = 0
    while at < len(items):
        level, text = items[at]
        end = at + 1
        while end < len(items) and items[end][0] > level:
            end += 1
        below = _listed(items[at + 1 : end]) if end > at + 1 else ""
        made.append(compose.join([compose.paragraph(text), below]))
        at = end
    return compose.bullets(made)


def _table(table: Any) -> str:
    rows = [
        [grid.Cell(_line(c.text), c.span_width, c.span_height) for c in row.cells if not c.is_spanned]
        for row in table.rows
    ]
    return compose.table(grid.lines(rows))


def _line(text: str) -> str:
    return compose.escape(places.clean(folded(text)))
