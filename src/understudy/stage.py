"""What a stage is, what it is given, and how it is run exactly once.

A stage is a module `understudy.<room>.stage` with `run(config, inputs, ctx) -> StageOutput`. It writes its
result into `ctx.out` and returns metrics; the runner measures it, seals the folder and publishes it.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import psutil

from understudy.artifact import MANIFEST, Artifact, publish, seal, to_plain, walk_files, write_json
from understudy.config import StageConfig
from understudy.errors import Interrupted, StageError, StoreError, UnderstudyError
from understudy.failures import explain

Engine = Literal["local", "ray"]
ProgressFunction = Callable[[str, float, float | None], None]
_SITTINGS = "sittings.json"
_LIBRARIES = ("torch", "transformers", "tokenizers", "peft", "trl", "safetensors", "numpy", "openai")


def silent(what: str, done: float, total: float | None) -> None:
    """The progress of a caller that does not watch."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What flows into a stage.

    artifacts: finished artifacts by stage name (only those the stage reads and the recipe has).
    model: reference of the model as it stands here: the base model, or what merge or align made of it.
    base_model: the recipe's own reference.
    previous: artifacts by stage name of the run from whose model the training goes on; empty where none is.
    """

    artifacts: Mapping[str, Artifact] = field(default_factory=dict)
    model: str = ""
    base_model: str = ""
    previous: Mapping[str, Artifact] = field(default_factory=dict)

    def __getitem__(self, stage: str) -> Artifact:
        try:
            return self.artifacts[stage]
        except KeyError:
            raise StageError(f"this stage needs '{stage}', which the recipe leaves out; add `{stage}: {{}}`") from None

    def get(self, stage: str) -> Artifact | None:
        return self.artifacts.get(stage)


@dataclass(frozen=True, slots=True)
class RunContext:
    """Where a stage works and how it reports.

    out: the folder that becomes the artifact; empty when the stage starts.
    work: survives an interruption under the same key: checkpoints, partial results.
    root: the `.understudy` folder (the request ledger lives here, shared by all runs).
    progress: call with (what, done, total or None).
    engine, workers: where shards of the work run, and how many at once (`understudy.engine`); no result depends on it.
    """

    out: Path
    work: Path
    root: Path
    seed: int = 0
    device: str = "auto"
    logger: logging.Logger = field(default_factory=lambda: logging.getLogger("understudy"))
    progress: ProgressFunction = silent
    engine: Engine = "local"
    workers: int | None = 1


@dataclass(frozen=True, slots=True)
class StageOutput:
    """What a stage says of its result. counts: records in, out and rejected by reason. Undefined is None."""

    metrics: Mapping[str, Any] = field(default_factory=dict)
    counts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a stage will take, before anything is spent. None where it cannot be known.

    counts: what it will produce (`{"chunks": 120}`), in the words that later stages look for.
    unpriced: it asks a served model whose price is not known. missing: what it cannot run without and is not there.
    """

    counts: Mapping[str, float] = field(default_factory=dict)
    tokens: float | None = None
    usd: float | None = None
    seconds: float | None = None
    memory_bytes: float | None = None
    note: str = ""
    unpriced: bool = False
    missing: tuple[str, ...] = ()


FRESH = 85e6
"""Bytes that a process holds before its first stage."""

SAMPLE = "sample"
"""What `upstream` calls the counts of files that were read for the plan (`understudy.pipeline.sample`)."""

Run = Callable[[Any, Inputs, RunContext], StageOutput]
"""What `understudy.<room>.stage.run` is."""


class _PeakMemory:
    """Samples the resident memory of this process and its children while a stage runs."""

    def __init__(self, interval: float = 0.1) -> None:
        self._interval = interval
        self._stop = threading.Event()
        self._process = psutil.Process()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.start_bytes = self._process.memory_info().rss
        self.peak_bytes = self.start_bytes

    def _watch(self) -> None:
        while not self._stop.wait(self._interval):
            self.sample()

    def sample(self) -> None:
        total = 0
        for process in (self._process, *self._process.children(recursive=True)):
            try:
                total += process.memory_info().rss
            except psutil.Error:
                continue
        self.peak_bytes = max(self.peak_bytes, total)

    def __enter__(self) -> _PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.sample()


