"""Where a run is while it runs: `progress.json` in its folder, for whoever looks on from another process."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from understudy.artifact import to_plain, write_json
from understudy.errors import UnderstudyError
from understudy.stage import ProgressFunction

FILE = "progress.json"
EVERY = 1.0  # seconds between two writes
_LATELY = 60.0  # seconds after which a sign of life from another machine is an old one


@dataclass(frozen=True, slots=True)
class Progress:
    """What a stage is busy with. total: None where it is not known. began: of the stage; at: of this note; UTC.

    pid, since: the process and when it was started, so that a number given away again is told apart.
    """

    stage: str
    what: str
    done: float
    total: float | None
    began: str
    at: str
    pid: int
    since: float

    @property
    def alive(self) -> bool:
        """Whether the process is there, or (it may be on another machine) gave a sign of life in the last minute."""
        with contextlib.suppress(psutil.Error, ValueError, OverflowError):
            if abs(psutil.Process(self.pid).create_time() - self.since) < 1:
                return True
        with contextlib.suppress(ValueError, TypeError):
            return (datetime.now(UTC) - datetime.fromisoformat(self.at)).total_seconds() < _LATELY
        return False


@contextlib.contextmanager
def noted(folder: Path, stage: str, watch: ProgressFunction) -> Iterator[ProgressFunction]:
    """The stage's progress, told to `watch` and kept in the run's folder until the stage ends, however it ends.

    What cannot be written is not: a run never fails for those who look on.
    """
    path = folder / FILE
    began, since = _now(), psutil.Process().create_time()
    lock = threading.Lock()
    written = 0.0

    def write(what: str, done: float, total: float | None) -> None:
        nonlocal written
        with lock:
            if written and time.monotonic() - written < EVERY:
                return
            written = time.monotonic()
            with contextlib.suppress(OSError, UnderstudyError):
                write_json(path, to_plain(Progress(stage, what, done, total, began, _now(), os.getpid(), since)))

    def told(what: str, done: float, total: float | None) -> None:
        watch(what, done, total)
        write(what, done, total)

    write("", 0, None)
    try:
        yield told
    finally:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def progress_of(folder: Path) -> Progress | None:
    """What a run is busy with; None where nothing is noted, or not legibly."""
    try:
        plain = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return Progress(
            stage=str(plain["stage"]),
            what=str(plain["what"]),
            done=float(plain["done"]),
            total=None if plain["total"] is None else float(plain["total"]),
            began=str(plain["began"]),
            at=str(plain["at"]),
            pid=int(plain["pid"]),
            since=float(plain["since"]),
        )
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
