"""Time and memory of merging beside mergekit and beside a plain copy of the bytes."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from merge_models import BILLION, QUARTER, SEVEN_BILLION, make_large

ENV = "UNDERSTUDY_MERGEKIT_PYTHON"


@dataclass(frozen=True)
class Cost:
    """What a command took: seconds of wall clock and of processors, and its peak proportional set size."""

    wall: float
    cpu: float
    peak: int
    failed: str = ""


def _pss(pid: int) -> int:
    """Proportional set size of a process and its children, in bytes (0 where it has ended)."""
    total = 0
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) * 1024
        for task in Path(f"/proc/{pid}/task").iterdir():
            total += sum(_pss(int(child)) for child in (task / "children").read_text().split())
    except OSError:
        pass
    return total


def measure(command: list[str], *, memory: bool = False, **variables: str) -> Cost:
    """Run a command. memory: sample its proportional set size, which costs processor time of its own."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    environment = {**os.environ, **variables}
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
        peak, over = [0], threading.Event()

        def watch() -> None:
            pause = 0.05
            while memory and not over.wait(pause):
                asked = time.perf_counter()
                peak[0] = max(peak[0], _pss(process.pid))
                pause = max(0.05, 4 * (time.perf_counter() - asked))  # reading the figure of a large process is slow

        watcher = threading.Thread(target=watch)
        watcher.start()
        code = process.wait()
        wall = time.perf_counter() - start
        over.set()
        watcher.join()
        output.seek(0)
        text = output.read().decode(errors="replace")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(wall, cpu, peak[0], text[-800:] if code else "")


_COPY = """
import os, sys, threading
out, *inputs = sys.argv[1:]
step, lock, jobs = 1 << 20, threading.Lock(), []
target = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
for number, path in enumerate(inputs):
    size = os.path.getsize(path)
    file = os.open(path, os.O_RDONLY)
    jobs += [(file, at, number == 0) for at in range(0, size, step)]
    if number == 0:
        os.posix_fallocate(target, 0, size)
jobs.reverse()
def work():
    buffer = bytearray(step)
    while True:
        with lock:
            if not jobs:
                return
            file, at, write = jobs.pop()
        got = os.preadv(file, [buffer], at)
        if write:
            os.pwrite(target, memoryview(buffer)[:got], at)
threads = [threading.Thread(target=work) for _ in range(2)]
[t.start() for t in threads]; [t.join() for t in threads]
os.fsync(target)
"""


def copy_bytes(inputs: list[Path], out: Path, memory: bool = False) -> Cost:
    """The floor: read every input, write the bytes of one, bring them to the disk; two threads."""
    return measure(
        [sys.executable, "-c", _COPY, str(out), *(str(p / "model.safetensors") for p in inputs)], memory=memory
    )


_OURS = "import typer; from understudy.cli.merge import merge; typer.run(merge)"


def understudy(config: Path, out: Path, memory: bool = False, limit: str = "1GB") -> Cost:
    command = [sys.executable, "-c", _OURS, str(config), str(out), "--threads", "2", "--max-memory", limit]
    return measure(command, memory=memory, OMP_NUM_THREADS="2")


def mergekit(config: Path, out: Path, memory: bool = False) -> Cost:
    program = Path(os.environ[ENV]).with_name("mergekit-yaml")
    command = [str(program), str(config), str(out), "--num-threads", "2", "--quiet"]
    return measure(command, memory=memory, OMP_NUM_THREADS="2")


def write_config(path: Path, **fields: Any) -> Path:
    path.write_text(json.dumps(fields))  # JSON is YAML
    return path


T_SCHEDULE = [
    {"filter": "self_attn", "value": [0, 0.5, 0.3, 0.7, 1]},
    {"filter": "mlp", "value": [1, 0.5, 0.7, 0.3, 0]},
    {"value": 0.5},
]


SIZES = {"200m": QUARTER, "1b": BILLION}


