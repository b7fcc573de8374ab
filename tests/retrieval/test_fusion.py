"""Fusing rankings: the published formula, and strengths that are comparable between questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.retrieval.analyser import terms
from understudy.retrieval.bm25 import BM25
from understudy.retrieval.fusion import Convex, ReciprocalRank, fuse


@dataclass
class Fixed:
    """A ranker with given strengths for every question."""

    strengths: dict[int, float]

    def rank(self, query: str, limit: int) -> list[tuple[int, float]]:
        return sorted(self.strengths.items(), key=lambda item: (-item[1], item[0]))[:limit]

    def weigh(self, query: str, rows: Sequence[int]) -> list[float]:
        return [self.strengths.get(row, 0.0) for row in rows]


def test_reciprocal_rank_fusion_is_the_formula() -> None:
    found = fuse([[7, 3, 5], [3, 9]], k=60)
    assert [row for row, _ in found] == [3, 7, 9, 5]
    assert dict(found) == pytest.approx({3: 1 / 62 + 1 / 61, 7: 1 / 61, 9: 1 / 62, 5: 1 / 63})


def test_equal_fused_scores_go_to_the_earlier_ranking() -> None:
    assert [row for row, _ in fuse([[8, 2], [1, 5]], k=60)] == [8, 1, 2, 5]


def test_reciprocal_rank_reads_no_deeper_than_its_candidates() -> None:
    one, two = Fixed({0: 3.0, 1: 2.0, 2: 1.0}), Fixed({2: 1.0, 1: 0.5})
    assert [r for r, _ in ReciprocalRank((one, two), 1, 60).rank("q", 1)] == [0]
    assert {r for r, _ in ReciprocalRank((one, two), 3, 60).rank("q", 3)} == {0, 1, 2}


@given(
    st.dictionaries(st.integers(0, 9), st.floats(0, 1), min_size=1),
    st.dictionaries(st.integers(0, 9), st.floats(0, 1), min_size=1),
    st.floats(0, 1),
)
def test_convex_is_the_weighted_sum_with_the_missing_half_looked_up(
    one: dict[int, float], two: dict[int, float], weight: float
) -> None:
    found = Convex((Fixed(one), Fixed(two)), (weight, 1 - weight), 50).rank("q", 20)
    expected = {r: weight * one.get(r, 0.0) + (1 - weight) * two.get(r, 0.0) for r in one.keys() | two.keys()}
    assert dict(found) == pytest.approx(expected)
    assert [row for row, _ in found] == sorted(expected, key=lambda r: (-dict(found)[r], r))


PASSAGES = [
    "Start the server with --port 3928",
    "Set cont_batching to serve several requests",
    "the colour of the logo is blue",
]


def test_bm25_strength_is_the_share_of_what_the_question_could_score() -> None:
    index = BM25.build([terms(p) for p in PASSAGES], k1=1.2, b=0.75)
    named = index.weigh("cont_batching", range(3))
    assert named[1] > 0.3
    assert named[0] == named[2] == 0.0
    diluted = index.weigh("which colour has the sky over lake Constance at dusk", range(3))
    assert 0 < diluted[2] < named[1] / 2
    assert index.weigh("what is it", range(3)) == [0.0, 0.0, 0.0]


@given(st.lists(st.sampled_from(["port", "server", "cont_batching", "logo", "unheard"]), min_size=1, max_size=6))
def test_bm25_strength_lies_between_0_and_1_and_keeps_the_order(words: list[str]) -> None:
    index = BM25.build([terms(p) for p in PASSAGES], k1=1.2, b=0.75)
    query = " ".join(words)
    strengths = index.weigh(query, range(3))
    assert all(0 <= s <= 1 for s in strengths)
    ranked = [row for row, _ in index.rank(query, 3)]
    assert [strengths[r] for r in ranked] == sorted((strengths[r] for r in ranked), reverse=True)
