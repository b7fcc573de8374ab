"""A budget of hours gives the training as many rows as the plan's estimates leave room for, once and for all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from understudy.artifact import Artifact
from understudy.config import StageConfig
from understudy.errors import RecipeError
from understudy.pipeline.budget import Hours
from understudy.pipeline.loop import Pipeline, Planned
from understudy.pipeline.steps import steps_of
from understudy.pipeline.timings import Timings
from understudy.recipe import Recipe, parse
from understudy.sft.config import SftConfig
from understudy.stage import Estimate

UPSTREAM: Mapping[str, Mapping[str, Any]] = {
    "model": {"parameters": 3_000_000},
    "chunk": {"chunks": 4000, "tokens": 800_000},
    "generate": {"pairs": 200_000, "items": 300},
}


def recipe(docs: Path, sft: Mapping[str, Any] | None = None, **budget: float) -> Recipe:
    stages = {"generate": {}, "index": {"retriever": "bm25"}, "sft": dict(sft or {}), "benchmark": {}}
    sections = {"docs": {"path": str(docs)}, **stages}
    return parse(json.dumps({"name": "b", "base_model": "lab:reader", **sections, "budget": budget}))


def settled(found: Recipe, root: Path, fields: Mapping[str, Any] | None = None, spent: float = 0.0) -> SftConfig:
    steps = steps_of(found)
    config = next(c for s, c in steps if s.name == "sft")
    assert found.budget is not None
    assert found.budget.hours is not None
    config = Hours(root, found.budget.hours).settled(config, steps, UPSTREAM, spent, fields)
    assert isinstance(config, SftConfig)
    return config


def seconds(found: Recipe, config: SftConfig) -> float:
    """Of the training and of what follows it."""
    (sft,) = [s for s, _ in steps_of(found) if s.name == "sft"]
    whole = sft.estimate(config, UPSTREAM)
    after = [s.estimate(c, {**UPSTREAM, "sft": whole.counts}) for s, c in steps_of(found) if s.name == "benchmark"]
    return sum(e.seconds or 0.0 for e in (whole, *after))


def test_the_training_gets_the_rows_that_fit(docs_folder: Path, tmp_path: Path) -> None:
    found = recipe(docs_folder, hours=1000)
    free = settled(found, tmp_path)
    assert free.rows is None
    whole = seconds(found, free) / 3600
    half = settled(recipe(docs_folder, hours=whole / 2), tmp_path)
    quarter = settled(recipe(docs_folder, hours=whole / 2), tmp_path, spent=3600 * whole / 4)
    assert half.rows is not None
    assert quarter.rows is not None
    assert half.rows > quarter.rows > 0
    for config, hours in ((half, whole / 2), (quarter, whole / 4)):
        assert 0.9 * hours <= seconds(found, config) / 3600 <= hours


@pytest.mark.parametrize("sft", [{"sweep": {"enabled": True, "general_items": 100_000}}, {"mix": {"documents": 1}}])
def test_what_does_not_shrink_with_the_rows_is_counted(docs_folder: Path, tmp_path: Path, sft: dict[str, Any]) -> None:
    whole = settled(recipe(docs_folder, sft, hours=1e6), tmp_path)
    least = seconds(recipe(docs_folder), whole.model_copy(update={"rows": 1}))
    hours = (least + 0.3 * (seconds(recipe(docs_folder), whole) - least)) / 3600
    some = settled(recipe(docs_folder, sft, hours=hours), tmp_path)
    assert some.rows is not None
    assert 0.9 * hours <= seconds(recipe(docs_folder), some) / 3600 <= hours
    with pytest.raises(RecipeError, match="leaves nothing"):
        settled(recipe(docs_folder, sft, hours=0.9 * least / 3600), tmp_path)


def test_a_short_training_says_nothing_false_of_a_long_one(docs_folder: Path, tmp_path: Path) -> None:
    """A machine as fast as planned, which takes some seconds to begin: what it took then, of a few rows or many."""
    (sft,) = [s for s, _ in steps_of(recipe(docs_folder)) if s.name == "sft"]
    few, many = SftConfig(rows=30), SftConfig()
    said = sft.estimate(few, UPSTREAM)
    speed = (sft.estimate(many, UPSTREAM).seconds or 0.0) / sft.estimate(many, UPSTREAM).counts["rows"]
    took = Artifact(Path(), {"wall_seconds": 8.0 + 30 * speed, "peak_memory_bytes": 1})
    timings = Timings(tmp_path)
    timings.note(few, said, took)
    whole = sft.estimate(many, UPSTREAM)
    assert (timings.scaled(many, whole).seconds or 0.0) < 1.5 * (whole.seconds or 0.0)


def test_what_was_decided_stays_when_more_is_known_of_the_machine(
    docs_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = recipe(docs_folder, hours=seconds(recipe(docs_folder), SftConfig()) / 2 / 3600)
    first = settled(found, tmp_path, {"inputs": "a"})

    def slower(timings: Timings, config: StageConfig, found: Estimate) -> Estimate:
        return replace(found, seconds=3 * (found.seconds or 0.0))

    monkeypatch.setattr(Timings, "scaled", slower)
    assert settled(found, tmp_path, {"inputs": "a"}).rows == first.rows
    assert settled(found, tmp_path, {"inputs": "b"}).rows != first.rows


def test_hours_that_leave_nothing_are_refused(docs_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"budget\.hours: 0\.001 leaves nothing.*benchmark\.max_items"):
        settled(recipe(docs_folder, hours=0.001), tmp_path, spent=7200)


def test_the_plan_says_what_is_left_out(docs_folder: Path, tmp_path: Path) -> None:
    def notes(**budget: float) -> dict[str, str]:
        return {line.step.name: line.estimate.note for line in Pipeline(recipe(docs_folder, **budget), tmp_path).plan()}

    assert "beyond the budget" not in notes(rows=10**7)["sft"]
    Pipeline(recipe(docs_folder), tmp_path).run(until="generate")
    assert "rows are beyond the budget" in notes(rows=10)["sft"]
    lines = Pipeline(recipe(docs_folder, hours=1e-6), tmp_path).plan()
    (missing,) = [line.estimate.missing for line in lines if line.step.name == "sft"]
    assert missing[0].startswith("budget.hours: 1e-06 leaves nothing")


def test_the_size_of_a_model_that_is_fetched_counts_for_its_training(
    docs_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    monkeypatch.setattr("understudy.pipeline.loop.parameters", lambda reference: sizes[0] if sizes else None)
    monkeypatch.setattr(Pipeline, "_fetch_models", lambda self, config, say: sizes.append(5_000_000))
    monkeypatch.setattr(
        Pipeline,
        "_plan_step",
        lambda self, step, config, done, previous: Planned(step, config, "waits", ("the model",)),
    )
    planned: list[int | None] = []

    def within(self: Pipeline, step: Any, config: Any, done: Any, upstream: Any, spent: float) -> Any:
        planned.append(upstream["model"]["parameters"])
        return config

    monkeypatch.setattr(Pipeline, "_within_hours", within)
    with pytest.raises(RecipeError, match="cannot start: the model"):
        Pipeline(recipe(docs_folder, hours=1), tmp_path).run()
    assert planned == [None, 5_000_000]


@pytest.mark.parametrize(
    ("sections", "budget", "message"),
    [
        ({}, {"rows": 5}, "rows and hours cap a training"),
        ({"generate": {"teacher": "openai:m@http://127.0.0.1:1/v1"}}, {"usd": 1}, "needs the teacher's price"),
        ({}, {"weeks": 5}, "no such key"),
        ({}, {"usd": 0}, "greater than 0"),
    ],
)
def test_a_budget_that_caps_nothing_is_refused(
    docs_folder: Path, sections: dict[str, Any], budget: dict[str, Any], message: str
) -> None:
    values = {"name": "b", "base_model": "lab:reader", "docs": {"path": str(docs_folder)}, **sections, "budget": budget}
    with pytest.raises(RecipeError, match=message):
        parse(json.dumps(values))


def test_the_lower_cap_holds(docs_folder: Path) -> None:
    teacher = {
        "teacher": "openai:m@http://127.0.0.1:1/v1",
        "remote": {"price": {"input": 1, "output": 1}, "max_usd": 3},
    }
    sections = {"docs": {"path": str(docs_folder)}, "generate": teacher, "sft": {"rows": 50}}

    def caps(**budget: float) -> tuple[Any, Any]:
        found = parse(json.dumps({"name": "b", "base_model": "lab:reader", **sections, "budget": budget}))
        return found.section("generate").remote.max_usd, found.section("sft").rows  # type: ignore[union-attr]

    assert caps() == (3, 50)
    assert caps(usd=5, rows=100) == (3, 50)
    assert caps(usd=2, rows=20) == (2, 20)
