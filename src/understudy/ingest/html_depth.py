"""How deep the elements of a page stand within each other, told before it is parsed."""

from __future__ import annotations

import functools
import itertools
import re

from understudy.ingest.base import SkipFile

_MAX_DEPTH = 512  # elements within each other, as in browsers; the time of much grows with the square of it
_DEEP = 64  # elements within each other beyond which
_MOST_DEEP = 100_000  # so many tags can stand: what is asked of each of the elements around them costs that again
_NESTING = frozenset({
    "div", "span", "section", "article", "main", "aside", "header", "footer", "nav", "ul", "ol", "menu", "dl", "table",
    "blockquote", "details", "figure", "fieldset", "center", "font", "em", "strong", "code", "pre", "sup", "sub",
    "h1", "h2", "h3", "h4", "h5", "h6",
})  # fmt: skip
_CUSTOM = re.compile(r"[a-z]+-[a-z-]+")
_TAGS = re.compile(r"<(/?[a-z][a-z1-6-]*+)(?=[\s>/])")


def check_depth(small: str) -> None:
    """Raises SkipFile for nesting that no page of documentation has. small: the page in lower case."""
    if small.count("<") <= _MAX_DEPTH or not _may_be_deep(small):
        return
    depth = deep = last = 0
    for found in _TAGS.finditer(small):
        step = _step(found[1])
        if not step:
            continue
        if depth > _DEEP:
            deep += small.count("<", last, found.start())
        last = found.start()
        depth = max(0, depth + step)
        if depth > _MAX_DEPTH:
            line = small.count("\n", 0, found.start()) + 1
            raise SkipFile("nested too deep", f"more than {_MAX_DEPTH} open elements at line {line}")
    if depth > _DEEP:
        deep += small.count("<", last)
    if deep > _MOST_DEEP:
        raise SkipFile("nested too deep", f"{deep} tags within more than {_DEEP} open elements")


def _may_be_deep(small: str) -> bool:
    """Whether more than `_DEEP` elements may be open at once."""
    depths = list(itertools.accumulate(map(_step, _TAGS.findall(small))))
    return bool(depths) and max(depths) - min(0, min(depths)) > _DEEP


@functools.lru_cache(maxsize=1024)
def _step(tag: str) -> int:
    """By how much a tag, such as `div` or `/div`, changes how many elements that nest are open."""
    name = tag.removeprefix("/")
    nests = name in _NESTING or _CUSTOM.fullmatch(name) is not None
    return 0 if not nests else 1 if name == tag else -1
