"""How deep the elements of a page stand within each other, told before it is parsed."""

from __future__ import annotations

import itertools
import re

from understudy.ingest.base import SkipFile

_MAX_DEPTH = 512  # elements within each other, as in browsers; the time of much grows with the square of it
_DEEP = 64  # elements within each other beyond which
_MOST_DEEP = 100_000  # so many tags can stand: what is asked of each of the elements around them costs that again
_NESTING = (
    r"<(/?)(?:div|span|section|article|main|aside|header|footer|nav|ul|ol|menu|dl|table|blockquote|details|figure"
    r"|fieldset|center|font|em|strong|code|pre|sup|sub|h[1-6]|[a-z]+-[a-z-]+)(?=[\s>/])"
)
_NESTS = re.compile(_NESTING, re.IGNORECASE)
_TAGS = re.compile(_NESTING)  # for text in lower case, which is looked through faster
_STEPS = {"": 1, "/": -1}


def check_depth(text: str) -> None:
    """Raises SkipFile for nesting that no page of documentation has."""
    if text.count("<") <= _MAX_DEPTH or not _may_be_deep(text):
        return
    depth = deep = last = 0
    for found in _NESTS.finditer(text):
        if depth > _DEEP:
            deep += text.count("<", last, found.start())
        last = found.start()
        if found[1]:
            depth -= depth > 0
        else:
            depth += 1
            if depth > _MAX_DEPTH:
                line = text.count("\n", 0, found.start()) + 1
                raise SkipFile("nested too deep", f"more than {_MAX_DEPTH} open elements at line {line}")
    if depth > _DEEP:
        deep += text.count("<", last)
    if deep > _MOST_DEEP:
        raise SkipFile("nested too deep", f"{deep} tags within more than {_DEEP} open elements")


def _may_be_deep(text: str) -> bool:
    """Whether more than `_DEEP` elements may be open at once."""
    depths = list(itertools.accumulate(map(_STEPS.__getitem__, _TAGS.findall(text.lower()))))
    return bool(depths) and max(depths) - min(0, min(depths)) > _DEEP
