"""`understudy doctor`: the machine, the versions, and what is missing for what."""

from __future__ import annotations

import shutil
from importlib import metadata, util
from pathlib import Path
from typing import Annotated

import typer

from understudy.cli.console import console, size

# Feature → (the module that must import, the extra that brings it, what works without it).
_EXTRAS = (
    ("4-bit training (sft.method: qlora)", "bitsandbytes", "gpu"),
    ("several machines (engine: ray)", "ray", "ray"),
    ("GGUF models (gguf:…)", "gguf", "llamacpp"),
    ("PDF and Office documents", "docling", "docs"),
    ("tracking in a dashboard", "trackio", "track"),
    ("tests and checks", "pytest", "dev"),
)
_CORE = ("torch", "transformers", "peft", "trl", "lancedb", "sentence-transformers", "tokenizers", "pydantic")


def doctor(
    gpu: Annotated[bool, typer.Option("--gpu/--no-gpu", help="Look for a GPU (loads torch, some seconds).")] = True,
) -> None:
    """Say what this machine has, what is missing for which recipe, and the command that adds it."""
    from understudy.stage import hardware

    machine = hardware()
    disk = shutil.disk_usage(Path.cwd())
    console.print(f"processor: {machine['machine']}, {machine['cores']} cores; memory {size(machine['memory_bytes'])}")
    console.print(f"disk here: {size(disk.free)} free")
    if gpu:
        console.print(f"gpu: {_gpu()}")
    for name in _CORE:
        try:
            console.print(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            console.print(f"{name}: missing; pip install -r requirements.lock", style="red")
    for feature, module, extra in _EXTRAS:
        if util.find_spec(module):
            console.print(f"{feature}: ready")
        else:
            console.print(f"{feature}: add it with  pip install 'understudy\\[{extra}]'")


def _gpu() -> str:
    import torch

    if not torch.cuda.is_available():
        return "none; models run on the processor in float32"
    free, total = torch.cuda.mem_get_info()
    return f"{torch.cuda.get_device_name()}, {size(free)} of {size(total)} free"
