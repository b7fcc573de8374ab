"""Word files become HTML through mammoth, and that becomes Markdown as every page does."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any

import mammoth
import mammoth.documents
import mammoth.transforms

from understudy.ingest.base import Page, Source
from understudy.ingest.html_writer import fragment
from understudy.ingest.office_fonts import MONOSPACE

_STYLES = "\n".join(
    [
        "p[style-name='Title'] => h1:fresh",
        *(f"p[style-name='{name}'] => blockquote > p:fresh" for name in ("Quote", "Intense Quote", "Block Text")),
        *(
            f"p[style-name='{name}'] => pre:separator('\\n')"
            for name in ("Code", "Source Code", "HTML Preformatted", "Preformatted Text", "macro", "Macro Text")
        ),
        *(f"r[style-name='{name}'] => code" for name in ("Code", "HTML Code", "Verbatim Char", "Source Text")),
    ]
)
_FIRST_ROW = re.compile(r"<table><tr>(.*?)</tr>", re.DOTALL)
_CELL = re.compile(r"(</?)td\b")


def read(source: Source) -> Page:
    """Headings, lists, tables with their spans, notes and code; which page a passage stands on is not in the file."""
    found = mammoth.convert_to_html(
        BytesIO(source.data),
        style_map=_STYLES,
        convert_image=mammoth.images.img_element(lambda image: {"src": ""}),
        transform_document=mammoth.transforms.paragraph(_code),
    )
    text = fragment(_FIRST_ROW.sub(_header, found.value))
    return Page(text + "\n" if text.strip() else "", places=((0, ""),))


def _header(table: re.Match[str]) -> str:
    """A table whose first row is its header, as Word lays tables out."""
    return "<table><tr>" + _CELL.sub(r"\1th", table[1]) + "</tr>"


def _code(paragraph: Any) -> Any:
    """A paragraph that is all in letters of one width as code."""
    runs = mammoth.transforms.get_descendants_of_type(paragraph, mammoth.documents.Run)
    if (
        runs
        and all(run.font and MONOSPACE.search(run.font) for run in runs)
        and paragraph.style_name in (None, "Normal")
    ):
        return paragraph.copy(style_id="Code", style_name="Code")
    return paragraph
