"""Pre-flight: whether models can be merged at all, from their configurations and headers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from understudy.errors import InputError
from understudy.merge.parents import Parent

# Two models that differ here compute different things with the same shapes
_MUST_AGREE = (
    "model_type", "hidden_size", "num_attention_heads", "num_key_value_heads", "head_dim", "hidden_act",
    "num_experts", "num_local_experts", "num_experts_per_tok",
)  # fmt: skip
# ... and here the result takes the reference's value, which the user should know
_SHOULD_AGREE = (
    "rope_theta", "rope_scaling", "rope_parameters", "sliding_window", "max_position_embeddings", "rms_norm_eps",
    "layer_norm_eps", "bos_token_id", "eos_token_id",
)  # fmt: skip
# Constants that some library versions stored and others compute: a model may have them or not
BUFFERS = re.compile(r"(rotary_emb\.inv_freq|masked_bias|attn\.bias|attention\.bias|position_ids)$")


def _heads(config: dict[str, Any], key: str) -> Any:
    """A configuration value, with the defaults that transformers itself computes."""
    value = config.get(key)
    if value is None and key == "num_key_value_heads":
        return config.get("num_attention_heads")
    if value is None and key == "head_dim" and config.get("hidden_size") and config.get("num_attention_heads"):
        return config["hidden_size"] // config["num_attention_heads"]
    return value


def compare(parents: Iterable[Parent]) -> list[str]:
    """Refuse models of different architectures by name. Returns warnings on settings that differ."""
    first, *others = parents
    warnings: list[str] = []
    for other in others:
        if first.architecture != other.architecture:
            raise InputError(
                f"{other.reference} is a {other.architecture}, {first.reference} a {first.architecture}: "
                "models of different architectures cannot be merged"
            )
        for key in _MUST_AGREE:
            a, b = _heads(first.config, key), _heads(other.config, key)
            if a != b:
                raise InputError(
                    f"{other.reference}: {key} is {b}, in {first.reference} it is {a}: these models cannot be merged"
                )
        for key in _SHOULD_AGREE:
            a, b = first.config.get(key), other.config.get(key)
            if a != b and key in first.config and key in other.config:
                warnings.append(f"{key}: {b} in {other.reference}; the result keeps {a} of {first.reference}")
    return warnings
