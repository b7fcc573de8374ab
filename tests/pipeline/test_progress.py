"""What another process sees of a run while it runs."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import understudy
from understudy.errors import UnderstudyError
from understudy.pipeline import progress
from understudy.pipeline.progress import FILE, noted, progress_of
from understudy.stage import ProgressFunction, silent


def test_a_stage_is_seen_while_it_works_and_not_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "EVERY", 0.0)
    told = []
    with noted(tmp_path, "sft", lambda *given: told.append(given)) as watch:
        first = progress_of(tmp_path)
        watch("loss 2", 30, 60)
        found = progress_of(tmp_path)
    assert progress_of(tmp_path) is None
    assert told == [("loss 2", 30, 60)]
    assert first is not None
    assert found is not None
    assert (first.stage, first.total) == ("sft", None)
    assert (found.what, found.done, found.total, found.pid) == ("loss 2", 30, 60, os.getpid())
    assert found.alive


def test_writes_keep_their_distance_and_a_failure_clears_up(tmp_path: Path) -> None:
    def broken() -> None:
        with noted(tmp_path, "sft", silent) as watch:
            for n in range(50):
                watch("x", n, 50)
            found = progress_of(tmp_path)
            assert found is not None
            assert found.done == 0
            raise ValueError("the stage failed")

    with pytest.raises(ValueError, match="the stage failed"):
        broken()
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_is_gone_is_told_apart(tmp_path: Path) -> None:
    with noted(tmp_path, "sft", silent):
        plain = json.loads((tmp_path / FILE).read_text())
    old = {**plain, "at": "2026-01-01T00:00:00+00:00"}
    for wrong, alive in (({}, True), ({"since": plain["since"] - 9}, False), ({"pid": 2**22 + 1}, False)):
        (tmp_path / FILE).write_text(json.dumps({**old, **wrong}))
        found = progress_of(tmp_path)
        assert found is not None
        assert found.alive is alive
    for damaged in ("", "[]", "{}", json.dumps({**plain, "done": "much"})):
        (tmp_path / FILE).write_text(damaged)
        assert progress_of(tmp_path) is None


def test_a_place_that_cannot_be_written_stops_no_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with noted(tmp_path / "file", "sft", silent) as watch:
        watch("x", 1, 2)


def test_a_run_is_listed_while_its_first_stage_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "EVERY", 0.0)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("# A\n\nThe port is 80.\n")
    recipe = {"name": "small", "docs": {"path": str(tmp_path / "docs")}, "chunk": {}, "base_model": "lab:reader"}
    seen: list[tuple[str, str]] = []

    def watch(stage: str) -> ProgressFunction:
        def look(what: str, done: float, total: float | None) -> None:
            (run,) = understudy.list_runs(store=tmp_path / "store")
            found = progress_of(run.folder)
            assert found is not None
            seen.append((stage, found.stage))

        return look

    done = understudy.run(recipe, store=tmp_path / "store", progress=watch)
    assert {stage for stage, _ in seen} == {"ingest", "chunk"}
    assert all(told == working for told, working in seen)
    assert done.label == "small@1"
    assert progress_of(done.folder) is None


def test_a_run_whose_first_stage_failed_says_so(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    recipe = {"name": "empty", "docs": {"path": str(tmp_path / "docs")}, "chunk": {}, "base_model": "lab:reader"}
    with pytest.raises(UnderstudyError):
        understudy.run(recipe, store=tmp_path / "store")
    (tmp_path / "docs" / "a.md").write_text("# A\n\nThe port is 80.\n")
    assert understudy.run(recipe, store=tmp_path / "store").label == "empty@1"
