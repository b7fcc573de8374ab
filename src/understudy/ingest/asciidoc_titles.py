"""What cross references show that bring no words of their own: the titles of pages, sections and blocks."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from understudy.ingest import antora
from understudy.ingest.base import SkipFile, Source
from understudy.ingest.includes import inside
from understudy.ingest.walk import read_bytes

_MOST_BYTES = 1_000_000  # of a page that is referred to
_MOST_PAGES = 500  # that one page refers to
_ID = r"[\w:.-]{1,200}"
_ANCHOR = re.compile(rf"\[\[({_ID})(?:,\s*([^\]\n]*))?\]\]")
_BLOCK_ID = re.compile(rf"""\[[^\]\n#]{{0,200}}#({_ID})|\[(?:[^\]\n]{{0,200}},\s*)?id=["']?({_ID})""")
_REFERENCE_TEXT = re.compile(r"""\breftext=(?:"([^"\n]*)"|([^,\]\n]*))""")
_HEADING = re.compile(r"(={1,6}|#{1,6})\s+(\S.*?)(?:\s+\1)?\s*$")
_CAPTION = re.compile(r"\.([^\s.].*)$")
_VERBATIM = re.compile(r"-{4,}|\.{4,}|\+{4,}|/{4,}|`{3,}.*")
_SET = re.compile(r":([\w-]+):\s+(.*)$")
_ENDS = (".adoc", ".asciidoc", ".asc")


@dataclass(frozen=True, slots=True)
class Titles:
    """The title of a page, those of its sections and blocks by their ids, and what its attributes say."""

    page: str = ""
    parts: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)

    def part(self, name: str) -> str:
        """The title of what an id or a heading's own words name."""
        return self.parts.get(name) or self.parts.get(_plain(name), "")


def titles(lines: Iterable[str]) -> Titles:
    """The titles that the lines of a page hold, as written."""
    found = Titles()
    page = verbatim = ""
    names: list[str] = []  # ids that wait for the title below them
    for line in lines:
        if verbatim:
            verbatim = "" if line == verbatim else verbatim
            continue
        if len(line) > 2_000 or not line:
            continue
        if _VERBATIM.fullmatch(line):
            verbatim = "```" if line.startswith("```") else line
            names = []
        elif setting := _SET.match(line):
            found.attributes[setting[1].lower()] = setting[2]
        elif line[0] == "[":
            text = _REFERENCE_TEXT.search(line)
            own = [(a[1], a[2] or "") for a in _ANCHOR.finditer(line)]
            own += [(b[1] or b[2], "") for b in _BLOCK_ID.finditer(line)]
            names += [name for name, _ in own]
            for name, said in own:
                if said or text:
                    found.parts.setdefault(name, said or (text and (text[1] or text[2])) or "")
        elif heading := _HEADING.match(line):
            title = _ANCHOR.sub("", heading[2]).strip()
            page = page or title
            names += [a[1] for a in _ANCHOR.finditer(line)]
            for name in (*names, _plain(title)):
                found.parts.setdefault(name, title)
            names = []
        elif caption := _CAPTION.match(line):
            for name in names:
                found.parts.setdefault(name, caption[1])
        else:
            for anchor in _ANCHOR.finditer(line) if "[[" in line else ():
                if anchor[2]:
                    found.parts.setdefault(anchor[1], anchor[2])
            names = []
    return Titles(page, found.parts, found.attributes)


class References:
    """Finds the title of what a page refers to: within itself, and on pages of the documentation folder."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.own = Titles()
        self._pages: dict[str, Titles] = {}

    def title(self, name: str) -> tuple[str, dict[str, str]]:
        """The title as written, with the attributes of its page; a readable name where there is none."""
        place, mark, part = name.partition("#")
        if not mark and not place.endswith(_ENDS):
            return self.own.part(place) or re.sub(r"^_", "", place).replace("_", " "), {}
        page = self._page(place) if place else self.own
        found = page.part(part) if part else page.page
        names = [name for name in re.split("[:/]", place.rpartition(".")[0] or place) if name]
        readable = re.sub(r"^_", "", part) or " ".join(names[-2:-1] if names[-1:] == ["index"] else names[-1:])
        return found or re.sub(r"(?<=\w)[-_](?=\w)", " ", readable), page.attributes

    def _page(self, name: str) -> Titles:
        if name not in self._pages and len(self._pages) < _MOST_PAGES:
            try:
                path = self._path(name if name.endswith(_ENDS) else f"{name}.adoc")
                self._pages[name] = _read(path, path.stat().st_mtime_ns)
            except (OSError, SkipFile, ValueError, RuntimeError):
                self._pages[name] = Titles()
        return self._pages.get(name) or Titles()

    def _path(self, name: str) -> Path:
        root, path = self.source.root, self.source.path
        found = antora.resource(root, path, name) if root and not name.startswith(".") else None
        return inside(root, found or path.parent / name)


@functools.lru_cache(4096)
def _read(path: Path, _changed: int) -> Titles:
    return titles(line.rstrip() for line in Source(path, read_bytes(path, _MOST_BYTES)).text().split("\n"))


def _plain(title: str) -> str:
    """A title or an id in one form: `_the_first_step`, `the-first-step` and `The First Step` are one."""
    return re.sub(r"[\W_]+", "", title).lower()
