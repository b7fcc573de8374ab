"""PDF and Office files become Markdown through docling, an optional extra."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from understudy.ingest.archive import Archive
from understudy.ingest.base import Page, SkipFile, Source

INSTALL = "pip install 'understudy[docs]'"
_converter: list[Any] = []  # it loads its layout models once


def read(source: Source) -> Page:
    """The document as docling reads it. Raises SkipFile naming the command that installs docling."""
    if source.data.startswith(b"PK"):
        Archive(source.data)  # refuses what unpacks without end
    try:
        from docling.datamodel.base_models import DocumentStream  # seconds to import, and not always there
        from docling.document_converter import DocumentConverter
    except ImportError as error:
        raise SkipFile("missing extra", f"PDF and Office files need docling: {INSTALL}") from error
    if not _converter:
        _converter.append(DocumentConverter())
    stream = DocumentStream(name=source.path.name, stream=BytesIO(source.data))
    # Which page a passage stands on is not known; a citation names the file.
    return Page(_converter[0].convert(stream).document.export_to_markdown() + "\n", places=((0, ""),))
