"""Two rankings of the same chunks become one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from understudy.retrieval.base import Ranker


def fuse(rankings: Sequence[Sequence[int]], k: int) -> list[tuple[int, float]]:
    """Reciprocal rank fusion: rows with score(d) = Σ_rankings 1 / (k + rank(d)), ranks from 1, best first.

    Of equal scores the row first named by the earlier ranking wins. Source: Cormack, Clarke and Büttcher,
    "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods", SIGIR 2009 (k = 60).
    """
    scores: dict[int, float] = {}
    for ranking in rankings:
        for place, row in enumerate(ranking, 1):
            scores[row] = scores.get(row, 0.0) + 1.0 / (k + place)
    return sorted(scores.items(), key=lambda item: -item[1])  # a dict keeps insertion order, sorted() is stable


@dataclass(frozen=True)
class ReciprocalRank:
    """Fuses the first `candidates` of each ranker by their ranks alone."""

    rankers: Sequence[Ranker]
    candidates: int
    k: int

    def rank(self, query: str, limit: int) -> list[tuple[int, float]]:
        depth = max(self.candidates, limit)
        rankings = [[row for row, _ in ranker.rank(query, depth)] for ranker in self.rankers]
        return fuse(rankings, self.k)[:limit]

    def weigh(self, query: str, rows: Sequence[int]) -> list[float]:
        found = dict(self.rank(query, self.candidates))
        return [found.get(row, 0.0) for row in rows]


@dataclass(frozen=True)
class Convex:
    """Σ weight · strength over the candidates of all rankers; a strength is comparable between questions.

    BM25's strength is its share of the most that the question could score. A question in words that the corpus
    does not have weighs little there, and the cosine decides; one that names an identifier weighs much. Dividing
    by the question's own best score instead, as is usual, would make a lone shared stop-gap word look certain.
    Source: Bruch, Gai and Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", TOIS 2023, for the convex
    combination; the normalisation is ours, measured in `benchmarks/index.py`.
    """

    rankers: Sequence[Ranker]
    weights: Sequence[float]
    candidates: int

    def rank(self, query: str, limit: int) -> list[tuple[int, float]]:
        depth = max(self.candidates, limit)
        rows = sorted({row for ranker in self.rankers for row, _ in ranker.rank(query, depth)})
        ranked = sorted(zip(rows, self.weigh(query, rows), strict=True), key=lambda item: -item[1])
        return ranked[:limit]

    def weigh(self, query: str, rows: Sequence[int]) -> list[float]:
        columns = [ranker.weigh(query, rows) for ranker in self.rankers]
        return [sum(w * s for w, s in zip(self.weights, row, strict=True)) for row in zip(*columns, strict=True)]
