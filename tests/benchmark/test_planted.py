"""Readers planted for what they are must be recognised as what they are."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from understudy.benchmark.summary import Summary


def codes(summary: Summary, arm: str) -> set[str]:
    found = summary.arm(arm)
    assert found is not None
    return {d.code for d in found.diagnosis}


def bench(planted: ModuleType, folder: Path, rule: Any, says: Any = None, **world: Any) -> Any:
    w = planted.world(**world)
    made = rule(w.items) if rule.__name__ == "<lambda>" else rule
    return planted.Bench(folder, w, {"base": planted.PlantedReader(made, says)})


@pytest.mark.parametrize("scoring", ["cloze", "letter", "constrained", "generate"])
def test_one_that_goes_by_length(planted: ModuleType, tmp_path: Path, scoring: str) -> None:
    def longest(shown: str, options: list[str]) -> list[float]:
        return [float(len(o)) for o in options]

    summary = bench(planted, tmp_path, longest).run(scoring=(scoring,), normalise="raw")
    assert codes(summary, "base") == {"length-only"}
    floor = summary.arm("floor:longest")
    assert floor
    assert summary.arms[0].acc.value == pytest.approx(floor.acc.value, abs=0.02)


@pytest.mark.parametrize("scoring", ["letter", "generate"])
def test_one_that_always_says_b(planted: ModuleType, tmp_path: Path, scoring: str) -> None:
    def b(shown: str, options: list[str]) -> list[float]:
        return [float(k == 1) for k in range(len(options))]

    summary = bench(planted, tmp_path, b, lambda shown: "B").run(scoring=(scoring,))
    arm = summary.arms[0]
    assert codes(summary, "base") == {"position"}
    assert arm.positions == (0.0, 1.0, 0.0, 0.0)
    assert arm.acc.value == pytest.approx(0.25)  # in every cyclic shift one option in four stands at B
    assert arm.circular == 0.0


def test_one_that_cannot_follow_the_format(planted: ModuleType, tmp_path: Path) -> None:
    made = bench(planted, tmp_path, planted.reads(), lambda shown: "That is a very interesting question, friend!")
    summary = made.run(scoring=("generate",))
    arm = summary.arms[0]
    assert codes(summary, "base") == {"format"}
    assert arm.format_failures == arm.acc.n
    assert arm.acc.value == 0.0
    assert summary.attribution[0].counts == {"format failure": arm.acc.n}


def test_one_that_knows_half_of_the_facts(planted: ModuleType, tmp_path: Path) -> None:
    summary = bench(planted, tmp_path, lambda items: planted.knows(items, 0.5), documents=20).run()
    assert codes(summary, "base") == {"partial-knowledge"}
    share = re.search(r"about (\d+)%", summary.arms[0].diagnosis[0].text)
    assert share
    assert 40 <= int(share[1]) <= 60


def test_one_that_is_only_a_good_reader(planted: ModuleType, tmp_path: Path) -> None:
    made = bench(planted, tmp_path, planted.reads())
    made.missed = lambda chunk: chunk.doc_id in ("doc-3.md", "doc-7.md")
    summary = made.run(arms=("base", "base+rag", "base+oracle"))
    assert codes(summary, "base") == {"reader-only"}
    split = summary.decomposition[0]
    assert split.oracle == 1.0
    assert split.acc_hit == 1.0
    assert split.hit_rate == pytest.approx(10 / 12)
    assert split.rag == pytest.approx(split.hit_rate * split.acc_hit + (1 - split.hit_rate) * (split.acc_miss or 0))
    causes = {a.arm: a.counts for a in summary.attribution}
    # what retrieval missed and chance did not repair is a retrieval miss, or harm where closed-book was right
    wrong = sum(n for cause, n in causes["base+rag"].items() if cause != "right")
    assert causes["base+rag"].get("retrieval miss", 0) + causes["base+rag"].get("harmed by retrieval", 0) == wrong
    assert causes["base"]["not known"] + causes["base"]["right"] == summary.provenance.n_items


def test_one_that_knows_nothing_and_one_that_knows_all(planted: ModuleType, tmp_path: Path) -> None:
    w = planted.world(documents=20)
    readers = {
        "base": planted.PlantedReader(planted.knows(w.items, 0.0)),
        "sft": planted.PlantedReader(planted.knows(w.items, 1.0)),
    }
    summary = planted.Bench(tmp_path, w, readers).run(normalise="raw")
    assert codes(summary, "base") == {"knows-nothing"}
    assert codes(summary, "sft") == {"knows-most"}
    assert summary.headline_verdict == "better"
    assert "helped" in summary.headline
    moves = summary.transitions[0]
    assert moves.known_unknown == 0
    assert moves.unknown_known == summary.comparisons[0].only_first


def test_taught_facts_are_told_from_facts_that_were_not(planted: ModuleType, tmp_path: Path) -> None:
    w = planted.world(documents=24, taught=lambda d: d % 2 == 0)
    taught = {p.fact_id for p in w.pairs}
    know = planted.knows([i for i in w.items if i.fact_id in taught], 1.0)
    readers = {
        "base": planted.PlantedReader(planted.knows(w.items, 0.0)),
        "sft": planted.PlantedReader(lambda shown, options: know(shown, options)),
    }
    summary = planted.Bench(tmp_path, w, readers).run(normalise="raw")
    did = summary.seen_heldout[0]
    assert did.seen.value is not None
    assert did.heldout.value is not None
    assert did.seen.low is not None
    assert did.seen.low > 0.4
    assert did.heldout.low is not None
    assert did.heldout.high is not None
    assert did.heldout.low <= 0 <= did.heldout.high
    assert did.difference.value == pytest.approx(did.seen.value - did.heldout.value)
    assert did.difference.low is not None
    assert did.difference.low > 0.3
    causes = {a.arm: a.counts for a in summary.attribution}["sft"]
    assert "generated but not learned" not in causes
    assert causes["not generated"] > 0
