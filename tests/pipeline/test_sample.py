"""A plan counts what a sample of the documentation gives, through the stages themselves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from understudy.artifact import Artifact
from understudy.lab.worlds import make_world, write_world
from understudy.pipeline import sample
from understudy.pipeline.loop import Pipeline
from understudy.pipeline.sample import counted, look
from understudy.recipe import parse
from understudy.types import QAPair


def pipeline(docs: Path, store: Path, **generate: Any) -> Pipeline:
    sections = {"docs": {"path": str(docs)}, "generate": generate, "index": {"retriever": "bm25"}, "sft": {}}
    return Pipeline(parse(json.dumps({"name": "s", "base_model": "lab:reader", **sections})), store)


def looked(found: Pipeline) -> dict[str, float]:
    return look(found.steps, found.recipe.base_model, found.recipe.seed, found.store.root)


def manual(folder: Path, pages: int) -> Path:
    write_world(make_world(3, pages=pages), folder)
    return folder


def test_of_few_files_all_are_read_and_the_plan_says_what_the_run_makes(tmp_path: Path) -> None:
    docs, store = manual(tmp_path / "docs", 5), tmp_path / "store"
    planned = {line.step.name: line.estimate for line in pipeline(docs, store, n_items=7).plan()}
    assert not store.exists()  # a plan leaves nothing where nothing is
    done = pipeline(docs, store, n_items=7).run(until="generate")
    made = counted(done)
    assert planned["ingest"].counts["characters"] == made["characters"]
    assert planned["chunk"].counts["chunks"] == made["chunks"]
    assert {name: planned["generate"].counts[name] for name in ("pairs", "items", "taught", "watched")} == {
        name: made[name] for name in ("pairs", "items", "taught", "watched")
    }
    assert planned["generate"].note == ""
    assert planned["sft"].counts["rows"] == made["taught"] * 3


def test_a_rough_plan_reads_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "look", lambda *_: pytest.fail("read"))
    monkeypatch.setattr("understudy.pipeline.loop.look", lambda *_: pytest.fail("read"))
    lines = pipeline(manual(tmp_path / "docs", 2), tmp_path / "store").plan(closely=False)
    assert all(line.estimate.counts for line in lines)


def test_what_is_read_already_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = pipeline(manual(tmp_path / "docs", 2), tmp_path / "store")
    found.run(until="generate")
    monkeypatch.setattr("understudy.pipeline.loop.look", lambda *_: pytest.fail("read"))
    assert found.plan()[-1].estimate.counts["rows"]


def test_of_many_files_some_from_all_over_tell_of_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "_SIZES", (20_000,))
    manual(tmp_path / "docs", 40)
    found = pipeline(tmp_path / "docs", tmp_path / "store")
    seen = looked(found)
    assert "whole" not in seen
    assert 20_000 <= seen["bytes"] < 30_000
    chosen = sample._spread(found.steps[0][1].walk()[0], 20_000)  # type: ignore[attr-defined]
    assert {file.doc_id[0] for file in chosen} >= {"0", "1", "2"}
    planned = {line.step.name: line.estimate for line in found.plan()}
    assert "depends on the writing" in planned["generate"].note
    made = counted(found.run(until="generate"))
    assert planned["chunk"].counts["chunks"] == pytest.approx(made["chunks"], rel=0.3)
    assert planned["generate"].counts["pairs"] == pytest.approx(made["pairs"], rel=0.5)


def test_a_sample_that_tells_enough_is_made_no_larger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "_SIZES", (4_000, 8_000))
    monkeypatch.setattr(sample, "_FACTS", 5)
    monkeypatch.setattr(sample, "_FEWEST", 2)
    assert looked(pipeline(manual(tmp_path / "docs", 12), tmp_path / "store"))["bytes"] < 8_000


def test_the_counts_are_kept_by_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docs, store = manual(tmp_path / "docs", 2), tmp_path / "store"
    store.mkdir()
    first = looked(pipeline(docs, store))
    read: list[int] = []
    original = sample._read

    def watch(*given: Any) -> dict[str, Artifact]:
        read.append(1)
        return original(*given)

    monkeypatch.setattr(sample, "_read", watch)
    assert looked(pipeline(docs, store)) == first
    assert not read
    page = next(docs.glob("*.md"))
    page.write_text(page.read_text().replace(". ", ".\n\n", 1))
    looked(pipeline(docs, store))
    assert read


def test_a_teacher_that_is_a_model_is_not_asked_and_pages_are_cut_all_the_same(tmp_path: Path) -> None:
    seen = looked(pipeline(manual(tmp_path / "docs", 3), tmp_path / "store", teacher="openai:m"))
    assert seen["chunks"] > 0
    assert "pairs" not in seen


def test_of_pages_that_give_nothing_what_could_be_read_is_told(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "a.md").write_text("Nothing.\n")
    seen = looked(pipeline(docs, tmp_path / "store"))
    assert seen["chunks"] == 1
    assert "pairs" not in seen
    assert looked(pipeline(tmp_path / "nowhere", tmp_path / "store")) == {}


def test_imported_pairs_are_counted_as_they_are_split(tmp_path: Path) -> None:
    docs, pairs = manual(tmp_path / "docs", 3), tmp_path / "pairs.jsonl"
    teacher = pipeline(docs, tmp_path / "store", extra_claims=["endpoint", "quantity", "relation"])
    own = teacher.run(until="generate")["generate"].records("pairs", QAPair)
    with open(pairs, "w", encoding="utf-8") as file:
        for pair in own:
            file.write(json.dumps({"question": pair.question, "answer": pair.answer, "doc_id": pair.doc_id}) + "\n")
    how = {"pairs": str(pairs), "questions": "pairs", "heldout_facts": 0.3, "dev_share": 0.2}
    found = pipeline(docs, tmp_path / "store", **how)
    planned = {line.step.name: line.estimate for line in found.plan()}["generate"].counts
    made = counted(found.run(until="generate"))
    for name in ("pairs", "taught", "watched"):
        assert planned[name] == pytest.approx(made[name], rel=0.2), name
