"""How a model turns positions into angles (RoPE), in transformers' settings and in GGUF's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from understudy.errors import InputError

Array = npt.NDArray[np.float32]
_KNOWN = ("default", "linear", "llama3", "longrope")


def rope(config: Mapping[str, Any], layers: str = "full_attention") -> Mapping[str, Any]:
    """The settings of positions, under the names of any version of transformers. layers: of which kind of layers, where
    a model has several."""
    found = config.get("rope_parameters") or config.get("rope_scaling") or {}
    if isinstance(found.get("full_attention"), Mapping):
        found = found.get(layers) or {}
    rope = dict(found)
    rope.setdefault("rope_theta", config.get("rope_theta"))
    rope.setdefault("rope_type", rope.get("type", "default"))
    return rope


def settings(config: Mapping[str, Any], head: int) -> dict[str, int | float | str]:
    """GGUF's settings of positions below the architecture's name. head: values of an attention head.

    Raises InputError for a scaling that llama.cpp would compute otherwise.
    """
    full = rope(config)
    kind = str(full["rope_type"])
    if kind not in _KNOWN or (kind == "longrope") > (config.get("model_type") == "phi3"):
        raise InputError(f"GGUF files are not written of models whose positions are scaled by '{kind}'")
    found: dict[str, int | float | str] = {
        "rope.dimension_count": int(head * float(full.get("partial_rotary_factor") or 1.0)),
        "rope.freq_base": float(full.get("rope_theta") or 10000.0),
    }
    if kind == "linear":
        found |= {"rope.scaling.type": "linear", "rope.scaling.factor": float(full["factor"])}
    if kind == "longrope":
        original = int(full.get("original_max_position_embeddings") or config["original_max_position_embeddings"])
        factor = full.get("factor") or int(config["max_position_embeddings"]) / original
        attention = 1.0 if factor <= 1 else math.sqrt(1 + math.log(factor) / math.log(original))
        found |= {
            "rope.scaling.original_context_length": original,
            "rope.scaling.attn_factor": float(full.get("attention_factor") or attention),
        }
    return found


def tensors(config: Mapping[str, Any], head: int) -> dict[str, Array]:
    """By what each turning frequency is divided (half a head's values), by GGUF's name; none without such a scaling."""
    full = rope(config)
    if full["rope_type"] == "llama3":
        return {"rope_freqs.weight": _llama3(full, head)}
    if full["rope_type"] == "longrope":
        return {
            f"rope_factors_{which}.weight": np.array(full[f"{which}_factor"], dtype=np.float32)
            for which in ("long", "short")
        }
    return {}


def _llama3(rope: Mapping[str, Any], size: int) -> Array:
    base = float(rope.get("rope_theta") or 10000.0)
    factor, low, high = (float(rope[k]) for k in ("factor", "low_freq_factor", "high_freq_factor"))
    original = float(rope["original_max_position_embeddings"])
    found = []
    for i in range(size // 2):
        wave = 2 * math.pi * base ** (2 * i / size)
        if wave < original / high:
            found.append(1.0)
        elif wave > original / low:
            found.append(factor)
        else:
            share = (original / wave - low) / (high - low)
            found.append(1.0 / ((1 - share) / factor + share))
    return np.array(found, dtype=np.float32)
