"""EPUB books become Markdown: the pages of the spine in order, each read as HTML."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from understudy.ingest import compose, html, xml_tree
from understudy.ingest.archive import Archive
from understudy.ingest.base import Page, SkipFile, Skipped, Source
from understudy.ingest.xml_tree import Node
from understudy.normal import folded

_MOST_PAGES = 5_000


def read(source: Source) -> Page:
    """The book as one page; a place is the page's name inside the book, with its anchor."""
    archive = Archive(source.data)
    container = xml_tree.parse(_text(archive, "META-INF/container.xml"))
    root = next((n.attributes.get("full-path", "") for n in container.walk() if n.tag == "rootfile"), "")
    if not root:
        raise SkipFile("cannot be parsed", "an EPUB whose container names no book")
    book = xml_tree.parse(_text(archive, root))
    title = next((folded(n.text()) for n in book.walk() if n.tag == "title"), "")
    text = ""
    places: list[tuple[int, str]] = []
    skipped: list[Skipped] = []
    for name in _spine(book, posixpath.dirname(root)):
        try:
            page = html.read(Source(Path(name), archive.read(name)))
        except SkipFile as skip:
            skipped.append(Skipped("", skip.reason, f"{name}: {skip.detail}"))
            continue
        if not page.text.strip():
            continue
        text = compose.join([text, ""]) + "\n\n" if text else ""
        places.append((len(text), name))
        places += [(len(text) + o, name + label) for o, label in page.places if label.startswith("#")]
        text += page.text.strip("\n")
    return Page(text + "\n", title, places=tuple(_distinct(places)), skipped=tuple(skipped))


def _text(archive: Archive, name: str) -> str:
    return Source(Path(name), archive.read(name)).text()


def _spine(book: Node, folder: str) -> Iterator[str]:
    """The names of the book's pages in reading order; without the navigation, which repeats the headings."""
    items = {n.attributes.get("id", ""): n.attributes for n in book.walk() if n.tag == "item"}
    seen: set[str] = set()
    for reference in [n for n in book.walk() if n.tag == "itemref"][:_MOST_PAGES]:
        item = items.get(reference.attributes.get("idref", ""), {})
        kind = item.get("media-type", "")
        if "html" not in kind or "nav" in item.get("properties", "").split():
            continue
        name = posixpath.normpath(posixpath.join(folder, unquote(item.get("href", ""))))
        if name not in seen:
            seen.add(name)
            yield name


def _distinct(places: list[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """One place an offset: the last, which is the nearest."""
    for place, following in zip(places, [*places[1:], None], strict=False):
        if following is None or following[0] != place[0]:
            yield place
