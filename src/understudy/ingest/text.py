"""Plain text is Markdown as it stands: every character and line keeps its place."""

from __future__ import annotations

from understudy.ingest.base import Page, Source


def read(source: Source) -> Page:
    """The text itself."""
    return Page(source.text())
