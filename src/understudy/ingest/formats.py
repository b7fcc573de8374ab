"""Which file is read as what: the format is the name of the module of this room that reads it."""

from __future__ import annotations

import re
from pathlib import PurePath

SUFFIXES = {
    ".md": "markdown", ".markdown": "markdown", ".mdown": "markdown", ".mkd": "markdown", ".mdx": "mdx",
    ".html": "html", ".htm": "html", ".xhtml": "html",
    ".rst": "rst", ".rest": "rst",
    ".txt": "text", ".text": "text",
    ".ipynb": "notebook",
    ".adoc": "asciidoc", ".asciidoc": "asciidoc", ".asc": "asciidoc",
    ".xml": "xml", ".docbook": "xml", ".dbk": "xml",
    ".wiki": "mediawiki", ".mediawiki": "mediawiki",
    ".yaml": "openapi", ".yml": "openapi", ".json": "openapi",  # those that are one
    ".epub": "epub",
    ".pdf": "office", ".docx": "office", ".pptx": "office", ".xlsx": "office",
}  # fmt: skip
INCLUDING = frozenset({"rst", "asciidoc", "openapi", "xml"})  # formats whose pages pull other files in
_MAN = re.compile(r"\.[1-9][a-z]{0,8}(\.gz)?$")
_PLAIN_NAMES = re.compile(r"^[A-Z][A-Z_-]*$")  # README, CHANGELOG, INSTALL
# Lists that tools read, though their names end like those of texts.
_LISTS = re.compile(
    r"(?:[\w.-]*requirements[\w.-]*|constraints[\w.-]*|cmakelists|robots|sources|top_level|entry_points|dependency_links)\.txt$",
    re.IGNORECASE,
)


def format_of(name: str) -> str | None:
    """The format of a file by its name, or None where the name does not tell."""
    path = PurePath(name)
    if _PLAIN_NAMES.match(path.name):
        return "text"
    if _LISTS.match(path.name):
        return None
    known = SUFFIXES.get(path.suffix.lower())
    return known or ("man" if _MAN.search(path.name) else None)