def _processor_seconds() -> float:
    """Of this process and of its children that have ended."""
    took = os.times()
    return took.user + took.system + took.children_user + took.children_system


def _earlier_seconds(work: Path) -> float:
    """Seconds of the earlier sittings of an interrupted stage, each up to the last file that it left there: what came
    later is done again. Begins the next sitting."""
    path = work / _SITTINGS
    seconds = 0.0
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
        left = [p.stat().st_mtime for p in walk_files(work) if p != path]
        seconds = float(before["seconds"]) + max(0.0, max(left, default=0.0) - float(before["began"]))
    except (OSError, ValueError, KeyError, TypeError):  # the first, or nothing is known of those before
        pass
    write_json(path, {"seconds": seconds, "began": time.time()})
    return seconds


def versions() -> dict[str, str]:
    """Versions of Understudy, Python and the libraries that shape results."""
    found = {"python": platform.python_version()}
    for name in ("understudy", *_LIBRARIES):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def hardware() -> dict[str, Any]:
    """The machine in the terms that explain a timing: processor, cores, memory."""
    return {
        "machine": platform.machine(),
        "system": platform.system(),
        "cores": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
    }


def _commit() -> str | None:
    """The commit of a source checkout of Understudy itself; None for an installed package."""
    here = Path(__file__).resolve().parents[2]
    if not (here / ".git").exists():
        return None
    try:
        done = subprocess.run(
            ["git", "-C", str(here), "rev-parse", "HEAD"], capture_output=True, text=True, timeout=5, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def execute(
    run: Run,
    config: StageConfig,
    inputs: Inputs,
    *,
    key: str,
    key_fields: Mapping[str, Any],
    target: Path,
    ctx: RunContext,
) -> Artifact:
    """Run a stage into `ctx.out`, seal it and publish it to `target`. The caller holds the key's lock.

    Errors: UnderstudyError as raised by the stage; StoreError when the disk is full; Interrupted on Ctrl-C;
    any other exception becomes a StageError that keeps it as its cause. What lies in `ctx.work` is kept in
    every case of failure, so that the next run resumes; `wall_seconds` are those of all its sittings.
    """
    shutil.rmtree(ctx.out, ignore_errors=True)
    started = datetime.now(UTC)
    clock, worked = time.perf_counter(), _processor_seconds()
    try:
        earlier = _earlier_seconds(ctx.work)
        ctx.out.mkdir(parents=True)
        with _PeakMemory() as memory:
            output = run(config, inputs, ctx)
        manifest = {
            "stage": config.NAME,
            "version": config.VERSION,
            "key": key,
            "key_fields": dict(key_fields),
            "config": config.model_dump(mode="json"),
            "seed": ctx.seed,
            "inputs": {name: artifact.digest for name, artifact in inputs.artifacts.items()},
            "metrics": to_plain(output.metrics),
            "counts": to_plain(output.counts),
            "started": started.isoformat(timespec="seconds"),
            "wall_seconds": round(earlier + time.perf_counter() - clock, 3),
            "processor_seconds": round(_processor_seconds() - worked, 3),  # of this sitting
            "peak_memory_bytes": memory.peak_bytes,
            "start_memory_bytes": memory.start_bytes,
            "commit": _commit(),
            "versions": versions(),
            "hardware": hardware(),
        }
        seal(ctx.out, manifest)
        publish(ctx.out, target)
    except UnderstudyError:
        raise
    except KeyboardInterrupt as error:
        raise Interrupted(
            f"{config.NAME}: stopped. Everything finished is kept; the same command goes on from here."
        ) from error
    except Exception as error:
        raise explain(error, config.NAME, str(ctx.root)) from error
    if not (target / MANIFEST).exists():
        raise StoreError(f"{target}: the artifact vanished while it was published")
    shutil.rmtree(ctx.work, ignore_errors=True)
    return Artifact.open(target)
