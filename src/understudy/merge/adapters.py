"""PEFT's LoRA adapters as merge inputs: which settings are understood, and which tensors of the base they change.

The result is what PEFT's `merge_and_unload` gives. A setting that is neither understood nor off is refused by name:
an adapter whose meaning is not known cannot be merged.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from understudy.errors import InputError
from understudy.merge.block import Float32
from understudy.merge.checkpoint import Checkpoint, open_checkpoint, read_json
from understudy.merge.lora import LowRank
from understudy.merge.sources import Stored

# what the settings that are read here may be; None and absence are the same
_VALUES: dict[str, tuple[Any, ...]] = {
    "peft_type": ("LORA",),
    "bias": ("none",),
    # the others (pissa, olora, loftq, corda, …) change the base's weights before training begins
    "init_lora_weights": (True, False, "gaussian", "eva", "orthogonal"),
}
_READ = frozenset({
    "r", "lora_alpha", "rank_pattern", "alpha_pattern", "use_rslora", "fan_in_fan_out", "modules_to_save",
    "ensure_weight_tying",
})  # fmt: skip
# what does not change what the stored tensors mean
_NO_EFFECT = frozenset({
    "task_type", "auto_mapping", "peft_version", "base_model_name_or_path", "revision", "inference_mode",
    "lora_dropout", "target_modules", "exclude_modules", "layers_to_transform", "layers_pattern", "megatron_core",
    "qalora_group_size", "loftq_config", "eva_config", "runtime_config",
})  # fmt: skip
_PREFIX = "base_model.model."
_PART = re.compile(r"^(.*)\.(lora_A|lora_B|lora_embedding_A|lora_embedding_B)(?:\.default)?(?:\.weight)?$")
_WHOLE = re.compile(r"\.(modules_to_save(?:\.default)?|base_layer)\.")


@dataclass(frozen=True)
class Tied:
    """The tensors of a base whose output layer is its embedding: the embedding's name and the head's."""

    embedding: str
    head: str


@dataclass(frozen=True)
class Place:
    """A stored tensor: its name in a checkpoint."""

    checkpoint: Checkpoint
    name: str

    def open(self) -> Stored:
        return Stored(self.checkpoint.file(self.name), self.name)


@dataclass(frozen=True)
class Adapter:
    """A LoRA adapter on a base.

    changes: tensor of the base → its low-rank change. replaced: tensor → the whole tensor in its place.
    added: tensors that the base lacks, as a head of its own beside a tied embedding.
    """

    folder: Path
    changes: dict[str, LowRank]
    replaced: dict[str, Place]
    added: dict[str, Place]
    notes: list[str] = field(default_factory=list)


def open_adapter(folder: Path, base: Checkpoint, tied: Tied | None = None) -> Adapter:
    """Read an adapter and check it against its base. Raises InputError naming what cannot be merged."""
    settings = read_json(folder / "adapter_config.json")
    _check_settings(folder, settings)
    checkpoint = open_checkpoint(folder, stem="adapter_model")
    parts: dict[str, dict[str, Float32]] = {}
    whole: dict[str, Place] = {}
    for name in sorted(checkpoint.where, key=lambda n: ".modules_to_save." not in n):  # these before their copies
        found = _PART.match(name)
        if found:
            stored = Stored(checkpoint.file(name), name)
            if len(stored.shape) != 2:
                raise InputError(f"{folder}: tensor '{name}' is no matrix; the adapter is damaged")
            parts.setdefault(found[1].removeprefix(_PREFIX), {})[found[2]] = stored.rows(np.arange(stored.shape[0]))
        elif ".original_module." not in name:  # the base's own tensor, kept beside the one that took its place
            target = _WHOLE.sub(".", name.removeprefix(_PREFIX)).replace(".default.", ".")
            whole.setdefault(target, Place(checkpoint, name))
    changes = {}
    for module, tensors in parts.items():
        if tied and f"{module}.weight" == tied.head:
            raise InputError(
                f"{folder}: adapts '{module}', which in {base.folder} is tied to its embedding: merged, it would "
                "change the embedding too. Untie the base (tie_word_embeddings: false and a stored head) and name that"
            )
        changes[f"{module}.weight"] = _change(folder, module, tensors, settings, base)
    return _placed(folder, changes, whole, base, tied, bool(settings.get("ensure_weight_tying")))


def _check_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    for key, value in settings.items():
        off = value is None or value is False or value in ({}, [], "")
        known = key in _READ or key in _NO_EFFECT
        if key in _VALUES:
            known, off = any(value is v or (isinstance(v, str) and value == v) for v in _VALUES[key]), value is None
        if not known and not off:
            raise InputError(
                f"{folder}: an adapter with {key}: {str(value)[:80]} cannot be merged here; merge it with peft's "
                "merge_and_unload and name the result"
            )


def _placed(
    folder: Path, changes: dict[str, LowRank], whole: dict[str, Place], base: Checkpoint, tied: Tied | None, tying: bool
) -> Adapter:
    """Whole tensors where they belong: in place of the base's, or beside a tied embedding."""
    adapter = Adapter(folder, changes, {}, {})
    for target, place in whole.items():
        stored = place.checkpoint.info(place.name)
        own = tied.embedding if tied and target == tied.head else target
        if own not in base:
            raise InputError(f"{folder}: tensor '{place.name}' belongs to no tensor of {base.folder}")
        if base.info(own).shape != stored.shape:
            raise InputError(_other_shape(folder, place.name, stored.shape, base, own))
        (adapter.added if tied and target == tied.head else adapter.replaced)[target] = place
    if tied is None:
        return adapter
    embedding, head = adapter.replaced.get(tied.embedding), adapter.added.get(tied.head)
    if embedding and head and np.array_equal(_bytes(embedding), _bytes(head)):
        del adapter.added[tied.head]  # trained as one
    elif embedding and head is None and not tying and tied.embedding not in changes:
        # PEFT trains a copy of the embedding and leaves the head as it was
        adapter.added[tied.head] = Place(base, tied.embedding)
    if tied.embedding in changes:
        adapter.notes.append(
            f"{folder}: adapts the embedding of a model whose head is tied to it; merged, the head changes too, as "
            "with peft's merge_and_unload"
        )
    return adapter


