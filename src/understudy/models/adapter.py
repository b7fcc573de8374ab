"""Adapters on a model: attach one, merge it at any strength, write the merged model, or the adapter scaled."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel

from understudy.artifact import atomic_path, write_json
from understudy.errors import ModelError
from understudy.failures import first_line
from understudy.models.load import open_model
from understudy.models.save import save_model
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
        raise ModelError(f"{folder}: this adapter does not fit the model: {first_line(error)}") from error


def merge_adapter(model: Any, folder: Path, strength: float = 1.0) -> Any:
    """The model with W + strength · ΔW in place of each adapted weight W; `model` itself is changed.

    The sum is PEFT's safe merge in the model's own dtype: this is what `open_language_model` measures and what
    `write_merged` writes. A head saved by the adapter beside a tied embedding unties the model. Raises ModelError for
    a quantised model (a 4-bit weight cannot hold the sum) and where the two do not belong together.
    """
    if getattr(model, "is_quantized", False):
        raise ModelError("an adapter is merged into an unquantised model; load the base without 4 bits first")
    adapted = attach(model, folder)
    if strength != 1.0:
        for module in adapted.modules():
            if hasattr(module, "set_scale") and hasattr(module, "scaling"):
                module.set_scale(adapted.active_adapter, strength)
    merged = adapted.merge_and_unload(safe_merge=True)
    head, embedding = merged.get_output_embeddings(), merged.get_input_embeddings()
    if head is not None and embedding is not None and head.weight is not embedding.weight:
        merged.config.tie_word_embeddings = False
    return merged


def write_merged(
    base: str, adapter: Path, out: Path, *, strength: float = 1.0, dtype: torch.dtype | None = None, device: str = "cpu"
) -> None:
    """Write the model `base` with its adapter merged as a folder that transformers loads, complete or not at all.

    base: a model reference. The weights are those that `open_language_model(base, adapter=adapter, device=device)`
    measures, bit for bit (float32 on a processor); dtype: round them to this type instead, for example to
    `stored_dtype(local_folder(base))`. The tokenizer and its chat template are the base's. Raises as `merge_adapter`
    and `open_model`.
    """
    model, tokenizer = open_model(base, device=device)
    merged = merge_adapter(model, adapter, strength)
    save_model(merged, tokenizer, out, dtype=dtype or next(merged.parameters()).dtype)


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
