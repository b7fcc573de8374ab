"""What a transformers model is called in GGUF: its architecture, its settings and its tensors.

Every family here was compared with llama.cpp on a small model of its kind (`tests/export/test_runtime.py`). A family,
a setting or a tensor that is not known is refused by name: a file that loads and computes something else is worse
than none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from understudy.errors import InputError
from understudy.export import positions
from understudy.export.positions import Array

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
_NORMED_TWICE = _LAYER | {
    "post_attention_layernorm": "post_attention_norm",
    "pre_feedforward_layernorm": "ffn_norm",
    "post_feedforward_layernorm": "post_ffw_norm",
}
_JOINED = _LAYER | {"self_attn.qkv_proj": "attn_qkv", "mlp.gate_up_proj": "ffn_up"}
_WHOLE = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
}
_NAME = re.compile(r"model\.layers\.(\d+)\.(.+)\.(weight|bias)")


@dataclass(frozen=True, slots=True)
class Family:
    """What llama.cpp knows of a family by its architecture's name.

    interleaved: whether it turns neighbouring values of a head (its rows of query and key then change places), where
    transformers turns a value with that half a head away. act: the activation that it computes. layer: its names of a
    layer's tensors. norm: what a norm's weights lack in transformers, which adds it as it computes.
    slides: of how many layers one looks back at everything, the others through a window; 0: all alike.
    large: layers of the one size whose attention is scaled by the model's width, not by the head's.
    """

    architecture: str
    interleaved: bool = False
    act: str = "silu"
    layer: Mapping[str, str] = field(default_factory=lambda: _LAYER)
    norm: float = 0.0
    slides: int = 0
    large: int = 0


_GELU = "gelu_pytorch_tanh"
FAMILIES = {
    "llama": Family("llama", interleaved=True),
    "mistral": Family("llama", interleaved=True),
    "qwen2": Family("qwen2"),
    "qwen3": Family("qwen3"),
    "gemma": Family("gemma", act=_GELU, norm=1.0),
    "gemma2": Family("gemma2", act=_GELU, layer=_NORMED_TWICE, norm=1.0, slides=2, large=46),
    "gemma3_text": Family("gemma3", act=_GELU, layer=_NORMED_TWICE, norm=1.0, slides=6, large=62),
    "phi3": Family("phi3", layer=_JOINED),
}


def family_of(config: Mapping[str, Any]) -> Family:
    """The family of a config.json. Raises InputError naming what GGUF files are not written of."""
    kind = str(config.get("model_type"))
    if kind not in FAMILIES:
        raise InputError(
            f"GGUF files are not written of models of type '{kind}', only of {', '.join(FAMILIES)}; "
            "--format hf writes it whole"
        )
    family = FAMILIES[kind]
    act = config.get("hidden_activation") or config.get("hidden_act") or family.act
    if act != family.act:
        raise InputError(f"GGUF files are written of {kind} models with the activation {family.act}; this one: '{act}'")
    if config.get("use_bidirectional_attention"):
        raise InputError("GGUF files are not written of models that read in both directions")
    positions.settings(config, head_size(config))
    if family.slides:
        _check_sliding(config, family)
    return family


def settings(config: Mapping[str, Any]) -> dict[str, int | float | str]:
    """GGUF's settings below the architecture's name."""
    family = FAMILIES.get(str(config.get("model_type")), FAMILIES["llama"])
    heads, hidden = int(config["num_attention_heads"]), int(config["hidden_size"])
    head = head_size(config)
    window = int(config["max_position_embeddings"])
    sliding = config.get("sliding_window") if config.get("use_sliding_window", True) else None
    found: dict[str, int | float | str] = {
        "vocab_size": int(config["vocab_size"]),
        # Up to its sliding window a model attends to everything, and so does llama.cpp.
        "context_length": min(window, int(sliding)) if sliding and not family.slides else window,
        "embedding_length": hidden,
        "block_count": int(config["num_hidden_layers"]),
        "feed_forward_length": int(config["intermediate_size"]),
        "attention.head_count": heads,
        "attention.head_count_kv": int(config.get("num_key_value_heads") or heads),
        "attention.layer_norm_rms_epsilon": float(config["rms_norm_eps"]),
        **positions.settings(config, head),
    }
    if head * heads != hidden or family.norm or config.get("model_type") == "qwen3":
        found |= {"attention.key_length": head, "attention.value_length": head}
    if family.slides:
        assert sliding is not None
        found["attention.sliding_window"] = int(sliding)
    if family.architecture == "gemma2":
        found |= {name: float(config[name]) for name in ("attn_logit_softcapping", "final_logit_softcapping")}
    if family.architecture == "gemma3":
        found["rope.freq_base_swa"] = _local_base(config)
    return found


def head_size(config: Mapping[str, Any]) -> int:
    """Values of an attention head."""
    return int(config.get("head_dim") or int(config["hidden_size"]) // int(config["num_attention_heads"]))


def translate(name: str, config: Mapping[str, Any]) -> tuple[str, Callable[[Array], Array]]:
    """GGUF's name of a tensor and how its values are laid out there. Raises InputError for one that is not known."""
    family = family_of(config)
    found = _NAME.fullmatch(name)
    if name in _WHOLE:
        target = _WHOLE[name]
    elif found is not None and found[2] in family.layer:
        target = f"blk.{found[1]}.{family.layer[found[2]]}.{found[3]}"
    else:
        raise InputError(f"the tensor '{name}' has no place in a GGUF file; --format hf writes the model whole")
    if family.norm and name.endswith("norm.weight"):
        return target, lambda values: values + np.float32(family.norm)
    if family.interleaved and found is not None and found[2] in ("self_attn.q_proj", "self_attn.k_proj"):
        count = int(config["num_attention_heads"])
        if found[2] == "self_attn.k_proj":
            count = int(config.get("num_key_value_heads") or count)
        return target, lambda values: interleave(values, count)
    return target, lambda values: values


