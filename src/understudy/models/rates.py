"""How fast this machine trains and reads with a model of a size: rough speeds for plans. Light: no torch.

They tell minutes from hours and hours from days. A processor trains about 6·10⁹ parameter·tokens a second and core (a
3-million-parameter model at 2,000 tokens), with larger matrices 2·10¹⁰ in float32 and 3.3·10¹⁰ in bfloat16 (a
135-million-parameter model at 150 and 245); a data-centre GPU about 3·10¹³ (a 7-billion-parameter model at 4,000
tokens). What a stage took on this machine corrects the next plan (`pipeline/timings.py`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

CPU_RATE = 6e9
CPU_RATE_LARGE = 2e10  # from MIDDLE parameters on the matrices are large enough for a processor to be busy
CPU_RATE_BFLOAT16 = 3.3e10  # where it multiplies bfloat16 itself
GPU_RATE = 3e13
MIDDLE = 5e7  # parameters from which on a processor computes in bfloat16 if it can (`models/load.py`)
READING = 3.0  # times as fast as training: no way back
WRITING = 0.1  # times as fast as training: one token of a row at a time


@dataclass(frozen=True, slots=True)
class Rates:
    """Tokens a second over the whole machine. where: `one GPU`, `4 cores`."""

    trained: float
    where: str
    gpu: bool

    @property
    def read(self) -> float:
        return READING * self.trained

    @property
    def written(self) -> float:
        return WRITING * self.trained


def rates(parameters: float) -> Rates:
    """The speeds of a model with so many parameters on this machine."""
    if has_gpu():
        return Rates(GPU_RATE / parameters, "one GPU", gpu=True)
    cores = _cores()
    return Rates(_cpu_rate(parameters) * cores / parameters, f"{cores} core{'s' * (cores != 1)}", gpu=False)


def _cores() -> int:
    """Processors that a training may use: of this process, and no more than OMP_NUM_THREADS, which torch follows."""
    allowed = getattr(os, "sched_getaffinity", None)  # macOS and Windows do not say
    cores = min(16, len(allowed(0)) if allowed else os.cpu_count() or 1)
    said = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return min(cores, int(said)) if said.isdecimal() and int(said) else cores


def has_gpu() -> bool:
    """Whether the system shows an NVIDIA or AMD compute device; asking torch would take seconds."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "unset").strip() in ("", "-1"):
        return False
    return Path("/dev/nvidia0").exists() or Path("/dev/kfd").exists()


def _cpu_rate(parameters: float) -> float:
    """Parameters times tokens that a core trains in a second."""
    if parameters < MIDDLE:
        return CPU_RATE
    return CPU_RATE_BFLOAT16 if _multiplies_bfloat16() else CPU_RATE_LARGE


def _multiplies_bfloat16() -> bool:
    """What `models.load.multiplies_bfloat16` says of a processor; asking torch would take seconds."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags
