"""Markdown keeps its characters; front matter becomes metadata. Files that use MDX go through `mdx`."""

from __future__ import annotations

from understudy.ingest import front_matter, mdx
from understudy.ingest.base import Page, Source


def read(source: Source) -> Page:
    """The text below the front matter; its line numbers point into the file."""
    page = front_matter.split(source.text())
    if mdx.is_used(page.text):
        return Page(mdx.blank(page.text), page.title, page.first_line, page.metadata)
    return page
