"""The store in order: what a killed run left is cleared, what is damaged is found, what nobody needs is removed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from understudy.artifact import MANIFEST, Artifact, made_by_dead_process
from understudy.errors import StoreError
from understudy.failures import explain

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Checked:
    """One artifact that was looked at. problem: what is wrong with it; empty where nothing is."""

    path: Path
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Removed:
    """What was taken away, and why. size: its bytes."""

    path: Path
    why: str
    size: int


def verify(root: Path, *, delete: bool = False) -> Iterator[Checked]:
    """Compare every artifact with its manifest, digests too. delete: remove what is damaged and not in use.

    Raises StoreError where the store cannot be read, or a damaged artifact cannot be removed.
    """
    for folder in _artifacts(root):
        problem = _problem(folder)
        if problem and delete:
            _remove(root, folder, problem)
        yield Checked(folder, problem)


def gc(root: Path, *, dry_run: bool = False) -> Iterator[Removed]:
    """Remove what no run refers to: artifacts, half-made folders, work and temporary files of ended processes.

    Work in progress of a stage that a run would go on with is kept. Raises StoreError where something cannot be
    removed, or a run's record cannot be read: what it refers to is not known then, and nothing is removed.
    """
    used = _used(root)
    whole = [f for f in _artifacts(root) if (f / MANIFEST).is_file()]
    found = [(f, "no run refers to it") for f in whole if (f.parent.name, f.name) not in used]
    for path, why in [*found, *_litter(root)]:
        if not (path.exists() or path.is_symlink()):  # it lay in a folder that went before it
            continue
        removed = Removed(path, why, _size(path))
        if dry_run or _remove(root, path, why):
            yield removed


def sweep(root: Path) -> int:
    """Clear what killed runs left: temporary files of processes that ended, work of stages that are finished.

    Returns how many there were. Never an error: a store that is only read stays as it is.
    """
    cleared = 0
    for path, why in _litter(root):
        try:
            cleared += _remove(root, path, why)
        except StoreError:
            continue
    return cleared


# ── what there is ───────────────────────────────────────────────────────────────────────────────────────


def _artifacts(root: Path) -> list[Path]:
    """The folders of `store/<stage>/<key>` with a manifest or without; what lies beside them is somebody else's."""
    try:
        stages = [p for p in sorted((root / "store").iterdir()) if p.is_dir()] if (root / "store").is_dir() else []
        return [key for stage in stages for key in sorted(stage.iterdir()) if key.is_dir() and not key.is_symlink()]
    except OSError as error:
        raise explain(error, "store", str(root)) from error


def _problem(folder: Path) -> str:
    if not (folder / MANIFEST).is_file():
        return "is not finished"
    try:
        artifact = Artifact.open(folder)
        artifact.verify()
    except StoreError as error:
        return str(error).partition("; `understudy store verify")[0]
    if (artifact.stage, artifact.key) != (folder.parent.name, folder.name):
        return f"its manifest says that it is {artifact.stage}/{artifact.key[:12]}"
    return ""


def _litter(root: Path) -> Iterator[tuple[Path, str]]:
    for stage in _folders(root / "work"):
        for work in _folders(stage):
            if (root / "store" / stage.name / work.name / MANIFEST).is_file():
                yield work, "work of a stage that is finished"
    for folder in _artifacts(root):
        if not (folder / MANIFEST).is_file():
            yield folder, "half-made"
    for top in ("work", "runs", "store", "ledger"):
        for place, folders, files in os.walk(root / top):
            folders[:] = [f for f in folders if not (Path(place) / f).is_symlink()]
            for name in (*folders, *files):
                if made_by_dead_process(Path(place) / name):
                    yield Path(place) / name, "left by a process that ended"


def _folders(place: Path) -> list[Path]:
    try:
        return [p for p in sorted(place.iterdir()) if p.is_dir() and not p.is_symlink()]
    except OSError:
        return []


def _used(root: Path) -> set[tuple[str, str]]:
    """(stage, key) of every artifact that a run's record names."""
    used: set[tuple[str, str]] = set()
    for record in sorted((root / "runs").rglob("run.json")):
        try:
            plain: Any = json.loads(record.read_text(encoding="utf-8"))
            used |= {(str(stage), str(key)) for stage, key in plain["artifacts"].items()}
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise StoreError(
                f"{record}: damaged, so that what it refers to is not known; run its recipe again, or delete "
                f"{record.parent}"
            ) from error
    return used


# ── removing ────────────────────────────────────────────────────────────────────────────────────────────


def _remove(root: Path, path: Path, why: str) -> bool:
    """Remove a file or folder of the store unless its stage is being made now. Raises StoreError."""
    try:
        parts = path.relative_to(root).parts
        if len(parts) >= 3 and parts[0] in ("store", "work"):
            with _held(root, parts[1], parts[2]) as free:
                return free and _delete(path)
        return _delete(path)
    except OSError as error:
        raise explain(error, f"{path} ({why}) cannot be removed", str(root)) from error


class _held:
    """The lock of a key, where nobody else has it."""

    def __init__(self, root: Path, stage: str, key: str) -> None:
        (root / "locks").mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(root / "locks" / f"{stage}-{key[:16]}.lock")

    def __enter__(self) -> bool:
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            return False
        return True

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def _delete(path: Path) -> bool:
    if path.is_dir() and not path.is_symlink():
        (path / MANIFEST).unlink(missing_ok=True)  # first: without it, a half-removed folder is not an artifact
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    return True


def _size(path: Path) -> int:
    if not path.is_dir():
        return path.lstat().st_size
    return sum(p.lstat().st_size for p in path.rglob("*") if not p.is_dir())
