"""Where a page speaks of a thing: whether a sentence began with it before, or named it at all.

A page is read once, whatever is asked of it: the places of each word are kept for the pages asked about last.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache

from understudy.generate.extractive.grammar import is_identifier

_MARKS = re.compile(r"[`*]")
_ARTICLE = re.compile(r"(?:the|an?)\s+", re.IGNORECASE)
_BEGINS = re.compile(r"[.:!?](?=\s)|\n\s*")
_ENTRY = re.compile(r"[-|:>]\s*")
_WORD = re.compile(r"(?<![\w.-])\w+")
_OPENING = re.compile(r"[^\w\s]*\w+")
_HEADING = re.compile(r"^#.*$", re.MULTILINE)


def said_before(subject: str, at: int, text: str) -> bool:
    """Whether a sentence or an entry of the page began with the subject before: what follows is a detail."""
    return _page(text).began_with(_core(subject), at)


def spoken_of(subject: str, at: int, text: str) -> bool:
    """Whether the page speaks of a thing before a place in it: the first sentence on it says what it does.

    Where the heading above names the thing, only what stands under that heading counts.
    """
    tokens = [t for t in subject.split() if is_identifier(t)]
    return _page(text).named(tokens[0].replace("`", "") if tokens else _core(subject), at)


def _core(subject: str) -> str:
    return re.sub(r"^(?:the|an?) ", "", subject, flags=re.IGNORECASE).replace("`", "")


class _Page:
    """A page's text, and where its words, its headings and the openings of its sentences and entries stand."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._marks = [m.start() for m in _MARKS.finditer(text)]
        self._plain = _MARKS.sub("", text)
        self._openings: dict[str, list[int]] = defaultdict(list)
        for start in sorted(set(self._starts())):
            if match := _OPENING.match(self._plain, start):
                self._openings[match.group().lower()].append(start)
        self._headings = [m.span() for m in _HEADING.finditer(text)]
        self._words: dict[str, list[int]] = defaultdict(list)
        for match in _WORD.finditer(text):
            self._words[match.group().lower()].append(match.start())

    def _starts(self) -> Iterable[int]:
        """Where a sentence or an entry may begin, in the text without marks, with its article and after it."""
        starts = [0]
        for match in _BEGINS.finditer(self._plain):
            if match.group()[0] != "\n":
                starts.append(match.end() + 1)
                continue
            starts.append(match.end())
            if entry := _ENTRY.match(self._plain, match.end()):
                starts.append(entry.end())
        for start in starts:
            yield start
            if article := _ARTICLE.match(self._plain, start):
                yield article.end()

    def began_with(self, core: str, at: int) -> bool:
        """Whether one of the sentences and entries before `at` begins with a name."""
        opening = _OPENING.match(core)
        if opening is None:
            return False
        end = at - bisect_left(self._marks, at)
        named = re.compile(rf"{re.escape(core)}(?!\w)", re.IGNORECASE)
        places = self._openings.get(opening.group().lower(), ())
        return any(named.match(self._plain, start, end) for start in places[: bisect_left(places, end)])

    def named(self, core: str, at: int) -> bool:
        """Whether a name stands before `at`: below the heading above where that names it, else outside of headings."""
        named = re.compile(rf"(?<![\w.-]){re.escape(core)}(?![\w-])", re.IGNORECASE)
        heading = self._text.rfind("\n#", 0, at) + 1
        title = (
            self._text[heading : self._text.find("\n", heading) + 1] if self._text[heading : heading + 1] == "#" else ""
        )
        first = heading + len(title) if named.search(title) else 0
        word = re.match(r"\w+", core)
        places = self._words.get(word.group().lower(), ()) if word else [m.start() for m in named.finditer(self._text)]
        near = places[bisect_left(places, first) : bisect_left(places, at)]
        return any(named.match(self._text, p, at) and (first or not self._in_heading(p)) for p in near)

    def _in_heading(self, place: int) -> bool:
        n = bisect_left(self._headings, (place + 1, 0)) - 1
        return n >= 0 and place < self._headings[n][1]


@lru_cache(maxsize=4)
def _page(text: str) -> _Page:
    return _Page(text)
