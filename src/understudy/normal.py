"""The one normal form of the project: when two questions, answers or passages count as the same words.

Words are taken otherwise where something else is asked: `evaluation/lexical.py` and `retrieval/analyser.py` search, so
that parts of names count beside the whole; `evaluation/judge.py` keeps the marks of `--port`, which tell right from
wrong. Nor is there one stem: a search takes Porter's (`retrieval/stem.py`), answers are matched by the commonest
endings alone (`lexical.stem_of`), and `generate/hints.py` cuts as much as a reader might see through.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

_WORD = re.compile(r"[A-Za-z0-9]+(?:[._/:'-]+[A-Za-z0-9]+)*")
_SPACE = re.compile(r"\s+")
ALIKE_ANSWERS = 0.6  # share of the words of two answers from which one might be as true as the other
ALIKE_QUESTIONS = 0.75  # of two questions, from which they may ask the same


def words(text: str) -> list[str]:
    """Lower-case words and identifiers in order; `--port`, `a_b` and `/v1/x` lose only their edges."""
    return [w.lower() for w in _WORD.findall(text.replace("`", ""))]


@lru_cache(maxsize=1 << 16)  # options and questions are compared many times over
def normal(text: str) -> str:
    """The normal form in which two texts count as equal: lower-case words only."""
    return " ".join(words(text))


def jaccard(some: set[str], others: set[str]) -> float:
    """Of all words of two texts, the share that stands in both, 0 to 1."""
    return len(some & others) / len(some | others) if some and others else 0.0


def f1(some: Sequence[str], others: Sequence[str]) -> float:
    """F1 of two lists of words, as SQuAD counts it, 0 to 1."""
    shared = sum((Counter(some) & Counter(others)).values())
    return 2 * shared / (len(some) + len(others)) if shared else 0.0


def may_both_be_right(asked: set[str], told: set[str], other_asked: set[str], other_told: set[str]) -> bool:
    """Whether the answer to another question might be as right for this one, by their words: it says nearly the same,
    or the questions ask nearly the same. Such an answer is no wrong option."""
    return jaccard(other_told, told) >= ALIKE_ANSWERS or jaccard(other_asked, asked) >= ALIKE_QUESTIONS


def folded(text: object) -> str:
    """A text with its white space folded, all else as it is: what a key, an id or a quote is compared by."""
    return " ".join(str(text).split())


def lowered(text: str) -> str:
    """A text with its ASCII letters in lower case: for looking up English words and tags, since `str.lower` takes six
    times as long where a text has other letters."""
    return text.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")


@lru_cache(maxsize=1 << 16)
def strict(text: str) -> str:
    """A normal form that keeps signs, for values: `--port` and `port` differ."""
    return _SPACE.sub(" ", text.replace("`", "").strip().rstrip(".").casefold())
