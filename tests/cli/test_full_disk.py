"""A run whose stages are all finished, on a disk that takes no further byte: read, and one line where it must write."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FULL = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
from understudy.cli.main import main
main()
"""
"""No file may grow: what writes gets EFBIG, as of a full disk, whoever it is."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("full")
    (folder / "docs").mkdir()
    (folder / "docs" / "a.md").write_text("# Kettle\n\nThe port is 7411.\n")
    (folder / "r.yaml").write_text(
        "name: x\nbase_model: lab:reader\ndocs: {path: docs}\nchunk: {chunk_size: 100, chunk_overlap: 0}\n"
    )
    done = called(folder, ["-m", "understudy.cli.main"], "run", "r.yaml", "--store", "store")
    assert done.returncode == 0, done.stderr
    return folder


def called(folder: Path, how: list[str], *words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *how, *words], cwd=folder, env=env, capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize("words", [["run", "r.yaml"], ["report", "x"]])
def test_a_report_that_cannot_be_written_is_one_line(place: Path, words: list[str]) -> None:
    done = called(place, ["-c", FULL], *words, "--store", "store")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr + done.stdout
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert "no space left on the disk of" in line
    assert "finished stages are kept" in line


def test_reading_needs_no_write(place: Path) -> None:
    done = called(place, ["-c", FULL], "runs", "--store", "store")
    assert (done.returncode, done.stderr) == (0, "")
    assert "x@1" in done.stdout


def test_a_new_store_is_one_line_too(place: Path) -> None:
    done = called(place, ["-c", FULL], "run", "r.yaml", "--store", "other")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr + done.stdout
    assert done.stderr.count("error: ") == 1
