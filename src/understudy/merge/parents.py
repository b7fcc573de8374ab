"""The models that go into a merge: their weights' headers, configuration and layers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from understudy.errors import InputError
from understudy.merge.adapters import Adapter, Tied, open_adapter
from understudy.merge.checkpoint import Checkpoint, open_checkpoint, read_json
from understudy.merge.lora import Adapted
from understudy.merge.schema import split_reference
from understudy.merge.sources import Stored
from understudy.models.safetensors_header import TensorInfo

# `model.layers.7.mlp.up_proj.weight` → ("model.layers.", 7, ".mlp.up_proj.weight"); GPT-2 says h, T5 block
_LAYER = re.compile(r"^(|.*?\.)(layers|layer|h|blocks|block)\.(\d+)(\..+)$")
_VOCABULARY = re.compile(
    r"(^|\.)(embed_tokens|wte|word_embeddings|embed_in|tok_embeddings|lm_head|embed_out|shared)\.(weight|bias)$"
)
_FIRST = re.compile(r"embed|wte|wpe")


def split_layer(name: str) -> tuple[str, int, str] | None:
    """A layer's tensor name as (prefix, index, rest); None for tensors outside the layers."""
    found = _LAYER.match(name)
    return (f"{found[1]}{found[2]}.", int(found[3]), found[4]) if found else None


def is_vocabulary(name: str) -> bool:
    """Whether a tensor has one row a token: the embeddings and the output layer."""
    return split_layer(name) is None and _VOCABULARY.search(name) is not None


def comes_first(name: str) -> bool:
    """Whether a tensor outside the layers stands before them (embeddings) rather than after (norm, head)."""
    return _FIRST.search(name) is not None


def is_head(name: str) -> bool:
    """Whether a tensor is the weight of the output layer."""
    return is_vocabulary(name) and not comes_first(name) and name.endswith(".weight")


def tied_names(checkpoint: Checkpoint, config: dict[str, Any]) -> Tied | None:
    """The embedding that is the output layer too; None where the head is stored or the configuration says untied."""
    names = [n for n in checkpoint.where if is_vocabulary(n) and comes_first(n) and n.endswith(".weight")]
    if any(is_head(n) for n in checkpoint.where) or len(names) != 1 or config.get("tie_word_embeddings") is False:
        return None
    return Tied(names[0], "embed_out.weight" if "embed_in" in names[0] else "lm_head.weight")


@dataclass(frozen=True)
class Parent:
    """One model of a merge. reference: as the configuration names it. adapter: a LoRA adapter on it."""

    reference: str
    checkpoint: Checkpoint
    config: dict[str, Any]
    adapter: Adapter | None = None

    @property
    def folder(self) -> Path:
        return self.checkpoint.folder

    @property
    def architecture(self) -> str:
        names = self.config.get("architectures") or [self.config.get("model_type", "unknown")]
        return str(names[0])

    @cached_property
    def n_layers(self) -> int:
        return max((s[1] + 1 for n in self.checkpoint.where if (s := split_layer(n))), default=0)

    @property
    def names(self) -> list[str]:
        """All tensors, with those that the adapter adds."""
        return [*self.checkpoint.where, *(self.adapter.added if self.adapter else ())]

    @cached_property
    def _tied(self) -> Tied | None:
        return None if self.adapter and self.adapter.added else tied_names(self.checkpoint, self.config)

    def find(self, name: str) -> str | None:
        """The stored name of a tensor: a tied output layer is found as the embedding. None where it lacks."""
        if name in self.checkpoint or (self.adapter and name in self.adapter.added):
            return name
        if is_head(name):
            return self._tied.embedding if self._tied else None
        return None

    def info(self, name: str) -> TensorInfo:
        if self.adapter and name in self.adapter.added:
            place = self.adapter.added[name]
            return place.checkpoint.info(place.name)
        return self.checkpoint.info(name)

    def path(self, name: str) -> Path:
        """The file that holds a tensor (of the base, where an adapter changes it)."""
        if self.adapter and name in self.adapter.added:
            return self.adapter.added[name].checkpoint.file(self.adapter.added[name].name).path
        return self.checkpoint.file(name).path

    def source(self, name: str) -> Stored:
        """A stored tensor, opened for reading, with what the adapter makes of it."""
        if self.adapter is None:
            return Stored(self.checkpoint.file(name), name)
        place = self.adapter.added.get(name) or self.adapter.replaced.get(name)
        stored = place.open() if place else Stored(self.checkpoint.file(name), name)
        return Adapted(stored, self.adapter.changes[name]) if name in self.adapter.changes else stored

    def files(self) -> list[Path]:
        """The weight files that were opened."""
        paths = [self.folder / name for name in self.checkpoint.files]
        return [*paths, *(sorted(self.adapter.folder.glob("*.safetensors")) if self.adapter else [])]


Resolve = Callable[[str], Path]


def as_folder(reference: str) -> Path:
    """The resolver of last resort: the reference is a folder."""
    return Path(reference).expanduser()


def open_parents(references: list[str], resolve: Resolve) -> dict[str, Parent]:
    """Open every model by its reference, headers only. Raises InputError naming what cannot be used."""
    found: dict[str, Parent] = {}
    for reference in references:
        model, adapter = split_reference(reference)
        folder = resolve(model)
        if not folder.is_dir():
            raise InputError(f"{reference}: no folder {folder}; name a model folder or hf:org/name")
        checkpoint = open_checkpoint(folder)
        config = read_json(folder / "config.json")
        if config.get("quantization_config"):
            method = config["quantization_config"].get("quant_method", "unknown")
            raise InputError(
                f"{reference}: its weights are quantised ({method}); merge the full-precision model it was made from"
            )
        lora = open_adapter(resolve(adapter), checkpoint, tied_names(checkpoint, config)) if adapter else None
        found[reference] = Parent(reference, checkpoint, config, lora)
    return found
