"""The entities that DocBook is written with, as the file declares them and files inside the documentation folder do.

Read are the DOCTYPE's own subset, the DTD and parameter entities that it names by a path, and the `.ent` files beside
the page and in the folders above it. Nothing is fetched, and what stands for more than its bounds stands for nothing.
"""

from __future__ import annotations

import functools
import html.entities
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.parsers import expat
from xml.sax.saxutils import escape

from understudy.ingest.base import SkipFile, Skipped, Source
from understudy.ingest.includes import entity_files, inside
from understudy.ingest.walk import read_bytes

_LONGEST = 5_000  # characters of an entity
_GROWTH = 2_000_000  # characters that entities may add
_DEEPEST = 3  # entities within entities
_MOST_FILES = 50
_MOST_BYTES = 1_000_000
_NOTED = 5  # names that a note tells
_ENTITY = re.compile(
    r"""<!--.*?-->|<!ENTITY\s+(?P<parameter>%\s+)?(?P<name>[\w.-]+)\s+"""
    r"""(?:(?P<outside>SYSTEM|PUBLIC\s+(?:"[^"]*"|'[^']*'))\s+)?(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)')[^>]*>""",
    re.DOTALL,
)
_SYSTEM = re.compile(r"""<!DOCTYPE\s+\S+\s+(?:SYSTEM|PUBLIC\s+(?:"[^"]*"|'[^']*'))\s+(?:"([^"]*)"|'([^']*)')""")
_REFERENCE = re.compile(r"<!\[CDATA\[.*?(?:\]\]>|\Z)|<!--.*?(?:-->|\Z)|&([A-Za-z_][\w.-]*);", re.DOTALL)
_XML = frozenset({"amp", "lt", "gt", "quot", "apos"})


_Declared = tuple[str, str, bool, bool]  # name, value, whether of a DTD's own use, whether another file


class Entities:
    """What the entities of one file stand for, and those that nothing declares."""

    def __init__(self, doctype: str, subset: str, source: Source | None) -> None:
        self._values: dict[str, str] = {}
        self._left = _GROWTH
        self._files = 0
        self._plain = False
        self.unknown: Counter[str] = Counter()
        self._declare(_declared(subset), source, source.path if source else None)
        system = _SYSTEM.match(doctype)
        if source and system:
            self._read(source, source.path, system[1] or system[2] or "")
        self._source = source
        self._looked = False  # in the files beside and above

    def put(self, text: str, plain: bool = False) -> str:
        """A text with its entities in place; the name of one that is not known. Raises SkipFile where it grows
        beyond bounds. plain: the elements in them are left out."""
        self._plain = plain
        return _REFERENCE.sub(lambda found: self._shown(found, 0), text)

    def notes(self) -> tuple[Skipped, ...]:
        if not self.unknown:
            return ()
        told = ", ".join(f"{count} × &{name[:60]};" for name, count in self.unknown.most_common(_NOTED))
        more = f" and {len(self.unknown) - _NOTED} more names" if len(self.unknown) > _NOTED else ""
        return (Skipped("", "entities", f"not declared in the folder: {told}{more}"),)

    def _shown(self, found: re.Match[str], depth: int) -> str:
        name = found[1]
        if name is None or name in _XML:
            return found[0]
        if name not in self._values and not self._looked:
            self._look_around()
        if name in self._values:
            value = self._values[name]
            shown = _REFERENCE.sub(lambda f: self._shown(f, depth + 1) if depth < _DEEPEST else " ", value)
            if "<" in shown and (self._plain or not _well_formed(shown)):
                shown = re.sub(r"<[^<>]*>|<", " ", shown).strip()
            if "<" not in shown:
                shown = shown.replace('"', "&quot;")  # it may stand in an attribute
        else:
            shown = escape(html.entities.html5.get(f"{name};", ""))
            if not shown:
                self.unknown[name] += 1
                shown = escape(name)
        self._left -= len(shown) + 1  # one that stands for nothing takes time as well
        if self._left < 0:
            raise SkipFile("cannot be parsed", f"its entities add more than {_GROWTH} characters")
        return shown

    def _look_around(self) -> None:
        self._looked = True
        source = self._source
        for path in entity_files(source.root, source.path) if source and source.root else ():
            self._read(source, path, path.name)

    def _declare(self, declared: Iterable[_Declared], source: Source | None, page: Path | None) -> None:
        for name, value, parameter, outside in declared:
            if not parameter:
                self._values.setdefault(name, value)
            elif outside and source and page:
                self._read(source, page, value)

    def _read(self, source: Source | None, page: Path, name: str) -> None:
        """Take what a file declares; one that is not in the folder declares nothing."""
        self._files += 1
        if source is None or "://" in name or not name or self._files > _MOST_FILES:
            return
        try:
            path = inside(source.root, page.parent / name)
            declared = _declared_in(path, path.stat().st_mtime_ns)
        except (OSError, SkipFile, ValueError, RuntimeError):
            return
        self._declare(declared, source, path)


@functools.lru_cache(64)
def _declared_in(path: Path, _changed: int) -> tuple[_Declared, ...]:
    return tuple(_declared(read_bytes(path, _MOST_BYTES).decode("utf-8", "replace")))


def _declared(text: str) -> Iterator[_Declared]:
    """What a part of a DTD declares; a file that is read as a page of its own stands for nothing."""
    for found in _ENTITY.finditer(text):
        value = found["double"] if found["double"] is not None else found["single"]
        parameter, outside = bool(found["parameter"]), bool(found["outside"])
        if found["name"] and (parameter or outside or len(value) <= _LONGEST):
            plain = re.sub(r"&(?![\w.#-]+;)", "&amp;", value.replace("\n", " "))
            yield found["name"], value if parameter else "" if outside else plain, parameter, outside


@functools.lru_cache(1024)
def _well_formed(value: str) -> bool:
    parser = expat.ParserCreate("utf-8")
    parser.EntityDeclHandler = parser.StartDoctypeDeclHandler = _refused
    try:
        parser.Parse(f"<a>{value}</a>".encode("utf-8", "replace"), True)
    except (expat.ExpatError, ValueError):
        return False
    return True


def _refused(*_: object) -> None:
    raise ValueError
