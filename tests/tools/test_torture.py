"""A small part of the torture in every test run; `make torture` does it at length."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tools.torture import inputs, runs

ROOT = Path(__file__).resolve().parents[2]


def test_mutated_inputs_end_with_a_result_or_a_clear_error() -> None:
    """In a process of its own, since it bounds its memory."""
    done = subprocess.run(
        [sys.executable, "-m", "tools.torture", "inputs", "--seed", "20", "--count", "600", "--seconds", "60"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def test_the_torture_sees_what_it_looks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that leaks its own exception, and one that never ends, are counted as such."""

    def leaks() -> None:
        raise KeyError("mine")

    def hangs() -> None:
        while True:
            pass

    monkeypatch.setattr(inputs, "SECONDS", 0.05)
    monkeypatch.setattr(inputs.resource, "setrlimit", lambda *_: None)
    monkeypatch.setattr(inputs.logging, "disable", lambda *_: None)
    monkeypatch.setattr(inputs, "readers", lambda place, chance: {"leaks": lambda: leaks, "hangs": lambda: hangs})
    found = inputs.run(0, 6, 30)
    assert found.inputs.total() == 6
    assert found.hangs["hangs"] == found.inputs["hangs"] > 0
    assert found.unclear.total() == found.inputs["leaks"] > 0


def test_the_same_seed_makes_the_same_inputs() -> None:
    made = [[inputs.mutate(b"some text", random.Random(3)) for _ in range(2)] for _ in range(2)]
    assert made[0] == made[1]
    assert len({inputs.mutate(b"some text", random.Random(seed)) for seed in range(50)}) > 40


@pytest.mark.slow
def test_a_few_full_disks_and_kills(tmp_path: Path) -> None:
    for counts in (runs.disk(1, 2, tmp_path / "disk"), runs.kills(1, 2, tmp_path / "kills", whole=False)):
        assert not {name for name in counts if name not in ("full disks", "kills", "stores", "needed fewer writes")}, (
            counts
        )
