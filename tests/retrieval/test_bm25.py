"""BM25 against its formula written out, and against an independent implementation."""

from __future__ import annotations

import math
import tempfile
import tracemalloc
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from understudy.errors import StoreError
from understudy.retrieval.bm25 import BM25, _at_least, best_rows
from understudy.retrieval.bm25_build import Counted, Postings, count

WORDS = st.sampled_from(["port", "server", "model", "gpu", "load", "cache", "layer"])
PASSAGES = st.lists(st.lists(WORDS, max_size=12), min_size=1, max_size=12)


def formula(query: list[str], passage: list[str], passages: list[list[str]], k1: float, b: float) -> float:
    """The textbook sum, in Python floats."""
    mean = sum(map(len, passages)) / len(passages)
    total = 0.0
    for term in query:
        f = Counter(passage)[term]
        if f:
            n = sum(term in p for p in passages)
            idf = math.log(1 + (len(passages) - n + 0.5) / (n + 0.5))
            total += idf * f * (k1 + 1) / (f + k1 * (1 - b + b * len(passage) / mean))
    return total


@settings(max_examples=60, deadline=None)
@given(PASSAGES, st.lists(WORDS, min_size=1, max_size=4), st.sampled_from([(1.2, 0.75), (0.9, 0.4), (2.0, 0.0)]))
def test_scores_are_the_formula(passages: list[list[str]], query: list[str], setting: tuple[float, float]) -> None:
    k1, b = setting
    rows, scores = BM25.build(passages, k1=k1, b=b).search(query, limit=len(passages))
    expected = {i: s for i, p in enumerate(passages) if (s := formula(query, p, passages, k1, b)) > 0}
    assert set(rows.tolist()) == set(expected)
    np.testing.assert_allclose(scores, [expected[r] for r in rows.tolist()], rtol=1e-6)
    assert list(scores) == sorted(scores, reverse=True)


@settings(max_examples=150, deadline=None)
@given(PASSAGES, st.lists(WORDS, min_size=1, max_size=6), st.integers(1, 5))
def test_ending_early_changes_no_row_and_no_bit_of_a_score(
    passages: list[list[str]], query: list[str], limit: int
) -> None:
    passages = passages * 3 + [["port"]] * 40
    index = BM25.build(passages, k1=1.2, b=0.75)
    same_as_adding_up_everything(index, query, limit)


@pytest.mark.parametrize("limit", [1, 5, 40])
def test_nor_does_it_among_thousands_of_passages_where_only_the_best_of_each_group_is_looked_at(limit: int) -> None:
    draw = np.random.default_rng(limit)
    often = 1 / np.arange(1, 301)
    words = [f"w{n}" for n in range(300)]
    drawn = draw.choice(300, (12_000, 12), p=often / often.sum())
    passages = [[words[n] for n in row] for row in drawn.tolist()]
    index = BM25.build(passages, k1=1.2, b=0.75)
    for _ in range(40):
        same_as_adding_up_everything(index, list(draw.choice(words, 6)), limit)


@pytest.mark.parametrize(("size", "limit"), [(64 * 400, 1), (64 * 400, 90), (64 * 5, 1), (1000, 7)])
def test_what_the_best_groups_hold_is_no_more_than_the_best_rows(size: int, limit: int) -> None:
    sums = np.random.default_rng(size).random(size, dtype=np.float32)
    for order in (sums, np.sort(sums), np.sort(sums)[::-1]):
        best = np.sort(order)[-limit]
        assert 0.5 * best < _at_least(order, limit) <= best


def same_as_adding_up_everything(index: BM25, query: list[str], limit: int) -> None:
    sums = np.zeros(index.size)
    for term, times in sorted(Counter(query).items()):
        number = index.words.find(term)
        if number is not None:
            span = slice(index.starts[number], index.starts[number + 1])
            sums[index.rows[span]] += times * index.impacts[span].astype(np.float64)
    rows, scores = index.search(query, limit)
    expected_rows, expected = best_rows(sums, limit, above=0.0)
    assert rows.tolist() == expected_rows.tolist()
    assert scores.tolist() == expected.tolist()