def _bytes(place: Place) -> Any:
    return place.checkpoint.file(place.name).array(place.name)


def _change(
    folder: Path, module: str, parts: dict[str, Float32], settings: Mapping[str, Any], base: Checkpoint
) -> LowRank:
    target = f"{module}.weight"
    embedding = "lora_embedding_A" in parts
    names = ("lora_embedding_A", "lora_embedding_B") if embedding else ("lora_A", "lora_B")
    if set(parts) != set(names) or target not in base:
        raise InputError(f"{folder}: the adapter's '{module}' is incomplete or belongs to no tensor of {base.folder}")
    a, b = parts[names[0]], parts[names[1]]
    rank = a.shape[0]
    stated = _pattern(folder, settings, "rank_pattern", module, settings.get("r") or rank)
    if stated != rank:
        raise InputError(f"{folder}: the adapter's '{module}' has rank {rank}, its settings say {stated:g}")
    alpha = _pattern(folder, settings, "alpha_pattern", module, settings.get("lora_alpha", rank))
    scale = alpha / math.sqrt(rank) if settings.get("use_rslora") else alpha / rank
    transposed = embedding or bool(settings.get("fan_in_fan_out"))
    up, down = (a.T, b.T) if transposed else (b, a)
    shape = (up.shape[0], down.shape[1])
    if shape != base.info(target).shape or up.shape[1] != down.shape[0]:
        raise InputError(_other_shape(folder, module, shape, base, target))
    return LowRank(np.ascontiguousarray(up * np.float32(scale)), np.ascontiguousarray(down))


def _other_shape(folder: Path, name: str, shape: tuple[int, ...], base: Checkpoint, target: str) -> str:
    mine = base.info(target).shape
    text = (
        f"{folder}: the adapter's '{name}' is for a tensor of shape {list(shape)}, in {base.folder} it is {list(mine)}"
    )
    if len(shape) == len(mine) == 2 and shape[1] == mine[1] and re.search(r"embed|wte|lm_head", target):
        text += (
            f": it was trained on a vocabulary of {shape[0]} tokens, the base has {mine[0]}. Resize the base as it was "
            f"then (model.resize_token_embeddings({shape[0]}), save_pretrained) and name the result"
        )
    return text


def _pattern(folder: Path, settings: Mapping[str, Any], key: str, module: str, default: Any) -> float:
    """peft's per-module settings: a pattern matches the end of a module's name."""
    try:
        for pattern, value in (settings.get(key) or {}).items():
            if re.match(rf"(.*\.)?({pattern})$", module):
                return float(value)
        return float(default)
    except (AttributeError, TypeError, ValueError, re.error) as error:
        where = folder / "adapter_config.json"
        raise InputError(f"{where}: r, lora_alpha or {key} cannot be understood: {error}") from error
