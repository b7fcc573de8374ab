"""Write models and adapters: safetensors only, complete or not at all."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import torch

from understudy.artifact import atomic_path, write_json
from understudy.models.weights import headers


def save_model(model: Any, tokenizer: Any, folder: Path, *, dtype: torch.dtype = torch.bfloat16) -> None:
    """Write a model folder that any transformers user can load, weights stored as `dtype`."""
    with atomic_path(folder) as temporary:
        model.to(dtype).save_pretrained(temporary)
        tokenizer.save_pretrained(temporary)
        _forget_places(temporary / "config.json")
        _replace(folder)


def stored_dtype(folder: Path) -> torch.dtype:
    """The type in which most of a model folder's values are stored, for a model made from it."""
    held: Counter[str] = Counter()
    for tensors in headers(folder).values():
        for tensor in tensors.values():
            held[tensor.dtype] += tensor.nbytes
    most = held.most_common(1)[0][0] if held else "BF16"
    return {"F32": torch.float32, "F16": torch.float16}.get(most, torch.bfloat16)


def save_adapter(model: Any, folder: Path, *, base: str | None = None) -> None:
    """Write a PEFT adapter folder. base: what its configuration says it belongs to, never a path of this machine."""
    with atomic_path(folder) as temporary:
        model.save_pretrained(temporary, save_embedding_layers=False)
        (temporary / "README.md").unlink(missing_ok=True)  # a model card to fill in, with local paths
        config = json.loads((temporary / "adapter_config.json").read_text(encoding="utf-8"))
        config["base_model_name_or_path"] = base
        if isinstance(config.get("target_modules"), list):
            config["target_modules"] = sorted(config["target_modules"])  # a set: its order varies by process
        write_json(temporary / "adapter_config.json", config)
        _replace(folder)


def _forget_places(config: Path) -> None:
    values = json.loads(config.read_text(encoding="utf-8"))
    if values.pop("_name_or_path", None) is not None:
        write_json(config, values)


def _replace(folder: Path) -> None:
    """A folder cannot be renamed over a folder that holds files."""
    if folder.is_dir():
        shutil.rmtree(folder)
