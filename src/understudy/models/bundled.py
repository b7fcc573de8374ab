"""Bundled models: whole checkpoints, and specialists that are kept as LoRA adapters on one of them.

A specialist is a folder with a PEFT adapter and `lab.json`, which names its base and the digest of the base's
weights. Wherever a model folder is needed, the sum W + scale·B·A is written once to the user's cache.
"""

from __future__ import annotations

import json
import os
import shutil
from importlib import resources
from pathlib import Path
from typing import Any

from understudy.artifact import atomic_path, digest_file, digest_json
from understudy.errors import InputError, ModelError, did_you_mean

RECORD = "lab.json"
WEIGHTS = "model.safetensors"
_ADAPTER = "adapter_model.safetensors"
_SETTINGS = "adapter_config.json"
_COPIED = ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json")


def home() -> Path:
    """The folder of all bundled models."""
    return Path(str(resources.files("understudy"))) / "lab" / "models"


def names(place: Path | None = None) -> list[str]:
    """The bundled models, sorted: whole ones and adapters."""
    place = place or home()
    found = {p.parent.name for kind in ("config.json", _SETTINGS) for p in place.glob(f"*/{kind}")}
    return sorted(found)


def source(name: str) -> Path:
    """The folder in which a bundled model is shipped. Raises InputError naming those there are."""
    there = names()
    if name not in there:
        listed = ", ".join(f"lab:{n}" for n in there) or "none in this installation"
        raise InputError(f"model 'lab:{name}': no such bundled model.{did_you_mean(name, there)} There are: {listed}")
    return home() / name


def base_of(folder: Path) -> Path | None:
    """The folder of the base of a shipped adapter; None for a whole model. Light: reads one JSON file."""
    if not (folder / _SETTINGS).is_file():
        return None
    base = folder.parent / str(_record(folder).get("base", "")).removeprefix("lab:")
    if not (base / WEIGHTS).is_file():
        raise ModelError(f"{folder}: its base, {base}, is not there; install Understudy again")
    return base


def whole(folder: Path) -> Path:
    """The model folder as transformers loads it: `folder` itself, or the cached sum of base and adapter.

    Raises ModelError where the adapter was made from other weights than its base now has, or where the cache
    cannot be written.
    """
    base = base_of(folder)
    if base is None:
        return folder
    weights = digest_file(base / WEIGHTS)
    if _record(folder).get("base_weights") != weights:
        raise ModelError(
            f"{folder}: this adapter was made from other weights than those of lab:{base.name}; install "
            f"Understudy again, or make it anew in the repository with `python -m tools.lab_models {folder.name}`"
        )
    key = digest_json([weights, digest_file(folder / _ADAPTER), digest_file(folder / _SETTINGS)])
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "understudy" / "lab"
    target = cache / f"{folder.name}-{key[:16]}"
    if (target / WEIGHTS).is_file():
        return target
    try:
        with atomic_path(target) as temporary:
            write_sum(base, folder, temporary)
    except OSError as error:
        if (target / WEIGHTS).is_file():  # another process was faster
            return target
        raise ModelError(
            f"lab:{folder.name}: the cache {cache} cannot be written ({error.strerror or error}); set XDG_CACHE_HOME "
            "to a folder that can"
        ) from error
    return target


def _record(folder: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{folder / RECORD}: cannot be read ({error}); install Understudy again, or make the model "
            f"anew in the repository with `python -m tools.lab_models {folder.name}`"
        ) from error
    return found


def write_sum(base: Path, adapter: Path, out: Path) -> None:
    """Base and adapter as one model folder; sums in float32, stored in the base's own type."""
    from safetensors.torch import load_file, save_file

    out.mkdir(parents=True)
    settings = json.loads((adapter / _SETTINGS).read_text(encoding="utf-8"))
    scale = float(settings["lora_alpha"]) / int(settings["r"])
    weights, parts = load_file(base / WEIGHTS), load_file(adapter / _ADAPTER)
    for name, down in parts.items():
        if not name.endswith(".lora_A.weight"):
            continue
        up = parts[name.replace(".lora_A.", ".lora_B.")]
        target = name.removeprefix("base_model.model.").replace(".lora_A.", ".")
        kept = weights[target]
        weights[target] = (kept.float() + scale * (up.float() @ down.float())).to(kept.dtype)
    for file in _COPIED:
        if (base / file).is_file():
            shutil.copyfile(base / file, out / file)
    if (adapter / "README.md").is_file():
        shutil.copyfile(adapter / "README.md", out / "README.md")
    save_file({k: v.contiguous() for k, v in weights.items()}, str(out / WEIGHTS), metadata={"format": "pt"})
