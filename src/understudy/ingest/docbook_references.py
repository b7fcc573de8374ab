"""What the cross references of DocBook show that bring no words of their own: the titles of what they lead to."""

from __future__ import annotations

import functools
import html
import re
from collections.abc import Callable
from pathlib import Path

from understudy.ingest.base import SkipFile, Source
from understudy.ingest.formats import SUFFIXES
from understudy.ingest.includes import inside
from understudy.ingest.walk import read_bytes
from understudy.ingest.xml_entities import Entities
from understudy.ingest.xml_tree import Node
from understudy.normal import folded

_MOST_FILES = 200  # beside the page
_MOST_BYTES = 1_000_000  # of each
_TITLED = re.compile(
    rb"""<\w+\s(?:[^<>]{0,400}\s)?(?:xml:)?id\s*=\s*["']([\w.:-]{1,200})["'][^<>]{0,400}>\s*(?:<\w*info>\s*)?"""
    rb"""<title[^<>]*>(.{1,300}?)</title>""",
    re.DOTALL,
)


def put(root: Node, title_of: Callable[[Node], str], source: Source | None, entities: Entities) -> None:
    """Give each `<xref linkend="…"/>` the title of what it leads to, in this file or in one beside it."""
    named = {node.attributes[key]: node for node in root.walk() for key in ("id", "xml:id") if key in node.attributes}
    titles: dict[str, str] = {}
    for node in root.walk():
        name = node.attributes.get("linkend", "")
        if node.tag not in ("xref", "link") or not name or node.children:
            continue
        if name not in titles:
            titles[name] = title_of(named[name]) if name in named else _beside(name, source, entities)
        words = named.get(node.attributes.get("endterm", ""))
        if shown := folded(words.text()) if words else titles[name]:
            node.children.append(shown)


def _beside(name: str, source: Source | None, entities: Entities) -> str:
    """The title that a file of the same folder has for an id."""
    if source is None or source.root is None:
        return ""
    try:
        files = [p for p in sorted(source.path.parent.iterdir()) if SUFFIXES.get(p.suffix.lower()) == "xml"]
        for path in files[:_MOST_FILES]:
            if title := _titles(inside(source.root, path), path.stat().st_mtime_ns).get(name):
                return folded(html.unescape(re.sub("<[^<>]*>", "", entities.put(title))))
    except (OSError, SkipFile, RuntimeError):
        pass
    return ""


@functools.lru_cache(1024)
def _titles(path: Path, _changed: int) -> dict[str, str]:
    try:
        data = read_bytes(path, _MOST_BYTES)
    except (OSError, SkipFile):
        return {}
    return {found[1].decode(): found[2].decode("utf-8", "replace") for found in _TITLED.finditer(data)}
