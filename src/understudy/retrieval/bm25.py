"""BM25 over precomputed term impacts, in a file that is mapped and not loaded.

score(q, d) = Σ_t q_t · idf(t) · f · (k1 + 1) / (f + k1 · (1 - b + b · |d| / avgdl))
idf(t) = ln(1 + (N - n_t + 0.5) / (n_t + 0.5))

with f the count of term t in passage d, q_t its count in the question, n_t the passages that hold it. Source:
Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009; the idf that cannot go
below zero is Lucene's (Kamphuis et al., "Which BM25 Do You Mean?", 2020).

Written here rather than taken from the vector store's full text: that one fixes k1 and b, orders equal scores
by its storage, and cuts a ranking in the middle of them. Here equal scores stand in the order of the chunks.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.retrieval import mapped
from understudy.retrieval.analyser import terms
from understudy.retrieval.bm25_build import Built, Postings, count

_SLACK = 1e-6  # relative, for each term: what sums in single precision and another order may differ by, many times over
_GROUP = 64  # rows of which the largest sum alone is looked at
_LOOKED_UP = 8  # a lookup in a term's rows costs about as much as adding up so many
_FEW = 256  # passages whose scores are worth less than finding out that they do not matter


@dataclass(frozen=True)
class Words:
    """Sorted terms in one array of bytes. bytes: UTF-8. starts: [terms + 1], where each begins."""

    bytes: NDArray[np.uint8]
    starts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts) - 1

    def find(self, term: str) -> int | None:
        """A term's number, by halving: UTF-8 sorts as its characters do."""
        wanted = term.encode("utf-8", "surrogatepass")
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            word = self.bytes[self.starts[middle] : self.starts[middle + 1]].tobytes()
            if word == wanted:
                return middle
            low, high = (middle + 1, high) if word < wanted else (low, middle)
        return None


