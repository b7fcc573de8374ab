"""What a transformers model is called in GGUF: its architecture, its settings and its tensors.

Every family here was compared with llama.cpp on a small model of its kind (`tests/export/test_runtime.py`). A family,
a setting or a tensor that is not known is refused by name: a file that loads and computes something else is worse
than none.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from understudy.errors import InputError

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Family:
    """architecture: its name in GGUF. interleaved: whether llama.cpp turns neighbouring values of a head (its rows of
    query and key then change places), where transformers turns a value with that half a head away."""

    architecture: str
    interleaved: bool


FAMILIES = {
    "llama": Family("llama", True),
    "mistral": Family("llama", True),
    "qwen2": Family("qwen2", False),
    "qwen3": Family("qwen3", False),
}

_LAYER = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
_WHOLE = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
}
_NAME = re.compile(r"model\.layers\.(\d+)\.(.+)\.(weight|bias)")


def family_of(config: Mapping[str, Any]) -> Family:
    """The family of a config.json. Raises InputError naming what GGUF files are not written of."""
    kind = str(config.get("model_type"))
    if kind not in FAMILIES:
        raise InputError(
            f"GGUF files are not written of models of type '{kind}', only of {', '.join(FAMILIES)}; "
            "--format hf writes it whole"
        )
    act = config.get("hidden_act", "silu")
    if act != "silu":
        raise InputError(f"GGUF files are written of models with the activation silu; this one has '{act}'")
    scaling = str(_rope(config).get("rope_type", "default"))
    if scaling not in ("default", "llama3"):
        raise InputError(f"GGUF files are not written of models whose positions are scaled by '{scaling}'")
    return FAMILIES[kind]


def settings(config: Mapping[str, Any]) -> dict[str, int | float]:
    """GGUF's settings below the architecture's name."""
    heads, hidden = int(config["num_attention_heads"]), int(config["hidden_size"])
    head = head_size(config)
    window = int(config["max_position_embeddings"])
    sliding = config.get("sliding_window") if config.get("use_sliding_window", True) else None
    found: dict[str, int | float] = {
        "vocab_size": int(config["vocab_size"]),
        # Up to its sliding window a model attends to everything, and so does llama.cpp.
        "context_length": min(window, int(sliding)) if sliding else window,
        "embedding_length": hidden,
        "block_count": int(config["num_hidden_layers"]),
        "feed_forward_length": int(config["intermediate_size"]),
        "attention.head_count": heads,
        "attention.head_count_kv": int(config.get("num_key_value_heads") or heads),
        "attention.layer_norm_rms_epsilon": float(config["rms_norm_eps"]),
        "rope.dimension_count": head,
        "rope.freq_base": float(_rope(config).get("rope_theta") or 10000.0),
    }
    if head * heads != hidden or config.get("model_type") == "qwen3":
        found |= {"attention.key_length": head, "attention.value_length": head}
    return found


def head_size(config: Mapping[str, Any]) -> int:
    """Values of an attention head."""
    return int(config.get("head_dim") or int(config["hidden_size"]) // int(config["num_attention_heads"]))


def translate(name: str, config: Mapping[str, Any]) -> tuple[str, Callable[[Array], Array]]:
    """GGUF's name of a tensor and how its values are laid out there. Raises InputError for one that is not known."""
    if name in _WHOLE:
        return _WHOLE[name], lambda values: values
    found = _NAME.fullmatch(name)
    if found is None or found[2] not in _LAYER:
        raise InputError(f"the tensor '{name}' has no place in a GGUF file; --format hf writes the model whole")
    target = f"blk.{found[1]}.{_LAYER[found[2]]}.{found[3]}"
    if family_of(config).interleaved and found[2] in ("self_attn.q_proj", "self_attn.k_proj"):
        count = int(config["num_attention_heads"])
        if found[2] == "self_attn.k_proj":
            count = int(config.get("num_key_value_heads") or count)
        return target, lambda values: interleave(values, count)
    return target, lambda values: values


def interleave(values: Array, heads: int) -> Array:
    """The rows of a projection (heads · size, …) so that those half a head apart become neighbours."""
    size = values.shape[0] // heads
    return values.reshape(heads, 2, size // 2, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)


def frequency_factors(config: Mapping[str, Any]) -> Array | None:
    """By what each turning frequency is divided (half a head's values): Llama 3's scaling; else None."""
    rope = _rope(config)
    if rope.get("rope_type", "default") != "llama3":
        return None
    size, base = head_size(config), float(rope.get("rope_theta") or 10000.0)
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


def _rope(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The settings of positions, under the names of any version of transformers."""
    rope = dict(config.get("rope_parameters") or config.get("rope_scaling") or {})
    rope.setdefault("rope_theta", config.get("rope_theta"))
    rope.setdefault("rope_type", rope.get("type", "default"))
    return rope
