"""A part of the pairs is spread over pages, passages and facts, whatever the order of the pages."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from understudy.sft.spread import spread
from understudy.types import QAPair

PAGES, PASSAGES, FACTS, WORDINGS = 12, 4, 3, 3


def pair(page: int, passage: int, fact: int, wording: int) -> QAPair:
    name = f"{page}-{passage}-{fact}"
    return QAPair(
        pair_id=f"{name}-{wording}", question=f"{name} {wording}?", answer=name, chunk_id=f"{page}-{passage}",
        doc_id=f"{page}.md", quote=name, kind="value", split="train", source="extractive", fact_id=name,
    )  # fmt: skip


@pytest.fixture
def pairs() -> list[QAPair]:
    """Page 0 holds ten times what the others do."""
    large = [pair(0, p, f, w) for p in range(10 * PASSAGES) for f in range(FACTS) for w in range(WORDINGS)]
    return large + [
        pair(page, p, f, w)
        for page in range(1, PAGES)
        for p in range(PASSAGES)
        for f in range(FACTS)
        for w in range(WORDINGS)
    ]


def counts(chosen: list[QAPair], of: str) -> Counter[str]:
    return Counter(str(getattr(p, of)) for p in chosen)


@pytest.mark.parametrize("seed", range(3))
def test_pages_then_passages_then_facts_take_turns(pairs: list[QAPair], seed: int) -> None:
    assert set(counts(spread(pairs, PAGES, seed), "doc_id").values()) == {1}
    chosen = spread(pairs, PAGES * PASSAGES, seed)
    assert set(counts(chosen, "doc_id").values()) == {PASSAGES}
    assert set(counts(chosen, "chunk_id").values()) == {1}
    chosen = spread(pairs, PAGES * PASSAGES * FACTS, seed)
    small = [p for p in chosen if p.doc_id != "0.md"]
    assert set(counts(small, "fact_id").values()) == {1}
    assert len(small) == (PAGES - 1) * PASSAGES * FACTS


def test_the_order_is_kept_and_a_larger_part_holds_the_smaller(pairs: list[QAPair]) -> None:
    place = {p.pair_id: i for i, p in enumerate(pairs)}
    before: set[str] = set()
    for most in (0, 1, 7, 100, 300, len(pairs), len(pairs) + 5):
        chosen = [p.pair_id for p in spread(pairs, most, 0)]
        assert len(chosen) == min(most, len(pairs))
        assert chosen == sorted(chosen, key=place.__getitem__)
        assert before <= set(chosen)
        before = set(chosen)


def test_another_seed_draws_others(pairs: list[QAPair]) -> None:
    draws = {tuple(p.pair_id for p in spread(pairs, 20, seed)) for seed in range(5)}
    assert len(draws) == 5


def test_the_order_of_the_pages_does_not_choose(pairs: list[QAPair]) -> None:
    shuffled = random.Random(0).sample(pairs, len(pairs))
    assert set(counts(spread(shuffled, PAGES, 0), "doc_id").values()) == {1}


def test_pairs_without_a_page_stand_for_themselves() -> None:
    own = [QAPair(f"own-{i}", f"q{i}?", "a") for i in range(9)]
    assert len(spread(own, 4, 0)) == 4
