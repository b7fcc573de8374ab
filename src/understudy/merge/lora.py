"""LoRA adapters as merge inputs: W + scale·B·A, made row by row as the tensor is read (Hu et al., arXiv 2106.09685).

The sum is never rounded to the base's dtype and never stored. scale is lora_alpha / r, or lora_alpha / √r with
rank-stabilised LoRA (arXiv 2312.03732).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.errors import InputError
from understudy.merge.block import Float32
from understudy.merge.checkpoint import Checkpoint, open_checkpoint, read_json
from understudy.merge.sources import Stored

_PREFIX = "base_model.model."
_PART = re.compile(r"^(.*)\.(lora_A|lora_B|lora_embedding_A|lora_embedding_B)(?:\.default)?(?:\.weight)?$")


@dataclass(frozen=True)
class LowRank:
    """A change up·down to a tensor [rows, width]: up [rows, r], down [r, width], scale included in `up`."""

    up: Float32
    down: Float32


@dataclass(frozen=True)
class Adapter:
    """A LoRA adapter: tensor of the base → its change, or the whole tensor that takes its place."""

    folder: Path
    changes: dict[str, LowRank]
    replaced: dict[str, Stored]


def open_adapter(folder: Path, base: Checkpoint) -> Adapter:
    """Read an adapter and check it against its base. Raises InputError naming what cannot be merged."""
    settings = read_json(folder / "adapter_config.json")
    for key, allowed in (("peft_type", "LORA"), ("use_dora", False), ("bias", "none")):
        if settings.get(key, allowed) not in (allowed, None):
            raise InputError(
                f"{folder}: an adapter with {key}: {settings[key]} cannot be merged here; merge it with peft's "
                "merge_and_unload and name the result"
            )
    checkpoint = open_checkpoint(folder, stem="adapter_model")
    parts: dict[str, dict[str, Float32]] = {}
    replaced: dict[str, Stored] = {}
    for name in checkpoint.where:
        stored = Stored(checkpoint.file(name), name)
        found = _PART.match(name)
        if found:
            module = found[1].removeprefix(_PREFIX)
            parts.setdefault(module, {})[found[2]] = stored.rows(np.arange(stored.shape[0]))
            continue
        target = name.removeprefix(_PREFIX).replace(".modules_to_save.", ".").replace(".default.", ".")
        if target not in base or base.info(target).shape != stored.shape:
            raise InputError(f"{folder}: tensor '{name}' belongs to no tensor of {base.folder}")
        replaced[target] = stored
    return Adapter(folder, {f"{m}.weight": _change(folder, m, p, settings, base) for m, p in parts.items()}, replaced)


def _change(
    folder: Path, module: str, parts: dict[str, Float32], settings: dict[str, Any], base: Checkpoint
) -> LowRank:
    target = f"{module}.weight"
    embedding = "lora_embedding_A" in parts
    names = ("lora_embedding_A", "lora_embedding_B") if embedding else ("lora_A", "lora_B")
    if set(parts) != set(names) or target not in base:
        raise InputError(f"{folder}: the adapter's '{module}' is incomplete or belongs to no tensor of {base.folder}")
    a, b = parts[names[0]], parts[names[1]]
    rank = a.shape[0]
    alpha = _pattern(settings.get("alpha_pattern"), module, settings.get("lora_alpha", rank))
    scale = alpha / math.sqrt(rank) if settings.get("use_rslora") else alpha / rank
    transposed = embedding or bool(settings.get("fan_in_fan_out"))
    up, down = (a.T, b.T) if transposed else (b, a)
    if (up.shape[0], down.shape[1]) != base.info(target).shape or up.shape[1] != down.shape[0]:
        raise InputError(
            f"{folder}: the adapter's '{module}' changes a tensor of shape {[up.shape[0], down.shape[1]]}, "
            f"in {base.folder} it is {list(base.info(target).shape)}"
        )
    return LowRank(np.ascontiguousarray(up * np.float32(scale)), np.ascontiguousarray(down))


def _pattern(patterns: dict[str, Any] | None, module: str, default: Any) -> float:
    """peft's per-module settings: a pattern matches the end of a module's name."""
    for pattern, value in (patterns or {}).items():
        if re.match(rf"(.*\.)?({pattern})$", module):
            return float(value)
    return float(default)


class Adapted(Stored):
    """A base tensor with an adapter's change added as it is read."""

    def __init__(self, base: Stored, change: LowRank) -> None:
        self.__dict__.update(base.__dict__)
        self._change = change
        self._width = change.down.shape[1]

    def read(self, start: int, stop: int, out: Float32) -> None:
        super().read(start, stop, out)
        first, last = start // self._width, stop // self._width
        out.reshape(-1, self._width)[...] += self._change.up[first:last] @ self._change.down

    def rows(self, numbers: NDArray[np.int64]) -> Float32:
        return super().rows(numbers) + self._change.up[numbers] @ self._change.down
