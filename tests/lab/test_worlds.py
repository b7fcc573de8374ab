"""Worlds: the same for the same seed, every fact where it says, questions with one answer."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.lab import lexicon as lx
from understudy.lab.worlds import make_world, write_facts, write_world


@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 30))
@settings(max_examples=25, deadline=None)
def test_every_fact_stands_verbatim_where_it_says(seed: int, pages: int, per_page: int) -> None:
    world = make_world(seed, pages, per_page)
    for fact in world.facts:
        text = world.documents[fact.doc_id]
        assert text[fact.start : fact.end] == fact.sentence
        assert fact.value in fact.sentence
        assert fact.questions
        assert all(fact.value not in q for q in fact.questions if len(fact.value) > 6)


def test_the_seed_decides_everything() -> None:
    assert make_world(7) == make_world(7)
    assert make_world(7).documents != make_world(8).documents


def test_a_question_has_one_answer_in_the_whole_manual() -> None:
    world = make_world(3, pages=20)
    answers: dict[str, set[str]] = {}
    for fact in world.facts:
        for question in fact.questions:
            answers.setdefault(question.replace("`", ""), set()).add(fact.value)
    # The product's sections may mention one thing twice, but never with two values.
    assert {q: a for q, a in answers.items() if len(a) > 1} == {}


def test_as_many_pages_and_facts_as_asked() -> None:
    world = make_world(1, pages=12, facts_per_page=30)
    assert len(world.documents) == 13  # the index too
    assert len(world.facts) > 12 * 30 * 0.8


def test_cross_references_lead_to_pages() -> None:
    world = make_world(5, pages=6)
    targets = [t for text in world.documents.values() for t in re.findall(r"\]\(([^)]+\.md)\)", text)]
    assert len(targets) >= 6
    assert set(targets) <= set(world.documents)


def test_written_manual_equals_the_world(tmp_path: Path) -> None:
    world = make_world(2, pages=2)
    write_world(world, tmp_path / "docs")
    write_facts(world, tmp_path / "facts.jsonl")
    assert {p.name: p.read_text(encoding="utf-8") for p in (tmp_path / "docs").iterdir()} == world.documents
    lines = (tmp_path / "facts.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["value"] for line in lines] == [f.value for f in world.facts]


@pytest.mark.parametrize("kind", lx.TYPES)
def test_values_are_many_and_reproducible(kind: str) -> None:
    import random

    first = [lx.value(random.Random(i), kind) for i in range(60)]
    assert first == [lx.value(random.Random(i), kind) for i in range(60)]
    assert len(set(first)) > (3 if kind == "method" else 8)
    assert all(v and v == v.strip() for v in first)


def test_worlds_need_no_heavy_library() -> None:
    import subprocess
    import sys

    code = "import sys, understudy.lab.worlds, understudy.suite; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
