"""Marks inside converted text that say where it stood in the source, and how they become `Document.places`.

A writer puts `mark(number)` in front of a block or anywhere on a line of it; `compose` lets marks through. At the
end `cut` takes them out and notes for each the beginning of its line and the place that the number stands for.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from understudy.ingest.base import Page

OPEN, _CLOSE = "\x10", "\x11"
MARK = rf"{OPEN}\d+{_CLOSE}"
_MARK = re.compile(rf"{OPEN}(\d+){_CLOSE}")
_LINES = re.compile(r"[^\n]*\n|[^\n]+")
STRAY = f"{OPEN}{_CLOSE}"  # the characters that no source may hold
_STRAY = re.compile(f"[{STRAY}]")


def clean(text: str) -> str:
    """A source without the characters that marks are made of: to be called on what a file holds."""
    return _STRAY.sub("", text) if OPEN in text or _CLOSE in text else text


def mark(number: int) -> str:
    return f"{OPEN}{number}{_CLOSE}"


def unmarked(text: str) -> str:
    """Text without its marks."""
    return _MARK.sub("", text) if OPEN in text else text


def cut(text: str, label: Callable[[int], str], end: int | None = None) -> tuple[str, tuple[tuple[int, str], ...]]:
    """The text without marks, and its places.

    label: what a mark's number stands for (`L12`, `#anchor`). end: in a source of lines, the number of its last
    line and one; else text before the first mark is placed in the file as a whole.
    Of several marks on a line the smallest number counts, and each place differs from the one before.
    """
    parts: list[str] = []
    places: list[tuple[int, str]] = [(0, "" if end is None else label(1))]
    offset = 0
    for line in _LINES.findall(text):
        found = _MARK.findall(line) if OPEN in line else ()
        if found:
            line = _MARK.sub("", line)
            said = label(min(map(int, found)))
            if places[-1][1] != said:
                places.append((offset, said))
        parts.append(line)
        offset += len(line)
    if end is not None:
        places.append((offset, label(end)))
    if len(places) > 1 and places[1][0] == 0:
        places = places[1:]
    return "".join(parts), tuple(places)


def placed(page: Page, label: Callable[[int], str], end: int | None = None) -> Page:
    """A page whose text holds marks, with places instead; `label` and `end` as in `cut`."""
    text, places = cut(page.text, label, end)
    return Page(text, unmarked(page.title), page.first_line, page.metadata, places, page.skipped)


def line_label(number: int) -> str:
    return f"L{number}"
