"""The store in order: damage is found and mended, what nobody needs goes, what somebody needs stays."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from understudy.artifact import Artifact, atomic_path, seal
from understudy.errors import StoreError
from understudy.pipeline import upkeep


def made(root: Path, stage: str, key: str, text: str = "x") -> Path:
    folder = root / "store" / stage / key
    folder.mkdir(parents=True)
    (folder / "x.txt").write_text(text)
    seal(folder, {"stage": stage, "key": key})
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A store with two artifacts, of which a run names the first."""
    made(tmp_path, "chunk", "a" * 64)
    made(tmp_path, "index", "b" * 64)
    (tmp_path / "runs" / "r" / "1").mkdir(parents=True)
    (tmp_path / "runs" / "r" / "1" / "run.json").write_text(json.dumps({"artifacts": {"chunk": "a" * 64}}))
    return tmp_path


def test_verify_finds_what_size_and_time_hide_and_delete_removes_only_that(root: Path) -> None:
    bad = root / "store" / "index" / ("b" * 64)
    stat = (bad / "x.txt").stat()
    (bad / "x.txt").write_text("y")
    os.utime(bad / "x.txt", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    found = {c.path: c.problem for c in upkeep.verify(root)}
    assert found == {
        root / "store" / "chunk" / ("a" * 64): "",
        bad: f"{bad / 'x.txt'}: its content changed after it was made",
    }
    assert bad.is_dir()
    assert [c.path for c in upkeep.verify(root, delete=True) if c.problem] == [bad]
    assert not bad.exists()
    assert [c.problem for c in upkeep.verify(root)] == [""]


def test_an_artifact_under_another_key_is_damage(root: Path) -> None:
    (root / "store" / "index" / ("b" * 64)).rename(root / "store" / "index" / ("c" * 64))
    assert [c.problem for c in upkeep.verify(root) if c.problem] == ["its manifest says that it is index/bbbbbbbbbbbb"]


def test_gc_removes_what_no_run_names_and_keeps_the_rest(root: Path) -> None:
    (root / "work" / "sft" / "k").mkdir(parents=True)
    (root / "work" / "sft" / "k" / "checkpoint").write_text("hours of work")
    (root / "work" / "chunk" / ("a" * 64)).mkdir(parents=True)
    (root / "store" / "sft" / "half").mkdir(parents=True)
    said = [r.path for r in upkeep.gc(root, dry_run=True)]
    assert all(p.exists() for p in said)
    assert [r.path for r in upkeep.gc(root)] == said
    gone = {str(p.relative_to(root)) for p in said}
    assert gone == {f"store/index/{'b' * 64}", f"work/chunk/{'a' * 64}", "store/sft/half"}
    assert not any(p.exists() for p in said)
    assert (root / "work" / "sft" / "k" / "checkpoint").exists()
    assert Artifact.open(root / "store" / "chunk" / ("a" * 64))


def test_gc_leaves_what_is_being_made(root: Path) -> None:
    (root / "locks").mkdir()
    with FileLock(root / "locks" / f"index-{'b' * 16}.lock"):
        assert list(upkeep.gc(root)) == []
    assert len(list(upkeep.gc(root))) == 1


def test_gc_removes_nothing_while_a_record_cannot_be_read(root: Path) -> None:
    (root / "runs" / "r" / "1" / "run.json").write_text("[]")
    with pytest.raises(StoreError, match=r"run\.json: damaged"):
        list(upkeep.gc(root))
    assert (root / "store" / "index" / ("b" * 64)).is_dir()


def test_the_next_run_clears_what_a_killed_one_left(root: Path) -> None:
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom understudy.artifact import atomic_path\n"
        "root = Path(sys.argv[1])\n"
        "with atomic_path(root / 'runs' / 'r' / 'report.html') as t, atomic_path(root / 'work' / 'm') as folder:\n"
        "    t.write_text('half')\n    folder.mkdir()\n    (folder / 'w').write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(root)], check=False, timeout=60)
    (root / "work" / "chunk" / ("a" * 64)).mkdir(parents=True)  # killed between publishing and clearing
    with atomic_path(root / "runs" / "r" / "alive.html") as mine:
        mine.write_text("being written")
        assert len(list(root.rglob(".*.tmp"))) == 3
        assert upkeep.sweep(root) == 3
        assert mine.exists()
    assert not list(root.rglob(".*.tmp"))
    assert not (root / "work" / "chunk" / ("a" * 64)).exists()
    assert (root / "runs" / "r" / "alive.html").exists()
    assert upkeep.sweep(root) == 0
