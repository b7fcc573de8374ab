"""A small part of the torture in every test run; `make torture` does it at length."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools.torture import inputs, mutation, pages, runs
from tools.torture.readers import Readers

ROOT = Path(__file__).resolve().parents[2]


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    """The torture of the inputs in a process of its own, since it bounds its memory."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    command = [sys.executable, "-m", "tools.torture", "inputs", *words]
    return subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def counted(folder: Path) -> dict[str, dict[str, int]]:
    return dict(json.loads((folder / "build" / "torture" / "inputs.json").read_text(encoding="utf-8")))


@pytest.mark.timeout(600)
def test_a_thousand_mutated_inputs_end_with_a_result_or_a_clear_error(tmp_path: Path) -> None:
    process = start(tmp_path, "--seed", "20", "--count", "1000", "--largest", "6000")
    said, shown = process.communicate(timeout=580)
    assert process.returncode == 0, said[-2000:] + shown[-2000:]
    found = counted(tmp_path)
    assert sum(found["inputs"].values()) == 1000
    assert 300 < sum(found["read"].values()) < 700  # what is mutated is neither harmless nor hopeless
    assert len(found["inputs"]) > 40


@pytest.mark.slow
@pytest.mark.timeout(14_400)
@pytest.mark.parametrize("part", range(10))
def test_a_hundred_thousand_mutated_inputs(tmp_path: Path, part: int) -> None:
    process = start(tmp_path, "--seed", "21", "--count", "10000", "--first", str(10_000 * part))
    said, shown = process.communicate(timeout=14_000)
    assert process.returncode == 0, said[-2000:] + shown[-2000:]


@pytest.mark.timeout(300)
def test_a_torture_that_is_stopped_prints_what_it_has_counted(tmp_path: Path) -> None:
    process = start(tmp_path, "--seed", "22", "--only", "front matter")
    assert process.stderr is not None
    assert "the next is" in process.stderr.readline()  # the first line of progress
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    assert "front matter" in said
    found = counted(tmp_path)
    assert f"inputs 0 to {sum(found['inputs'].values()) - 1};" in said


def test_the_torture_sees_what_it_looks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that leaks its own exception, and one that never ends, are counted as such."""

    def leaks() -> None:
        raise KeyError("mine")

    def hangs() -> None:
        while True:
            pass

    attempts = {"leaks": leaks, "hangs": hangs}

    class Two(Readers):
        def __init__(self, place: Path, largest: int | None) -> None:
            self.all = {name: lambda draw, name=name: attempts[name] for name in attempts}
            self.names, self.weights = list(attempts), [1.0, 1.0]

    monkeypatch.setattr(inputs, "SECONDS", 0.05)
    monkeypatch.setattr(inputs.resource, "setrlimit", lambda *_: None)
    monkeypatch.setattr(inputs.gc, "freeze", lambda: None)
    monkeypatch.setattr(inputs.logging, "disable", lambda *_: None)
    monkeypatch.setattr(inputs, "Readers", Two)
    found = inputs.run(0, 12, 60)
    assert found.inputs.total() == 12
    assert found.hangs["hangs"] == found.inputs["hangs"] > 0
    assert found.unclear.total() == found.inputs["leaks"] > 0


def test_a_number_repeats_its_input(tmp_path: Path) -> None:
    def made(seed: int, number: int) -> tuple[bytes, bytes]:
        draw = random.Random(f"{seed}:{number}")
        value = {"a": [1, {"b": "c"}]}
        return mutation.mutate(draw, pages.SEEDS["a.md"], ()), mutation.mutate_json(draw, value)

    assert [made(3, n) for n in range(200)] == [made(3, n) for n in range(200)]
    assert len({made(3, n) for n in range(200)}) > 180


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_few_full_disks_and_kills(tmp_path: Path) -> None:
    """In a process each: a fork of one that has threads, as this has, may wait for ever."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]), "OMP_NUM_THREADS": "1"}
    for part in ("disk", "kills"):
        command = [sys.executable, "-m", "tools.torture", part, "--count", "2"]
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=1700)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        assert {"disk": "full disks 2", "kills": "kills 2"}[part] in done.stdout


def test_kills_are_counted_by_the_stage_that_was_going_on(tmp_path: Path) -> None:
    process = runs.Run.__new__(runs.Run)
    process.store, process.pid = tmp_path, os.getpid()
    assert process.stage() == "before the first stage"
    folder = tmp_path / "runs" / "x" / "1"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text("{}")
    assert process.stage() == "between two stages"
    note = {"stage": "merge", "what": "", "done": 0, "total": None, "began": "", "at": "", "since": time.time()}
    (folder / "progress.json").write_text(json.dumps({**note, "pid": os.getpid()}))
    assert process.stage() == "merge"
    (folder / "progress.json").write_text(json.dumps({**note, "pid": os.getpid() + 1}))
    assert process.stage() == "between two stages"
