"""Comparing runs: pairs by content, across runs and programs."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from understudy.artifact import seal
from understudy.benchmark.across_runs import choose_arms, compare_sides, content_key, read_side
from understudy.cli.compare import compare
from understudy.errors import InputError
from understudy.pipeline.runs import RunRecord, save
from understudy.pipeline.store import Store


@pytest.fixture
def runs(planted: ModuleType, tmp_path: Path) -> dict[str, Any]:
    """Two runs on the same documentation: the second has other option orders, other ids and fewer questions."""
    w = planted.world(16, 8)
    first = planted.Bench(tmp_path / "one", w, {"base": planted.PlantedReader(planted.knows(w.items, 0.3))})
    first.run(normalise="raw", export=("lm_eval", "inspect"))
    turned = [
        replace(
            i,
            item_id=f"new-{i.item_id}",
            options=i.options[1:] + i.options[:1],
            correct=(i.correct - 1) % 4,
        )
        for i in w.items[16:]
    ]
    w2 = planted.World(w.chunks, turned, w.pairs)
    second = planted.Bench(tmp_path / "two", w2, {"base": planted.PlantedReader(planted.knows(turned, 0.9))})
    second.run(normalise="raw")
    return {"first": first, "second": second}


def test_runs_are_paired_by_content(runs: dict[str, Any]) -> None:
    sides = [read_side(runs[name].folder / "out", name) for name in ("first", "second")]
    found = compare_sides(sides)
    [c] = found.comparisons
    assert (c.first, c.second) == ("second: base", "first: base")
    assert found.common == {("second: base", "first: base"): 112}
    assert c.difference.n == 112
    assert c.difference.clusters == 14
    assert c.verdict == "better"
    mine = {content_key(i): i for i in runs["first"].world.items}
    theirs = {content_key(i): i for i in runs["second"].world.items}
    assert len(mine.keys() & theirs.keys()) == 112


def test_the_same_run_is_not_different_from_itself(runs: dict[str, Any]) -> None:
    side = read_side(runs["first"].folder / "out", "first")
    [c] = compare_sides([side, side]).comparisons
    assert (c.first, c.second) == ("first (2): base", "first: base")
    assert (c.verdict, c.only_first, c.only_second) == ("inconclusive", 0, 0)


def test_a_log_of_another_program_is_a_run(runs: dict[str, Any]) -> None:
    export = runs["first"].folder / "out" / "export"
    sides = [
        read_side(runs["second"].folder / "out", "second"),
        read_side(export / "lm_eval" / "samples_base.jsonl", "lm_eval"),
        read_side(export / "inspect" / "base.json", "inspect"),
    ]
    found = compare_sides(sides)
    assert [c.difference.n for c in found.comparisons] == [112, 112]
    assert found.comparisons[0].difference.value == pytest.approx(found.comparisons[1].difference.value)
    assert found.comparisons[0].verdict == "worse"


def test_nothing_in_common_is_an_error(runs: dict[str, Any], planted: ModuleType, tmp_path: Path) -> None:
    w = planted.world(4, 4, seed=9)
    other = planted.Bench(tmp_path / "three", w, {"base": planted.PlantedReader(planted.reads())})
    other.run()
    with pytest.raises(InputError, match="no question in common"):
        compare_sides([read_side(b.folder / "out", "x") for b in (runs["first"], other)])


def test_arms_are_chosen_by_name(runs: dict[str, Any]) -> None:
    sides = read_side(runs["first"].folder / "out", "first")
    assert [s.arm for s in sides] == ["base"]  # floors are no arms
    with pytest.raises(InputError, match="no arm 'bsae'; there are: base"):
        choose_arms(sides, "bsae")
    with pytest.raises(InputError, match="neither a benchmark artifact"):
        read_side(Path("nowhere"), "x")


def test_the_command(runs: dict[str, Any], tmp_path: Path) -> None:
    store = tmp_path / ".understudy"
    for name in ("first", "second"):
        artifact = store / "store" / "benchmark" / name
        shutil.copytree(runs[name].folder / "out", artifact)
        seal(artifact, {"stage": "benchmark", "key": name})
        save(Store(store), RunRecord(name, 1, {}, "", "", "", {"benchmark": name}, ("benchmark",), True), {})
    app = typer.Typer()
    app.command()(compare)
    out = tmp_path / "found.json"
    done = CliRunner().invoke(app, ["first", "second:base", "--store", str(store), "--json", str(out)])
    assert done.exit_code == 0, done.output
    assert "better" in done.output
    assert "second: base is better than first: base by" in done.output
    assert json.loads(out.read_text(encoding="utf-8"))["common"][0]["questions"] == 112
    assert isinstance(CliRunner().invoke(app, ["first", "third", "--store", str(store)]).exception, InputError)


@pytest.mark.slow
def test_a_thousand_questions_are_compared_in_a_moment(planted: ModuleType, tmp_path: Path) -> None:
    w = planted.world(50, 20)
    made = planted.Bench(tmp_path, w, {"base": planted.PlantedReader(planted.knows(w.items, 0.3))})
    made.run()
    side = read_side(tmp_path / "out", "a")
    clock = time.process_time()
    compare_sides([side, side])
    assert time.process_time() - clock < 5
