"""`understudy doctor`: the machine, the versions, and what is missing for what."""

from __future__ import annotations

import shutil
from importlib import metadata, util
from pathlib import Path
from typing import Annotated

import typer

from understudy.cli.console import console, size
from understudy.errors import UsageError
from understudy.network import proxies

# What an extra adds: the feature, the module that must be there, the extra's name.
EXTRAS = (
    ("4-bit training (sft.method: qlora)", "bitsandbytes", "gpu"),
    ("GGUF models (gguf:…)", "gguf", "llamacpp"),
    ("PDF and Office documents", "pdfplumber", "docs"),
    ("a store in a bucket (--store s3://…)", "s3fs", "s3"),
    ("tests and checks", "pytest", "dev"),
)
_CORE = ("torch", "transformers", "peft", "trl", "sentence-transformers", "tokenizers", "pydantic")


def doctor(
    recipe: Annotated[Path | None, typer.Argument(help="With --network: the recipe that would run.")] = None,
    gpu: Annotated[bool, typer.Option("--gpu/--no-gpu", help="Look for a GPU (loads torch, some seconds).")] = True,
    network: Annotated[
        bool, typer.Option("--network", help="Say instead which hosts would be contacted, and what for.")
    ] = False,
) -> None:
    """Say what this machine has, what is missing for which recipe, and the command that adds it."""
    if network:
        _network(recipe)
        return
    if recipe is not None:
        raise UsageError(f"doctor {recipe}: a recipe goes with --network; `understudy plan` says what it needs")
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
    for feature, module, extra in EXTRAS:
        if util.find_spec(module):
            console.print(f"{feature}: ready")
        else:
            console.print(f"{feature}: add it with  pip install 'understudy[{extra}]'")


def _network(recipe: Path | None) -> None:
    """Print the hosts that a recipe's run may reach. Contacts none of them."""
    if recipe is None:
        console.print("no telemetry; nothing is contacted but what a recipe names: doctor --network RECIPE lists it")
        return
    from understudy.recipe import load

    found = load(recipe).contacts()
    if not found:
        console.print("nothing: this recipe runs without a network, and every look-up and connection is refused")
    for host, places in found.items():
        console.print(f"{host}: {', '.join(places)}", soft_wrap=True)
    if found and (through := proxies()):
        console.print(f"by way of the proxy {', '.join(sorted(through))}", soft_wrap=True)
    if found:
        console.print("everything else is refused")


def _gpu() -> str:
    import torch

    if not torch.cuda.is_available():
        return "none; models run on the processor in float32"
    free, total = torch.cuda.mem_get_info()
    return f"{torch.cuda.get_device_name()}, {size(free)} of {size(total)} free"
