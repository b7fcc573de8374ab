"""What the pages of a folder call themselves and their sections: `:ref:` and `:doc:` show the title they lead to."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from understudy.ingest.base import SkipFile, Source
from understudy.ingest.walk import Found, read_bytes
from understudy.normal import folded

_LABEL = re.compile(r"^\.\. _(?:`([^`\n]{1,200})`|((?:[^:\\`\n]|\\.|:(?=\S)){1,200})):[ \t]*$", re.MULTILINE)
_LINE = re.compile(r"([!-/:-@\[-`{-~])\1+")
_BETWEEN = re.compile(r"\.\.(?: _.*| (?:index|module|py:module|currentmodule|sectionauthor)::.*| (?!.*::).*)?$")
_CAPTIONED = re.compile(r"\.\. (?:figure|table|csv-table|list-table|flat-table)::[ \t]*(.*)")
_FARTHEST = 60  # lines between a label and its title
_MOST = 200_000  # labels of a folder
_BUILT = {"genindex": "Index", "modindex": "Module Index", "search": "Search Page"}  # pages that Sphinx makes


@dataclass(frozen=True, slots=True)
class Titles:
    """The titles of a folder, as the page `at` names them.

    sections: by label, then by page; pages: by their place without the ending.
    """

    sections: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    pages: Mapping[str, str] = field(default_factory=dict)
    at: str = ""

    def section(self, label: str) -> str | None:
        """The title that stands below a label, on the nearest page where several have it."""
        found = self.sections.get(_plain(label), {})
        if not found:
            return _BUILT.get(label)
        return found[max(found, key=lambda other: (_common(other, self.at), other == self.at))]

    def page(self, name: str) -> str | None:
        """The title of the page that `:doc:` means: beside this one, or below one of the folders around it."""
        if not name.startswith("/"):
            return self.pages.get(posixpath.normpath(posixpath.join(posixpath.dirname(self.at), name)))
        above = reversed(PurePosixPath(self.at).parents)
        found = (self.pages.get(posixpath.normpath(folder / name.lstrip("/"))) for folder in above)
        return next((title for title in found if title), None)


def look_around(files: list[Found], encoding: str | None, max_bytes: int) -> Titles:
    """The titles of a folder's reStructuredText. What cannot be read is passed over."""
    sections: dict[str, dict[str, str]] = {}
    pages: dict[str, str] = {}
    for file in files:
        try:
            text = Source(file.path, read_bytes(file.path, max_bytes), encoding).text()
        except (SkipFile, OSError):
            continue
        first, labels = titles(text)
        if first:
            pages[PurePosixPath(file.doc_id).with_suffix("").as_posix()] = first
        for label, title in labels.items():
            if len(sections) < _MOST:
                sections.setdefault(label, {}).setdefault(file.doc_id, title)
    return Titles(sections, pages)


def titles(text: str) -> tuple[str, dict[str, str]]:
    """The first title of a page ("" where it has none), and the title below each label."""
    lines = text.expandtabs(8).split("\n")
    first = next((t for n, line in enumerate(lines) if line and (t := _title(lines, n))), "")
    found: dict[str, str] = {}
    at = number = 0
    for match in _LABEL.finditer(text):
        number += text.count("\n", at, match.start())
        at = match.start()
        if title := _below(lines, number + 1):
            found.setdefault(_plain(match[1] or match[2]), title)
    return first, found


def shown(written: str) -> str:
    """What a role shows of its text: `text <target>` the text, `~a.b` the last part, `!a` all but the mark."""
    text = re.sub(r"\s*<[^<>]*>$", "", written).lstrip("!")
    return text[1:].rpartition(".")[2] if text.startswith("~") else text


def _below(lines: list[str], number: int) -> str:
    """The title or caption that a label above the line `number` belongs to; "" where other text comes first."""
    for n in range(number, min(len(lines), number + _FARTHEST)):
        line = lines[n]
        if not line.strip() or line.startswith(" "):  # what is indented belongs to a directive above it
            continue
        if captioned := _CAPTIONED.match(line):
            return _inline(_caption(lines, n, captioned[1]))
        if not _BETWEEN.match(line):
            return _title(lines, n)
    return ""


def _caption(lines: list[str], number: int, argument: str) -> str:
    """A table's argument; a figure's is a file, and its caption the first paragraph below."""
    if not lines[number].startswith(".. figure"):
        return argument
    below: list[str] = []
    for line in lines[number + 1 : number + _FARTHEST]:
        if line.strip() and not line.startswith(" "):
            break
        if not line.strip() and below:
            break
        if line.strip() and not re.match(r" +:[\w-]+:", line):
            below.append(line.strip())
    return " ".join(below)


def _title(lines: list[str], number: int) -> str:
    """The section title that begins on a line, without its marks; "" where none does."""
    line = lines[number].rstrip()
    after = [below.rstrip() for below in lines[number + 1 : number + 3]] + ["", ""]
    if (
        not line
        or line.startswith(" ")
        or (number and lines[number - 1].strip() and not _LABEL.match(lines[number - 1]))
    ):
        return ""
    if _LINE.fullmatch(line):
        return _inline(after[0].strip()) if after[0].strip() and after[1] == line else ""
    if _LINE.fullmatch(after[0]) and len(after[0]) >= min(4, len(line)):
        return _inline(line)
    return ""


def _inline(title: str) -> str:
    """A title without the marks of its words."""
    title = re.sub(r":[\w:.+-]+:`([^`]+)`", lambda m: shown(m[1]), title)
    title = re.sub(r"``([^`]+)``|`([^`<]+?)(?: <[^`]*>)?`_{0,2}", lambda m: m[1] or m[2], title)
    title = re.sub(r"(?<![\w*])(\*\*?)(?=\S)([^*]+)(?<=\S)\1(?![\w*])", r"\2", title)
    return re.sub(r"\\(.)", r"\1", title).strip()


def _plain(label: str) -> str:
    return folded(label.replace("\\", "").lower())


def _common(one: str, other: str) -> int:
    """How many folders two pages have in common."""
    return len(PurePosixPath(posixpath.commonpath(["/" + posixpath.dirname(p) for p in (one, other)])).parts)