@dataclass(frozen=True)
class _Asked:
    """A term of a question that passages hold: rows and what it adds to each, its count, and the most it adds."""

    rows: NDArray[np.int32]
    impacts: NDArray[np.float32]
    count: int
    most: float

    def weighed(self, places: Any = slice(None)) -> NDArray[np.float32]:
        """What it adds to the rows at these places."""
        impacts = self.impacts[places]
        return impacts if self.count == 1 else impacts * np.float32(self.count)

    def places(self, rows: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Where rows, rising, stand among its own, and which of them do."""
        places = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
        return places, self.rows[places] == rows


@dataclass(frozen=True)
class BM25:
    """An inverted index: for each term the rows that hold it and what it adds to their score.

    starts: [terms + 1], where a term's postings begin. rows, impacts: [postings], rows rising within a term. most:
    [terms], the largest impact. size: number of passages.
    """

    words: Words
    starts: NDArray[np.int64]
    rows: NDArray[np.int32]
    impacts: NDArray[np.float32]
    most: NDArray[np.float32]
    size: int
    k1: float

    @classmethod
    def build(cls, passages: Iterable[Sequence[str]], *, k1: float, b: float) -> BM25:
        """Index passages given as lists of terms, in memory; a passage's row is its place in the iteration."""
        postings = Postings()
        postings.add(count(passages))
        return cls._of(postings.build(k1=k1, b=b))

    @classmethod
    def _of(cls, built: Built) -> BM25:
        words = Words(built["terms"], built["term_starts"])
        size, k1 = int(built["size"][0]), float(built["k1"][0])
        return cls(words, built["starts"], built["rows"], built["impacts"], built["most"], size, k1)

    def search(self, query: Iterable[str], limit: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The rows of the best `limit` passages that hold any of the terms, best first, and their scores.

        Equal scores stand in the order of the rows. Terms are added up from the one that can add most. As soon as all
        others together cannot lift a passage into the best, only the passages found so far are looked up in them
        (Turtle and Flood, "Query Evaluation: Strategies and Optimizations", 1995), fewer after each term. What is
        left is few; its scores are summed anew in the order of the terms, so that they are what adding up everything
        gives.
        """
        asked = self._asked(query)
        rows = self._candidates(asked, limit)
        order, scores = best_rows(_scores(asked, rows), limit, above=0.0)
        return rows[order].astype(np.int64), scores

    def _candidates(self, asked: Sequence[_Asked], limit: int) -> NDArray[np.int32]:
        """Rows, rising, among which the best `limit` are.

        Sums are in single precision: they are only compared, with `slack` for what they may be off by.
        """
        waiting = deque(sorted(asked, key=lambda a: -a.most))
        slack = _SLACK * (len(waiting) + 1)
        read, rest = 0.0, sum(a.most for a in asked)
        sums = np.zeros(-(-self.size // _GROUP) * _GROUP, dtype=np.float32)
        found: NDArray[np.int32] | None = None  # None: every row may still be among the best
        while waiting and (found is None or len(found) > max(_FEW, limit)):
            term = waiting.popleft()
            if found is None or len(found) * _LOOKED_UP > len(term.rows):
                sums[term.rows] += term.weighed()
            else:
                places, held = term.places(found)
                sums[found[held]] += term.weighed(places[held])
            read, rest = read + term.most, rest - term.most
            if rest > read or (found is None and waiting and len(waiting[0].rows) < self.size // _GROUP):
                continue  # it cannot end yet, or reading on costs less than looking
            least = _at_least(sums if found is None else sums[found], limit)
            if least * (1 - slack) > rest * (1 + slack):
                enough = least * (1 - slack) - rest * (1 + slack)
                kept = np.flatnonzero((sums if found is None else sums[found]) >= enough)
                found = kept.astype(np.int32) if found is None else found[kept]
        return np.flatnonzero(sums).astype(np.int32) if found is None else found

    def _asked(self, query: Iterable[str]) -> list[_Asked]:
        """What the index holds of a question's terms, in the order of the terms."""
        found = []
        for term, times in sorted(Counter(query).items()):
            number = self.words.find(term)
            if number is not None:
                span = slice(self.starts[number], self.starts[number + 1])
                found.append(_Asked(self.rows[span], self.impacts[span], times, times * float(self.most[number])))
        return found

    def rank(self, query: str, limit: int) -> list[tuple[int, float]]:
        """Rows and scores of the best passages for a question in plain text, best first."""
        rows, scores = self.search(terms(query), limit)
        return list(zip(rows.tolist(), scores.tolist(), strict=True))

    def weigh(self, query: str, rows: Sequence[int]) -> list[float]:
        """The share, from 0 to 1, of the most that any passage could score: Σ_t q_t · idf(t) · (k1 + 1), where a
        term that no passage holds counts with the idf it would have."""
        asked = Counter(terms(query))
        most = sum(count * self._idf(term) * (self.k1 + 1) for term, count in sorted(asked.items()))
        scores = _scores(self._asked(asked.elements()), np.array(rows, dtype=np.int32))
        return [score / most if most else 0.0 for score in scores.tolist()]

    def _idf(self, term: str) -> float:
        number = self.words.find(term)
        holding = 0 if number is None else int(self.starts[number + 1] - self.starts[number])
        return math.log1p((self.size - holding + 0.5) / (holding + 0.5))

    def save(self, path: Path) -> None:
        """Write the index as one safetensors file; the same passages always give the same bytes."""
        parts = {
            "impacts": self.impacts,
            "k1": np.array([self.k1]),
            "most": self.most,
            "rows": self.rows,
            "size": np.array([self.size], dtype=np.int64),
            "starts": self.starts,
            "term_starts": self.words.starts,
            "terms": self.words.bytes,
        }
        file = mapped.create(path, {name: (part.dtype, len(part)) for name, part in parts.items()})
        for name, part in parts.items():
            file[name][:] = part

    @classmethod
    def load(cls, path: Path) -> BM25:
        """Open what `save` wrote. Raises StoreError where the file is missing or damaged."""
        arrays = mapped.open_arrays(path)
        try:
            if "term_starts" not in arrays:
                arrays |= _older(arrays)
            return cls._of(arrays)
        except (KeyError, IndexError, ValueError) as error:
            raise mapped.damaged(path, error) from error


def _older(arrays: Built) -> Built:
    """What files of an earlier version lack: their terms are parted by line ends."""
    words, starts = arrays["terms"], arrays["starts"]
    if not len(words):
        return {"term_starts": np.zeros(1, dtype=np.int64), "most": np.zeros(0, dtype=np.float32)}
    ends = np.flatnonzero(words == ord("\n"))
    begins = np.concatenate([[0], ends + 1, [len(words) + 1]]) - np.arange(len(ends) + 2)
    most = np.maximum.reduceat(arrays["impacts"], starts[:-1])
    return {"terms": words[words != ord("\n")], "term_starts": begins.astype(np.int64), "most": most}


def _at_least(sums: NDArray[np.float32], limit: int) -> float:
    """A lower bound of the `limit`-th largest sum: that of the largest of each group, where there are enough groups.

    Rows far from each other form a group: whole lines of memory are compared at once, and neighbours, which often are
    of one page and score alike, do not hide each other."""
    if len(sums) >= _GROUP * 4 * limit and len(sums) % _GROUP == 0:
        sums = sums.reshape(_GROUP, -1).max(axis=0)
    if len(sums) < limit:
        return 0.0
    return float(np.partition(sums, len(sums) - limit)[len(sums) - limit])


def _scores(asked: Sequence[_Asked], rows: NDArray[np.int32]) -> NDArray[np.float64]:
    """The scores of given rows, summed in the order of the terms."""
    scores = np.zeros(len(rows), dtype=np.float64)
    for term in asked:
        places, held = term.places(rows)
        scores[held] += term.count * term.impacts[places[held]].astype(np.float64)
    return scores


def best_rows(
    scores: NDArray[np.float64], limit: int, *, above: float = -np.inf
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Row numbers and scores of the best `limit` scores greater than `above`; equal scores in row order."""
    rows = np.flatnonzero(scores > above)
    if len(rows) > limit:
        worst = np.partition(scores[rows], len(rows) - limit)[len(rows) - limit]
        rows = rows[scores[rows] >= worst]  # all that tie with the last place, so that row order decides
    order = np.lexsort((rows, -scores[rows]))[:limit]
    return rows[order], scores[rows[order]]