def _configurations(place: Path, a: Path, b: Path, c: Path) -> dict[str, tuple[Path, list[Path]]]:
    """method → (merge file, models that it reads)."""
    sparse = {"weight": 0.5, "density": 0.5}
    two = [{"model": str(m)} for m in (a, b)]
    three = [{"model": str(m), "parameters": sparse} for m in (b, c)]
    fields: dict[str, dict[str, Any]] = {
        "slerp": {"models": two, "parameters": {"t": T_SCHEDULE}},
        "ties": {"models": three},
        "dare_ties": {"models": three},
    }
    return {
        name: (
            write_config(place / f"{name}.yaml", merge_method=name, base_model=str(a), dtype="bfloat16", **more),
            [a, b] if name == "slerp" else [a, b, c],
        )
        for name, more in fields.items()
    }


def speed(place: Path, size: str, rounds: int, only: str | None, quick: bool) -> None:
    """Each method: the copy, Understudy and mergekit in turn, several rounds; then the ratios of the medians."""
    a, b, c = (make_large(place / name, SIZES[size], seed) for seed, name in enumerate("abc"))
    for name, (config, inputs) in _configurations(place, a, b, c).items():
        if only and name != only:
            continue
        programs: dict[str, Callable[[Path, bool], Cost]] = {
            "copy": lambda out, memory, inputs=inputs: copy_bytes(inputs, out, memory),
            "understudy": lambda out, memory, config=config: understudy(config, out, memory),
        }
        if os.environ.get(ENV):
            programs["mergekit"] = lambda out, memory, config=config: mergekit(config, out, memory)
        print(f"\n{name}, {len(inputs)} inputs of {(a / 'model.safetensors').stat().st_size / 1e9:.2f} GB")
        _ratios(_measured(place, programs, rounds, quick))


def _measured(
    place: Path, programs: dict[str, Callable[[Path, bool], Cost]], rounds: int, quick: bool
) -> dict[str, list[Cost]]:
    costs: dict[str, list[Cost]] = {p: [] for p in programs}
    for number in range(rounds + 1):  # the first round warms caches and measures memory, not time
        for program, run in programs.items():
            if program == "mergekit" and number == 0 and quick:
                continue
            out = place / f"out-{program}"
            cost = run(out, number == 0)
            load = os.getloadavg()[0]
            if cost.failed:
                print(f"  {program} failed: {cost.failed}")
            elif number == 0:
                print(f"  {program:<11} {cost.peak / 1e6:7.0f} MB peak proportional set size", flush=True)
            else:
                costs[program].append(cost)
                print(f"  {program:<11} {cost.wall:7.2f} s wall {cost.cpu:7.2f} s CPU   load {load:.1f}", flush=True)
            shutil.rmtree(out) if out.is_dir() else out.unlink(missing_ok=True)
    return costs


def _ratios(costs: dict[str, list[Cost]]) -> None:
    mine = costs.pop("understudy")
    for program, found in costs.items():
        if found and mine:
            wall, cpu = (
                float(np.median([getattr(c, of) for c in found]) / np.median([getattr(c, of) for c in mine]))
                for of in ("wall", "cpu")
            )
            print(f"  {program}: {wall:.2f} × the wall clock of understudy, {cpu:.2f} × its processor time", flush=True)


def large(place: Path) -> None:
    """SLERP of two 7 B-shaped models within 2 GB; its throughput."""
    a, b = (make_large(place / name, SEVEN_BILLION, seed) for seed, name in enumerate("ab"))
    size = sum(p.stat().st_size for p in a.glob("*.safetensors"))
    config = write_config(
        place / "slerp.yaml", merge_method="slerp", base_model=str(a), models=[{"model": str(b)}],
        parameters={"t": T_SCHEDULE}, dtype="bfloat16",
    )  # fmt: skip
    cost = understudy(config, place / "out", memory=True, limit="2GB")
    if cost.failed:
        print(cost.failed)
        return
    moved = 3 * size / cost.wall / 1e9
    print(
        f"SLERP of two models of {size / 1e9:.1f} GB: {cost.wall:.0f} s wall, {cost.cpu:.0f} s CPU, "
        f"{cost.peak / 1e6:.0f} MB peak proportional set size, {moved:.2f} GB/s read and written, "
        f"load {os.getloadavg()[0]:.1f}"
    )
