"""The stage as a whole: what it keeps, what it refuses, and what it leaves out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from understudy.benchmark.config import BenchmarkConfig, FreeConfig
from understudy.benchmark.estimate import estimate
from understudy.benchmark.summary import CAUSES, Summary
from understudy.errors import InputError, ModelError, StageError
from understudy.types import Arm, MCQItem


@pytest.fixture
def made(planted: ModuleType, tmp_path: Path) -> Any:
    w = planted.world()
    readers = {
        "base": planted.PlantedReader(planted.reads()),
        "sft": planted.PlantedReader(planted.knows(w.items, 0.7)),
    }
    return planted.Bench(tmp_path, w, readers)


ARMS = ("base", "base+rag", "sft", "sft+rag", "base+oracle", "sft+oracle")


def test_everything_is_written_and_adds_up(made: Any) -> None:
    summary = made.run(arms=ARMS, scoring=("cloze", "letter"))
    assert [a.name for a in summary.arms if a.kind == "arm"] == [
        "base", "base+rag", "base+oracle", "sft", "sft+rag", "sft+oracle",
    ]  # fmt: skip
    results = made.results()
    for arm in summary.arms:
        rows = [r for r in results if r.arm == arm.name]
        accs = [r.acc for r in rows if r.acc is not None]
        assert arm.acc.n == len(accs) == 96
        assert arm.acc.value == pytest.approx(sum(accs) / len(accs))
        assert arm.acc.low is not None
        assert arm.acc.high is not None
        assert 0 <= arm.acc.low <= arm.acc.value <= arm.acc.high <= 1
    for c in summary.comparisons:
        assert c.both + c.only_first + c.only_second + c.neither == 96
        assert c.difference.value == pytest.approx((c.only_first - c.only_second) / 96)
        assert c.p is not None
        assert c.p_holm is not None
        assert c.p_holm >= c.p
    for a in summary.attribution:
        assert sum(a.counts.values()) == a.n
        assert set(a.counts) <= set(CAUSES)
    assert summary.arms[0].other_scorings.keys() == {"raw", "char", "byte", "pmi", "letter"}
    assert sum(d.n for d in summary.documents) == 96
    assert made.opened.index("base+oracle") < made.opened.index("sft")  # each model is loaded once


def test_the_summary_survives_a_round_trip(made: Any, tmp_path: Path) -> None:
    summary = made.run(arms=ARMS)
    summary.write(tmp_path / "again.json")
    assert Summary.read(tmp_path / "again.json") == summary
    (tmp_path / "bad.json").write_text('{"schema": 99}', encoding="utf-8")
    with pytest.raises(InputError, match="schema 99"):
        Summary.read(tmp_path / "bad.json")


def test_an_interrupted_arm_goes_on_where_it_stopped(made: Any, planted: ModuleType) -> None:
    reader = made.readers["base"]
    whole, rule = reader.rule, reader.rule
    asked: list[str] = []

    def dies(shown: str, options: list[str]) -> list[float]:
        asked.append(shown)
        if len(asked) == 250:  # 96 for the bare options, 96 for `base`, then in the middle of `base+rag`
            raise KeyboardInterrupt
        return rule(shown, options)

    reader.rule = dies
    with pytest.raises(KeyboardInterrupt):
        made.run(arms=("base", "base+rag", "base+oracle", "sft"), block_size=8)
    reader.calls = 0
    reader.rule = whole
    resumed = made.run(arms=("base", "base+rag", "base+oracle", "sft"), block_size=8)
    assert reader.calls == 96 + 40 + 96  # the bare options again, the rest of `base+rag`, and `base+oracle`
    fresh = planted.Bench(made.folder / "fresh", made.world, made.readers).run(
        arms=("base", "base+rag", "base+oracle", "sft"), block_size=96
    )
    assert resumed.arms == fresh.arms
    assert resumed.comparisons == fresh.comparisons


def test_a_failing_arm_costs_only_itself(made: Any) -> None:
    broken = {"sft+rag"}
    made.broken = lambda arm: ModelError("the weights are damaged") if arm.name in broken else None
    with pytest.raises(StageError, match=r"1 of 4 arms failed:\n  sft\+rag: the weights are damaged\n3 finished arms"):
        made.run(arms=("base", "base+rag", "sft", "sft+rag"))
    calls = {name: reader.calls for name, reader in made.readers.items()}
    summary = made.run(arms=("base", "base+rag", "sft", "sft+rag"), failed_arms="skip")
    failed = summary.arm("sft+rag")
    assert failed
    assert failed.acc.value is None
    assert "damaged" in failed.error
    assert not any("sft+rag" in (c.first, c.second) for c in summary.comparisons)
    broken.clear()
    assert made.run(arms=("base", "base+rag", "sft", "sft+rag")).arm("sft+rag").acc.value is not None
    assert made.readers["base"].calls - calls["base"] == 0  # nothing is asked for twice


def test_a_model_that_fails_midway_keeps_its_answers(made: Any) -> None:
    rule = made.readers["sft"].rule
    seen: list[str] = []

    def dies(shown: str, options: list[str]) -> list[float]:
        seen.append(shown)
        if len(seen) > 8 * 16:  # a block's options are asked for alone, then with their questions
            raise RuntimeError("out of memory")
        return rule(shown, options)

    made.readers["sft"].rule = dies
    with pytest.raises(StageError, match="RuntimeError: out of memory"):
        made.run(block_size=8)
    kept = [p for p in (made.folder / "work" / "arms").rglob("*.jsonl") if p.parent.name.startswith("sft-")]
    assert len(kept) == 8
    made.readers["sft"].rule = rule
    made.readers["sft"].calls = 0
    made.run(block_size=8)
    assert made.readers["sft"].calls == 2 * (96 - 64)


def test_faulty_questions_are_left_out_and_counted(made: Any) -> None:
    good = made.world.items[0]
    made.world.items[1:1] = [
        good,
        replace(good, item_id="other-id"),
        replace(good, item_id="twins", question="Which twin?", options=("a", "b", "a", "c")),
        replace(good, item_id="blank", question="Which blank?", options=("a", " ", "b", "c")),
        replace(good, item_id="keyless", question="Which key?", correct=7),
        replace(good, item_id="short", question="Which one?", options=("a",), correct=0),
        replace(good, item_id="silent", question="  "),
        replace(good, item_id="two-1", question="Which of two?"),
        replace(good, item_id="two-2", question="Which of two?", correct=(good.correct + 1) % 4),
    ]
    made.world.items.append(
        MCQItem("far", "What is elsewhere?", ("w", "x", "y", "z"), 1, doc_id="gone.md", chunk_id="gone")
    )
    summary = made.run(arms=("base", "base+oracle"))
    assert {(e.item_id, e.reason) for e in summary.exclusions} == {
        (good.item_id, "duplicate question"),
        ("other-id", "duplicate question"),
        ("twins", "two identical options"),
        ("blank", "an empty option"),
        ("keyless", "the key is not among the options"),
        ("short", "fewer than two options"),
        ("silent", "no question"),
        ("two-1", "the same question with different keys"),
        ("two-2", "the same question with different keys"),
    }
    assert summary.provenance.n_items == 97
    assert summary.unlinked == 1
    oracle = summary.arm("base+oracle")
    assert oracle
    assert oracle.acc.n == 96  # the oracle has no passage for the question from elsewhere
    causes = summary.attribution[0].counts
    assert causes.get("not in the corpus", 0) + causes["right"] + causes["not known"] == 97


def test_no_question_is_a_clear_error(made: Any) -> None:
    made.world.items.clear()
    with pytest.raises(InputError, match="no question to ask"):
        made.run()


def test_a_repeated_run_gives_the_same_bytes(made: Any, planted: ModuleType) -> None:
    made.run(arms=ARMS, export=("lm_eval", "inspect", "csv"))
    again = planted.Bench(made.folder / "again", made.world, made.readers)
    again.run(arms=ARMS, export=("lm_eval", "inspect", "csv"))
    first, second = made.folder / "out", again.folder / "out"
    names = sorted(p.relative_to(first) for p in first.rglob("*") if p.is_file())
    assert len(names) > 20
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_questions_are_spread_over_documents(made: Any) -> None:
    summary = made.run(max_items=24)
    assert [d.n for d in summary.documents] == [2] * 12


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"arms": ()}, "at least one arm"),
        ({"arms": ("base", "base")}, "named twice"),
        ({"arms": ("base+rga",)}, "Did you mean 'rag'"),
        ({"floors": ("longst",)}, "Did you mean 'longest'"),
        ({"rounds": 3}, "needs temperature"),
        ({"comparisons": (("base", "sft+rga"),)}, "not among the arms"),
        ({"scoring": ()}, "name at least one"),
    ],
)
def test_wrong_settings_are_explained(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BenchmarkConfig(**settings)


def test_models_of_arms_enter_the_key() -> None:
    arms = ("base", "sft+rag", "openai:gpt-4o+oracle")
    config = BenchmarkConfig(arms=arms, judge="openai:gpt-4o-mini", scoring=("cloze", "judge"))
    assert config.models() == {"arm openai:gpt-4o": "openai:gpt-4o", "judge": "openai:gpt-4o-mini"}
    assert Arm.parse("openai:m@http://127.0.0.1:1/v1+rag").model == "openai:m@http://127.0.0.1:1/v1"


def test_estimate() -> None:
    quiet = FreeConfig(answerable=0, unanswerable=0, untreated=0)
    found = estimate(BenchmarkConfig(arms=("base", "base+rag"), free=quiet), {"generate": {"items": 100}})
    assert found.counts["answers"] == 200
    assert found.tokens == 100 * 60 + 100 * (60 + 5 * 300)
    assert estimate(BenchmarkConfig(), {}).tokens is None
    freely = estimate(BenchmarkConfig(arms=("base", "base+rag")), {"generate": {"items": 100}})
    assert freely.counts["free answers"] == 2 * (40 + 20) + 20  # without passages none can be taken out
    assert freely.tokens is not None
    assert freely.tokens > found.tokens
    known = {"generate": {"items": 100}, "model": {"parameters": 1e8}}
    local = estimate(BenchmarkConfig(arms=("base", "base+rag")), known)
    assert local.seconds
    twice = estimate(BenchmarkConfig(arms=("base", "base+rag")), {**known, "model": {"parameters": 2e8}})
    assert twice.seconds == pytest.approx(2 * local.seconds)
    served = BenchmarkConfig(arms=("base", "openai:gpt-4o"))
    assert estimate(served, known).seconds is None  # an endpoint's speed is not this machine's
