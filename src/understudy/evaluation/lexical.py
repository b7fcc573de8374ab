"""Words in common: what a floor without any model sees, and how imported questions find their passage."""

from __future__ import annotations

import math
import re
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence

from understudy.types import Chunk

_WORD = re.compile(r"[A-Za-z0-9_]+(?:[-./][A-Za-z0-9_]+)*")
K1, B = 1.2, 0.75
STOP = frozenset(
    """
    a about after all also an and any are as at be been being by can could do does did for from had has have how i
    if in into is it its many much may might must not of on one or should so such than that the their them then
    there these they this those to used using was were what when where which while who whom whose why will with
    would you your
    """.split()  # noqa: SIM905 - a table of words is read as words
)


def words(text: str) -> list[str]:
    """Lower-case words; identifiers such as `cont_batching` stay whole, and their parts count too."""
    found = []
    for word in _WORD.findall(text.lower()):
        found.append(word)
        parts = re.split(r"[-._/]", word)
        if len(parts) > 1:
            found += [p for p in parts if p]
    return found


class Bm25:
    """Okapi BM25 (Robertson & Zaragoza 2009) over chunks: the floor must not depend on the index."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self.chunks = list(chunks)
        self._postings: dict[str, array[int]] = {}  # by word: a place, how often it stands there, the next place, …
        self.lengths = []
        for k, chunk in enumerate(self.chunks):
            counts = Counter(words(f"{chunk.breadcrumb} {chunk.text}"))
            self.lengths.append(sum(counts.values()))
            for word, count in counts.items():
                self._postings.setdefault(word, array("I")).extend((k, count))
        self.mean_length = sum(self.lengths) / max(1, len(self.lengths))
        self.place = {chunk.chunk_id: k for k, chunk in enumerate(self.chunks)}

    @property
    def vocabulary(self) -> Iterable[str]:
        """Every word of the chunks, once."""
        return self._postings

    def holding(self, word: str) -> Iterable[tuple[int, int]]:
        """The places of the chunks that hold a word, in order, and how often each does."""
        found = self._postings.get(word)
        return zip(found[::2], found[1::2], strict=True) if found else ()

    def idf(self, word: str) -> float:
        """Robertson's inverse document frequency, never negative."""
        n = len(self._postings.get(word, ())) // 2
        return math.log(1 + (len(self.chunks) - n + 0.5) / (n + 0.5))

    def scores(self, text: str) -> dict[int, float]:
        """Score of every chunk that shares a word with the text, by place."""
        found: dict[int, float] = {}
        for word in sorted(set(words(text))):  # sums of floats depend on their order
            weight = self.idf(word)
            for k, count in self.holding(word):
                norm = K1 * (1 - B + B * self.lengths[k] / self.mean_length)
                found[k] = found.get(k, 0.0) + weight * count * (K1 + 1) / (count + norm)
        return found

    def coverage(self, text: str, place: int) -> float:
        """Share of the text's content words, weighted by idf, that stand in one chunk in some inflection."""
        chunk = self.chunks[place]
        there = content(f"{chunk.breadcrumb} {chunk.text}")
        wanted = {stem: word for word in sorted(set(words(text)) - STOP) for stem in [stem_of(word)]}
        total = sum(self.idf(word) for word in wanted.values())
        found = sum(self.idf(word) for stem, word in wanted.items() if stem in there)
        return found / total if total else 0.0


def stem_of(word: str) -> str:
    """A word without its commonest English endings: enough to match `listen` with `listens`."""
    return re.sub(r"(?:ing|ed|es|s)$", "", word) if len(word) > 4 else word


def content(text: str) -> set[str]:
    """Stems of the words that carry meaning."""
    return {stem_of(word) for word in words(text) if word not in STOP}
