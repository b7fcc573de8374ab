"""Markdown keeps its lines; front matter becomes metadata.

What only a site generator understands becomes plain Markdown in `markdown_common`; files that use MDX go through `mdx`
first.
"""

from __future__ import annotations

from dataclasses import replace

from understudy.ingest import front_matter, mdx
from understudy.ingest.base import Page, Source
from understudy.ingest.markdown_common import common


def read(source: Source) -> Page:
    """The text below the front matter; its line numbers point into the file."""
    page = front_matter.split(source.text())
    text = mdx.blank(page.text) if mdx.is_used(page.text) else page.text
    return common(replace(page, text=text))
