"""Adapters on a model: attach one, or write one of another strength."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from peft import PeftModel

from understudy.artifact import atomic_path, write_json
from understudy.errors import ModelError
from understudy.models.weights import read_header


def check_adapter(folder: Path) -> None:
    """Raise ModelError unless the folder holds a whole PEFT adapter in safetensors."""
    weights = folder / "adapter_model.safetensors"
    if not (folder / "adapter_config.json").is_file():
        raise ModelError(f"{folder}: is not an adapter: adapter_config.json is missing")
    if not weights.is_file():
        other = folder / "adapter_model.bin"
        reason = "holds a Python pickle (adapter_model.bin), which is never opened" if other.is_file() else "has none"
        raise ModelError(f"{folder}: needs adapter_model.safetensors and {reason}")
    read_header(weights)


def attach(model: Any, folder: Path, *, trainable: bool = False) -> Any:
    """The model with an adapter beside its weights. Raises ModelError where they do not belong together."""
    check_adapter(folder)
    try:
        return PeftModel.from_pretrained(model, str(folder), is_trainable=trainable, use_safetensors=True)
    except (RuntimeError, ValueError, KeyError) as error:
        first = str(error).strip().splitlines()[0]
        raise ModelError(f"{folder}: this adapter does not fit the model: {first}") from error


def write_scaled(folder: Path, scale: float, target: Path) -> None:
    """Copy an adapter so that it adds scale · ΔW: its weights stay byte for byte, `lora_alpha` is multiplied.

    scale 0 is the base, 1 the taught model; between them lies the interpolation of LM-Cocktail (arXiv 2311.13534).
    """
    check_adapter(folder)
    with atomic_path(target) as temporary:
        shutil.copytree(folder, temporary)
        place = temporary / "adapter_config.json"
        config = json.loads(place.read_text(encoding="utf-8"))
        config["lora_alpha"] *= scale
        config["alpha_pattern"] = {name: alpha * scale for name, alpha in (config.get("alpha_pattern") or {}).items()}
        write_json(place, config)
