"""Several devices, one training: start the job's processes as torchrun does and follow their log."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from understudy.errors import StageError, UsageError
from understudy.sft.config import SftConfig
from understudy.sft.job import LOG, RESULT, Job

# Runs a module after `understudy` has taken over what its parent may reach.
_HELD = (
    "import runpy, sys, understudy; del sys.argv[0]; runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)"
)


def processes(config: SftConfig, device: str) -> int:
    """How many processes train together: `sft.devices`, or one for each GPU, and one on a processor."""
    if config.devices is not None:
        return config.devices
    every_gpu = device in ("auto", "cuda") and torch.cuda.is_available()
    return max(1, torch.cuda.device_count()) if every_gpu else 1


def command(job: Job, count: int) -> list[str]:
    """The command line that starts `count` processes on this machine."""
    return [
        *(sys.executable, "-c", _HELD, "torch.distributed.run", "--standalone", "--nproc_per_node", str(count)),
        *("-m", "understudy.sft.train", str(job.folder)),
    ]


def launch(job: Job, count: int, progress: Callable[[str, float, float | None], None]) -> dict[str, Any]:
    """Train the job in `count` processes. Raises StageError with the end of their output where they fail."""
    result = job.folder / RESULT
    if result.is_file():
        return dict(json.loads(result.read_text(encoding="utf-8")))
    if count == 0:
        raise UsageError(
            f"sft.devices: 0: the training is prepared. Launch it with\n  accelerate launch -m understudy.sft.train "
            f"{job.folder}\nand then run this recipe again: it goes on with what was trained"
        )
    output = job.folder / "output.txt"
    with open(output, "w", encoding="utf-8") as file:
        started = subprocess.Popen(command(job, count), stdout=file, stderr=subprocess.STDOUT)
        try:
            while started.poll() is None:
                time.sleep(1)
                _report(job, progress)
        finally:
            if started.poll() is None:
                started.terminate()
                started.wait()
    if started.returncode or not result.is_file():
        tail = "\n".join(output.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
        raise StageError(f"sft: the {count} training processes ended with code {started.returncode}:\n{tail}")
    return dict(json.loads(result.read_text(encoding="utf-8")))


def _report(job: Job, progress: Callable[[str, float, float | None], None]) -> None:
    line = _last_line(job.folder / LOG)
    try:
        entry = json.loads(line)
        progress(f"loss {entry['loss']}", entry["step"], job.steps)
    except (ValueError, KeyError):
        return  # no line yet, or one that is just being written


def _last_line(file: Path) -> str:
    if not file.is_file():
        return ""
    with open(file, "rb") as opened:
        opened.seek(max(0, file.stat().st_size - 2000))
        lines = opened.read().decode("utf-8", errors="replace").splitlines()
    return lines[-1] if lines else ""
