"""The stage runner: exactly one artifact, whatever happens on the way."""

from __future__ import annotations

import errno
import os
import threading
import time
from pathlib import Path
from typing import Any, ClassVar

import pytest

from understudy.config import StageConfig
from understudy.errors import InputError, Interrupted, StageError, StoreError
from understudy.stage import Inputs, RunContext, StageOutput, _PeakMemory, execute


class Config(StageConfig):
    NAME: ClassVar[str] = "toy"
    NOT_IN_KEY: ClassVar[frozenset[str]] = frozenset({"workers"})
    size: int = 3
    workers: int = 1


def run_stage(tmp_path: Path, run: Any) -> Any:
    work = tmp_path / "work"
    ctx = RunContext(out=work / "out", work=work, root=tmp_path)
    return execute(
        run, Config(), Inputs(), key="k", key_fields={"stage": "toy"}, target=tmp_path / "store" / "k", ctx=ctx
    )


def test_the_manifest_says_what_it_took(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sampled, sample = threading.Event(), _PeakMemory.sample

    def note(self: _PeakMemory) -> None:
        held = bool(ballast)
        sample(self)
        if held:
            sampled.set()

    ballast, took = bytearray(), 0.0
    monkeypatch.setattr(_PeakMemory, "sample", note)

    def run(config: Config, inputs: Inputs, ctx: RunContext) -> StageOutput:
        (ctx.out / "x.txt").write_text("1")
        nonlocal took
        began = time.perf_counter()
        ballast.extend(b"x" * 120_000_000)
        assert sampled.wait(60), "the memory was not looked at while the stage ran"
        ballast.clear()
        took = time.perf_counter() - began
        return StageOutput(metrics={"acc": None}, counts={"chunks": 3})

    made = run_stage(tmp_path, run)
    assert made.counts == {"chunks": 3}
    assert made.metrics == {"acc": None}
    assert made.manifest["wall_seconds"] >= round(took, 3) > 0
    assert made.manifest["peak_memory_bytes"] >= made.manifest["start_memory_bytes"] + 100_000_000
    assert made.manifest["config"] == {"size": 3, "workers": 1}
    assert not (tmp_path / "work").exists()


def test_what_cannot_change_the_result_is_not_in_the_key() -> None:
    assert Config(workers=8).identity() == Config(workers=1).identity() == {}
    assert Config(size=4, workers=8).identity() == {"size": 4}


@pytest.mark.parametrize(
    ("raised", "expected", "message"),
    [
        (ValueError("odd"), StageError, "toy failed: ValueError: odd"),
        (InputError("x.csv: no column 'answer'"), InputError, "x.csv"),
        (KeyboardInterrupt(), Interrupted, "the same command goes on"),
        (OSError(errno.ENOSPC, "No space left on device"), StoreError, "no space left"),
    ],
)
def test_a_failure_keeps_the_work_and_publishes_nothing(
    tmp_path: Path, raised: BaseException, expected: type[Exception], message: str
) -> None:
    def run(config: Config, inputs: Inputs, ctx: RunContext) -> StageOutput:
        (ctx.work / "checkpoint").write_text("half")
        raise raised

    with pytest.raises(expected, match=message):
        run_stage(tmp_path, run)
    assert (tmp_path / "work" / "checkpoint").read_text() == "half"
    assert not (tmp_path / "store").exists()


def interrupted(tmp_path: Path, seconds: float, name: str) -> None:
    """A sitting that left its last file after so many seconds, and was stopped."""

    def run(config: Config, inputs: Inputs, ctx: RunContext) -> StageOutput:
        path = ctx.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("half")
        at = time.time() + seconds
        os.utime(path, (at, at))
        raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        run_stage(tmp_path, run)


def empty(config: Config, inputs: Inputs, ctx: RunContext) -> StageOutput:
    return StageOutput()


def test_the_seconds_of_all_sittings_count(tmp_path: Path) -> None:
    interrupted(tmp_path, 1000, "checkpoint-1")
    interrupted(tmp_path, 3000, "job/checkpoint-2")
    assert 4000 <= run_stage(tmp_path, empty).manifest["wall_seconds"] < 4060


@pytest.mark.parametrize("damage", ["{", "[1]", '{"seconds": null, "began": 0}'])
def test_seconds_of_work_that_is_done_again_or_of_which_nothing_is_known_do_not(tmp_path: Path, damage: str) -> None:
    interrupted(tmp_path, 1000, "out/half.jsonl")
    assert run_stage(tmp_path, empty).manifest["wall_seconds"] < 60
    interrupted(tmp_path / "other", 1000, "checkpoint")
    (tmp_path / "other" / "work" / "sittings.json").write_text(damage)
    assert run_stage(tmp_path / "other", empty).manifest["wall_seconds"] < 60


def test_an_input_the_recipe_lacks_is_named() -> None:
    with pytest.raises(StageError, match="needs 'index'"):
        Inputs()["index"]
