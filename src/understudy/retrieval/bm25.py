"""BM25 over precomputed term impacts.

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
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from understudy.errors import StoreError
from understudy.retrieval.analyser import terms


@dataclass(frozen=True)
class BM25:
    """An inverted index: for each term the rows that hold it and what it adds to their score.

    vocabulary: term → its number. starts: [terms + 1], where a term's postings begin. rows, impacts:
    [postings]. size: number of passages.
    """

    vocabulary: dict[str, int]
    starts: NDArray[np.int64]
    rows: NDArray[np.int32]
    impacts: NDArray[np.float32]
    size: int
    k1: float

    @classmethod
    def build(cls, passages: Iterable[Sequence[str]], *, k1: float, b: float) -> BM25:
        """Index passages given as lists of terms; a passage's row is its place in the iteration."""
        postings: dict[str, tuple[list[int], list[int]]] = {}
        lengths: list[int] = []
        for row, passage in enumerate(passages):
            lengths.append(len(passage))
            for term, count in Counter(passage).items():
                rows, counts = postings.setdefault(term, ([], []))
                rows.append(row)
                counts.append(count)
        names = sorted(postings)
        sizes = np.array([len(postings[n][0]) for n in names], dtype=np.int64)
        starts = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(sizes)])
        rows_flat = np.array([r for n in names for r in postings[n][0]], dtype=np.int32)
        counts_flat = np.array([c for n in names for c in postings[n][1]], dtype=np.float64)
        length = np.array(lengths, dtype=np.float64)
        mean = float(length.mean()) if length.sum() else 1.0
        idf = np.repeat(np.log1p((len(lengths) - sizes + 0.5) / (sizes + 0.5)), sizes)
        saturation = counts_flat + k1 * (1 - b + b * length[rows_flat] / mean)
        impacts = idf * counts_flat * (k1 + 1) / saturation
        vocabulary = {name: i for i, name in enumerate(names)}
        return cls(vocabulary, starts, rows_flat, impacts.astype(np.float32), len(lengths), k1)

    def search(self, query: Iterable[str], limit: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The rows of the best `limit` passages that hold any of the terms, best first, and their scores.

        Equal scores stand in the order of the rows.
        """
        return best_rows(self._scores(query), limit, above=0.0)

    def _scores(self, query: Iterable[str]) -> NDArray[np.float64]:
        scores = np.zeros(self.size, dtype=np.float64)
        for term, count in sorted(Counter(query).items()):
            number = self.vocabulary.get(term)
            if number is None:
                continue
            span = slice(self.starts[number], self.starts[number + 1])
            scores[self.rows[span]] += count * self.impacts[span].astype(np.float64)
        return scores

    def rank(self, query: str, limit: int) -> list[tuple[int, float]]:
        """Rows and scores of the best passages for a question in plain text, best first."""
        rows, scores = self.search(terms(query), limit)
        return list(zip(rows.tolist(), scores.tolist(), strict=True))

    def weigh(self, query: str, rows: Sequence[int]) -> list[float]:
        """The share, from 0 to 1, of the most that any passage could score: Σ_t q_t · idf(t) · (k1 + 1), where a
        term that no passage holds counts with the idf it would have."""
        asked = Counter(terms(query))
        most = sum(count * self._idf(term) * (self.k1 + 1) for term, count in sorted(asked.items()))
        scores = self._scores(asked.elements())
        return [float(scores[row]) / most if most else 0.0 for row in rows]

    def _idf(self, term: str) -> float:
        number = self.vocabulary.get(term)
        holding = 0 if number is None else int(self.starts[number + 1] - self.starts[number])
        return math.log1p((self.size - holding + 0.5) / (holding + 0.5))

    def save(self, path: Path) -> None:
        """Write the index as one safetensors file; the same passages always give the same bytes."""
        words = "\n".join(self.vocabulary).encode()
        tensors: dict[str, NDArray[Any]] = {
            "impacts": self.impacts,
            "k1": np.array([self.k1], dtype=np.float64),
            "rows": self.rows,
            "size": np.array([self.size], dtype=np.int64),
            "starts": self.starts,
            "terms": np.frombuffer(words, dtype=np.uint8),
        }
        save_file(tensors, path)

    @classmethod
    def load(cls, path: Path) -> BM25:
        """Read what `save` wrote. Raises StoreError where the file is missing or damaged."""
        try:
            tensors = load_file(path)
            words = tensors["terms"].tobytes().decode()
            vocabulary = {name: i for i, name in enumerate(words.split("\n"))} if words else {}
            size, k1 = int(tensors["size"][0]), float(tensors["k1"][0])
            return cls(vocabulary, tensors["starts"], tensors["rows"], tensors["impacts"], size, k1)
        except (OSError, SafetensorError, KeyError, UnicodeDecodeError) as error:
            raise StoreError(
                f"{path}: damaged or missing ({error}); delete the index's folder and run again"
            ) from error


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
