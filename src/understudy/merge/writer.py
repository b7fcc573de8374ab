"""Writing safetensors: shards laid out and allocated beforehand, filled in any order, resumed after a kill.

Work goes on in a hidden folder beside the target. A journal there names the tensors whose bytes are all
written; it is believed only for the same plan on the same boot of the machine (a killed process loses no
written byte, a crashed machine may). The folder takes its final name after everything has reached the disk.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shutil
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from understudy.errors import InputError, StoreError

JOURNAL = "journal.jsonl"


@dataclass(frozen=True, slots=True)
class Slot:
    """A tensor to be written: its safetensors dtype, shape and size."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    nbytes: int


def partial_folder(out: Path) -> Path:
    """Where a merge into `out` is prepared."""
    return out.parent / f".{out.name}.partial"


def _boot() -> str:
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""


def layout(slots: Sequence[Slot], shard_size: int) -> list[tuple[str, list[Slot]]]:
    """Cut tensors into files of at most `shard_size` bytes (a larger tensor has a file of its own), in order."""
    groups: list[list[Slot]] = [[]]
    filled = 0
    for slot in slots:
        if groups[-1] and filled + slot.nbytes > shard_size:
            groups.append([])
            filled = 0
        groups[-1].append(slot)
        filled += slot.nbytes
    if len(groups) == 1:
        return [("model.safetensors", groups[0])]
    return [(f"model-{n:05d}-of-{len(groups):05d}.safetensors", g) for n, g in enumerate(groups, 1)]


def header(slots: Sequence[Slot]) -> bytes:
    """The bytes before the tensors, padded with spaces so that the tensors begin on a multiple of eight."""
    entries: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    position = 0
    for slot in slots:
        entries[slot.name] = {
            "dtype": slot.dtype,
            "shape": list(slot.shape),
            "data_offsets": [position, position + slot.nbytes],
        }
        position += slot.nbytes
    text = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


class ShardWriter:
    """The weights of one model on their way to disk.

    work: where it is prepared, on the same disk as `out` (a hidden folder beside it where None).
    stamp: digest of everything the bytes depend on; a journal with another stamp is thrown away.
    done: facts noted by `finish` for the tensors an interrupted merge has already written.
    Raises InputError (the target exists, another merge is at work) and StoreError (the disk is full).
    """

    def __init__(
        self, out: Path, slots: Sequence[Slot], *, shard_size: int, stamp: str, work: Path | None = None
    ) -> None:
        self.out, self.folder = out, work or partial_folder(out)
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise InputError(f"{out}: exists already; name another folder, or delete it first")
        self.folder.mkdir(parents=True, exist_ok=True)
        self._journal: IO[str] = (self.folder / JOURNAL).open("a+", encoding="utf-8")
        try:
            fcntl.flock(self._journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._journal.close()
            raise InputError(f"{out}: another merge is writing it") from None
        self._shards = layout(slots, shard_size)
        self._place: dict[str, tuple[int, int]] = {}
        self._files: list[int] = []
        self._lock = threading.Lock()
        self.done: dict[str, dict[str, Any]] = self._resume(stamp)
        try:
            self._allocate(stamp)
        except OSError as error:
            self.abandon()
            raise _disk(error, self.folder, sum(s.nbytes for s in slots)) from error

    def _resume(self, stamp: str) -> dict[str, dict[str, Any]]:
        self._journal.seek(0)
        lines = []
        for line in self._journal:
            if not line.endswith("\n"):
                break  # the kill fell into this line
            lines.append(json.loads(line))
        complete = all((self.folder / name).is_file() for name, _ in self._shards)
        if lines and lines[0] == {"stamp": stamp, "boot": _boot()} and complete:
            return {line["tensor"]: line["facts"] for line in lines[1:]}
        return {}

    def _allocate(self, stamp: str) -> None:
        if not self.done:
            self._journal.truncate(0)
            for entry in self.folder.iterdir():
                if entry.name != JOURNAL:
                    shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        for name, slots in self._shards:
            start = header(slots)
            total = len(start) + sum(s.nbytes for s in slots)
            file = os.open(self.folder / name, os.O_RDWR | os.O_CREAT, 0o644)
            self._files.append(file)
            if not self.done:
                _reserve(file, total)  # a disk too small is known now, not hours later
                _write_all(file, start, 0)
            position = len(start)
            for slot in slots:
                self._place[slot.name] = (file, position)
                position += slot.nbytes
        if not self.done:
            self._note({"stamp": stamp, "boot": _boot()})

    def _note(self, line: Mapping[str, Any]) -> None:
        self._journal.write(json.dumps(line) + "\n")
        self._journal.flush()

    def write(self, name: str, offset: int, data: memoryview) -> None:
        """Write bytes of a tensor at a byte offset within it; from any thread."""
        file, position = self._place[name]
        try:
            _write_all(file, data, position + offset)
        except OSError as error:
            raise _disk(error, self.folder, 0) from error

    def finish(self, name: str, facts: Mapping[str, Any]) -> None:
        """Note that all bytes of a tensor are written, with what the report wants to know of it."""
        with self._lock:
            self._note({"tensor": name, "facts": dict(facts)})

    def publish(self) -> None:
        """Bring everything to the disk and give the folder its name; other files must be in it already."""
        try:
            index = {
                "metadata": {"total_size": sum(s.nbytes for _, slots in self._shards for s in slots)},
                "weight_map": {s.name: shard for shard, slots in self._shards for s in slots},
            }
            if len(self._shards) > 1:
                path = self.folder / "model.safetensors.index.json"
                path.write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
            for file in self._files:
                os.fsync(file)
            for path in self.folder.iterdir():
                if path.suffix != ".safetensors" and path.is_file():
                    _fsync(path)
            (self.folder / JOURNAL).unlink()
            _fsync(self.folder)
            self.out.parent.mkdir(parents=True, exist_ok=True)
            if self.out.exists():
                self.out.rmdir()
            self.folder.rename(self.out)
            _fsync(self.out.parent)
        except OSError as error:
            raise _disk(error, self.folder, 0) from error

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the files; what is written stays for the next attempt."""
        for file in self._files:
            os.close(file)
        self._files = []
        self._journal.close()

    def abandon(self) -> None:
        """Close and delete what was prepared."""
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def _reserve(file: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)
    elif os.fstatvfs(file).f_bavail * os.fstatvfs(file).f_frsize < size:  # macOS: no such call
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    else:
        os.ftruncate(file, size)


def _fsync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _write_all(file: int, data: bytes | memoryview, position: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(file, view, position)
        view, position = view[written:], position + written


def _disk(error: OSError, folder: Path, needed: int) -> StoreError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        free = shutil.disk_usage(folder.parent).free
        need = f"the merge needs {needed / 1e9:.2f} GB, " if needed else ""
        return StoreError(
            f"{folder.parent}: the disk is full: {need}{free / 1e9:.2f} GB are free; free some and repeat"
        )
    return StoreError(f"{folder}: cannot be written: {error.strerror or error}")