def interleave(values: Array, heads: int) -> Array:
    """The rows of a projection (heads · size, …) so that those half a head apart become neighbours."""
    size = values.shape[0] // heads
    return values.reshape(heads, 2, size // 2, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)


def _local_base(config: Mapping[str, Any]) -> float:
    """By what positions turn in the layers that look back through a window."""
    local = positions.rope(config, "sliding_attention")
    return float(config.get("rope_local_base_freq") or local.get("rope_theta") or 10000.0)


def _check_sliding(config: Mapping[str, Any], family: Family) -> None:
    """Raise InputError where a model of windows is not what llama.cpp takes its family for."""
    kind, layers = config["model_type"], int(config["num_hidden_layers"])
    every = family.slides
    usual = ["sliding_attention" if (i + 1) % every else "full_attention" for i in range(layers)]
    stated = config.get("layer_types")
    if (usual if stated is None else list(stated)) != usual or config.get("sliding_window_pattern", every) != every:
        raise InputError(f"GGUF files are written of {kind} models of which every {every}. layer looks back at all")
    if not config.get("sliding_window"):
        raise InputError(f"GGUF files are not written of {kind} models without a sliding window")
    head = head_size(config)
    asked = float(config.get("query_pre_attn_scalar") or head)
    scale = int(config["hidden_size"]) / int(config["num_attention_heads"]) if layers == family.large else head
    if asked != scale:
        raise InputError(
            f"GGUF files are written of {kind} models whose attention is scaled by {scale:g}; this one's "
            f"is by {asked:g} (query_pre_attn_scalar)"
        )
    caps = [name for name in ("attn_logit_softcapping", "final_logit_softcapping") if config.get(name)]
    if len(caps) != (2 if family.architecture == "gemma2" else 0):
        raise InputError(
            f"GGUF files are not written of {kind} models {'with' if caps else 'without'} softcapping of logits"
        )
