"""The one normal form of the project: when two questions, answers or passages count as the same words."""

from __future__ import annotations

import re
from functools import lru_cache

_WORD = re.compile(r"[A-Za-z0-9]+(?:[._/:'-]+[A-Za-z0-9]+)*")
_SPACE = re.compile(r"\s+")


def words(text: str) -> list[str]:
    """Lower-case words and identifiers in order; `--port`, `a_b` and `/v1/x` lose only their edges."""
    return [w.lower() for w in _WORD.findall(text.replace("`", ""))]


@lru_cache(maxsize=1 << 16)  # options and questions are compared many times over
def normal(text: str) -> str:
    """The normal form in which two texts count as equal: lower-case words only."""
    return " ".join(words(text))


@lru_cache(maxsize=1 << 16)
def strict(text: str) -> str:
    """A normal form that keeps signs, for values: `--port` and `port` differ."""
    return _SPACE.sub(" ", text.replace("`", "").strip().rstrip(".").casefold())
