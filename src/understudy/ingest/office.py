"""PDF and Office files become Markdown through small libraries, an optional extra: each kind of file in a module of its
own, `office_<kind>`."""

from __future__ import annotations

import importlib

from understudy.ingest.archive import Archive
from understudy.ingest.base import Page, SkipFile, Source

INSTALL = "pip install 'understudy[docs]'"
_KINDS = frozenset({"pdf", "docx", "pptx", "xlsx"})


def read(source: Source) -> Page:
    """The document, its places by page, slide or sheet. Raises SkipFile naming the command that installs the extra."""
    kind = source.path.suffix.lower().lstrip(".")
    if source.data.startswith(b"%PDF"):
        kind = "pdf"
    elif source.data.startswith(b"PK"):
        Archive(source.data)  # refuses what unpacks without end
    elif kind in _KINDS:
        raise SkipFile("cannot be parsed", f"is no .{kind} file")
    if kind not in _KINDS:
        raise SkipFile("unknown format")
    try:
        module = importlib.import_module(f"understudy.ingest.office_{kind}")
    except ImportError as error:
        raise SkipFile("missing extra", f"PDF and Office files need {error.name}: {INSTALL}") from error
    page: Page = module.read(source)
    return page