@given(st.lists(PASSAGES, min_size=1, max_size=4))
def test_blocks_and_files_give_the_same_index_as_one_list(many: list[list[list[str]]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        postings = Postings(folder / "spilt")
        for passages in many:
            postings.add(count(passages))
            postings._put_aside()
        postings.build(k1=1.2, b=0.75, path=folder / "blocks")
        assert not list((folder / "spilt").glob("*"))
        BM25.build([p for passages in many for p in passages], k1=1.2, b=0.75).save(folder / "whole")
        assert (folder / "blocks").read_bytes() == (folder / "whole").read_bytes()


def test_building_holds_a_part_of_the_postings_in_memory(tmp_path: Path) -> None:
    """Three million postings, 36 MB: beside what is read of a file, what is sorted at once takes less than 130."""
    draw = np.random.default_rng(0)
    postings = Postings(tmp_path / "spilt")
    words = tuple(f"word{n}" for n in range(1000))
    tracemalloc.start()
    for _ in range(30):
        lengths = np.full(2000, 50, dtype=np.int32)
        numbers = draw.integers(0, 1000, 100_000, dtype=np.int32)
        rows = np.repeat(np.arange(2000, dtype=np.int32), 50)
        postings.add(Counted(words, lengths, numbers, rows, np.ones(100_000, dtype=np.int32)))
    postings.build(k1=1.2, b=0.75, path=tmp_path / "built")
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 130e6


def test_a_file_of_the_first_version_is_read(tmp_path: Path) -> None:
    index = BM25.build([["port", "größe"], ["port", "port"], []], k1=1.2, b=0.75)
    terms = np.frombuffer("größe\nport".encode(), dtype=np.uint8)
    old = {"impacts": index.impacts, "k1": np.array([1.2]), "rows": index.rows, "size": np.array([3])}
    save_file({**old, "starts": index.starts, "terms": terms}, tmp_path / "old")
    found = BM25.load(tmp_path / "old")
    for query in (["größe"], ["port"], ["port", "größe"], ["absent"]):
        assert [a.tolist() for a in found.search(query, 3)] == [a.tolist() for a in index.search(query, 3)]
    assert found.most.tolist() == index.most.tolist()


def test_equal_scores_stand_in_row_order_wherever_the_cut_falls() -> None:
    passages = [["port"], ["gpu"], ["port"], ["port"], ["port", "port"]]
    index = BM25.build(passages, k1=1.2, b=0.75)
    full = index.search(["port"], 10)[0].tolist()
    assert full == [4, 0, 2, 3]
    for limit in range(1, 5):
        assert index.search(["port"], limit)[0].tolist() == full[:limit]


@given(st.lists(st.integers(0, 3), min_size=1, max_size=30), st.integers(1, 30))
def test_best_rows_is_a_sorted_prefix(values: list[int], limit: int) -> None:
    scores = np.array(values, dtype=np.float64)
    expected = sorted(range(len(values)), key=lambda i: (-values[i], i))[:limit]
    assert best_rows(scores, limit)[0].tolist() == expected


def test_a_question_without_known_terms_finds_nothing() -> None:
    index = BM25.build([["port"]], k1=1.2, b=0.75)
    assert index.rank("what is the weather", 5) == []


def test_the_same_passages_give_the_same_bytes_and_come_back(tmp_path: Path) -> None:
    passages = [["port", "größe"], [], ["port", "数据"]]
    for name in ("a", "b"):
        BM25.build(passages, k1=1.2, b=0.75).save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    index = BM25.load(tmp_path / "a")
    assert index.size == 3
    assert index.search(["größe", "数据"], 5)[0].tolist() == [0, 2]


def test_passages_without_terms_make_an_index_that_finds_nothing(tmp_path: Path) -> None:
    BM25.build([[], []], k1=1.2, b=0.75).save(tmp_path / "x")
    assert BM25.load(tmp_path / "x").rank("port", 3) == []


@pytest.mark.parametrize("damage", ["truncated", "empty", "missing"])
def test_damage_is_named(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "bm25.safetensors"
    BM25.build([["port"]], k1=1.2, b=0.75).save(path)
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[: -3 if damage == "truncated" else 0])
    with pytest.raises(StoreError, match=r"bm25\.safetensors"):
        BM25.load(path)
