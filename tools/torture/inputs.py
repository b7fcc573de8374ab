"""Mutated inputs over every reader: each ends with a result or one of the project's errors, in time and memory.

An input is drawn from the seed and its own number: a part of a long run can be repeated alone. Everything stays warm
in one process; what a reader needs is opened once.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import json
import logging
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tools.torture.readers import Readers
from understudy.errors import UnderstudyError
from understudy.ingest.base import SkipFile
from understudy.serve.problems import Problem

SECONDS = 10.0  # of the processor: an input that takes longer is a hang
WAIT = 300.0  # by the clock, on a machine that does other things too
MEMORY = 2_000_000_000  # bytes, beyond what the process holds before the first input
EVERY = 10.0  # seconds between two lines of progress
_SHARED = Path("/dev/shm")  # in memory: the readers are tried, not the disk


@dataclass
class Counts:
    """What came of a part. read, refused: inputs that were read, and those that ended with the project's own error.

    unclear: exceptions that are not the project's, by kind and place. given_up: pages that were refused since the
    reader itself failed on them, which its caller turns into a refusal. slowest: seconds of the processor by reader.
    """

    inputs: Counter[str] = field(default_factory=Counter)
    read: Counter[str] = field(default_factory=Counter)
    hangs: Counter[str] = field(default_factory=Counter)
    unclear: Counter[str] = field(default_factory=Counter)
    given_up: Counter[str] = field(default_factory=Counter)
    samples: dict[str, str] = field(default_factory=dict)
    slowest: dict[str, float] = field(default_factory=dict)
    first: int = 0
    next: int = 0  # the number of the first input that was not tried
    cpu: float = 0.0
    peak_mb: int = 0

    def note(self, kind: Counter[str], what: str, number: int, said: object) -> None:
        kind[what] += 1
        self.samples.setdefault(what, f"input {number}: {str(said)[:160]!r}")


class _Hang(BaseException):
    """An input took longer than SECONDS."""


def run(seed: int, count: int, seconds: float, *, first: int = 0, largest: int | None = None, told: Path | None = None,
        only: str | None = None) -> Counts:  # fmt: skip
    """The inputs first … first + count - 1, or as many as `seconds` allow, or until SIGTERM or SIGINT.

    largest: bytes of an input; where it is None, few have more than some thousand. told: a file that holds the counts
    so far. only: one reader.
    """
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    counts = Counts(first=first, next=first)
    stopped = False
    base = _SHARED if _SHARED.is_dir() else None

    def stop(*_: object) -> None:
        nonlocal stopped
        stopped = True

    with tempfile.TemporaryDirectory(dir=base) as folder, _guarded(stop):
        readers = Readers(Path(folder), largest)
        if only is not None:
            readers.names, readers.weights = [only], [1.0]
        gc.freeze()  # what stays is not looked through again and again
        _bound()
        began, cpu = time.monotonic(), time.process_time()
        due = began + EVERY
        for number in range(first, first + count):
            now = time.monotonic()
            if stopped or now - began > seconds:
                break
            if now > due:
                due = now + EVERY
                _tell(counts, began, cpu, told)
            _one(readers, random.Random(f"{seed}:{number}"), number, counts)
            counts.next = number + 1
        _tell(counts, began, cpu, told)
    return counts


def _one(readers: Readers, draw: random.Random, number: int, counts: Counts) -> None:
    name, attempt = readers.draw(draw)
    counts.inputs[name] += 1
    began = time.process_time()
    signal.setitimer(signal.ITIMER_REAL, WAIT)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        attempt()
    except SkipFile as refused:
        if refused.__cause__ is not None and refused.reason == "cannot be parsed" and refused.detail.startswith("as "):
            counts.note(counts.given_up, f"{name}: {_kind(refused.__cause__)}", number, refused.__cause__)
    except (UnderstudyError, Problem):
        pass
    except _Hang:
        counts.hangs[name] += 1
        counts.samples.setdefault(f"hang: {name}", f"input {number}")
    except Exception as error:
        counts.note(counts.unclear, f"{name}: {_kind(error)}", number, error)
    else:
        counts.read[name] += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)
    took = time.process_time() - began
    if took > counts.slowest.get(name, 0.0):
        counts.slowest[name] = took
        counts.samples[f"slowest: {name}"] = f"input {number}"


def _kind(error: BaseException) -> str:
    """The exception and the last place of the project's own code on its way."""
    ours = [f for f in traceback.extract_tb(error.__traceback__) if "/understudy/" in f.filename]
    at = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "?"
    return f"{type(error).__name__} at {at}"


def _bound() -> None:
    """No input may make this process grow by more than MEMORY."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


@contextlib.contextmanager
def _guarded(stop: object) -> Iterator[None]:
    def hang(*_: object) -> None:
        raise _Hang

    found = {s: signal.signal(s, hang) for s in (signal.SIGALRM, signal.SIGPROF)}
    found |= {s: signal.signal(s, stop) for s in (signal.SIGTERM, signal.SIGINT)}  # type: ignore[arg-type]
    try:
        yield
    finally:
        faulthandler.unregister(signal.SIGXCPU)
        for number, handler in found.items():
            signal.signal(number, handler)


def _tell(counts: Counts, began: float, cpu: float, told: Path | None) -> None:
    """A line of progress, and the counts in a file. What hangs in compiled code hears no signal: it is ended, with
    the place where it stood, when it has used the processor for long."""
    faulthandler.register(signal.SIGXCPU, chain=True)
    most = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time() + 60 * SECONDS), most))
    done, seconds = counts.inputs.total(), time.monotonic() - began
    counts.cpu = time.process_time() - cpu
    counts.peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(
        f"{done:,} inputs in {seconds:.0f} s ({counts.cpu:.0f} s of the processor), the next is {counts.next}; "
        f"{counts.hangs.total()} hangs, {counts.unclear.total()} unclear, {counts.given_up.total()} given up",
        file=sys.stderr,
        flush=True,
    )
    if told is not None:
        told.parent.mkdir(parents=True, exist_ok=True)
        told.write_text(json.dumps(vars(counts), indent=1), encoding="utf-8")
