"""A model folder's weights: one safetensors file or several with an index, known by their headers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from understudy.errors import InputError
from understudy.merge.reader import SafetensorsFile, TensorInfo


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object. Raises InputError naming the file."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: missing; a model folder needs it") from error
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: damaged: {error}") from error
    if not isinstance(value, dict):
        raise InputError(f"{path}: damaged: not a JSON object")
    return value


@dataclass(frozen=True)
class Checkpoint:
    """A model folder's weights: tensor name → file. Only headers have been read."""

    folder: Path
    files: dict[str, SafetensorsFile]
    where: dict[str, str]

    def __contains__(self, name: str) -> bool:
        return name in self.where

    def file(self, name: str) -> SafetensorsFile:
        return self.files[self.where[name]]

    def info(self, name: str) -> TensorInfo:
        return self.file(name).tensors[name]

    @property
    def nbytes(self) -> int:
        return sum(t.nbytes for f in self.files.values() for t in f.tensors.values())


def open_checkpoint(folder: Path, stem: str = "model") -> Checkpoint:
    """Open `model.safetensors` or the shards of `model.safetensors.index.json`, headers only.

    Raises InputError: nothing there, a pickle checkpoint, a missing shard, an index and headers that disagree.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such model folder")
    index, single = folder / f"{stem}.safetensors.index.json", folder / f"{stem}.safetensors"
    if index.is_file():
        return _sharded(folder, index)
    if not single.is_file():
        names = sorted(p.name for p in folder.glob("*.safetensors"))
        if len(names) != 1:
            raise InputError(_nothing(folder, single.name, names))
        single = folder / names[0]
    file = SafetensorsFile.open(single)
    return Checkpoint(folder, {single.name: file}, dict.fromkeys(file.tensors, single.name))


def _nothing(folder: Path, wanted: str, names: list[str]) -> str:
    pickles = sorted(p.name for pattern in ("*.bin", "*.pt", "*.pth") for p in folder.glob(pattern))
    if pickles:
        return (
            f"{folder}: {pickles[0]} is a pickle, which can run any code when it is opened. Convert the model once, "
            "where you trust it, and merge the result:\n"
            f'  python -c "from transformers import AutoModelForCausalLM as M; '
            f"M.from_pretrained('{folder}', dtype='auto').save_pretrained('{folder}-safetensors')\""
        )
    if names:
        return f"{folder}: {len(names)} safetensors files but no {wanted}.index.json that says what is in them"
    return f"{folder}: no {wanted} and no {wanted}.index.json"


def _sharded(folder: Path, index: Path) -> Checkpoint:
    try:
        weight_map = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        shards = sorted(set(weight_map.values()))
        for shard in shards:
            if Path(shard).name != shard:
                raise ValueError(f"{shard!r} is not a file name")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{index}: damaged: {error}; fetch it again") from error
    missing = [s for s in shards if not (folder / s).is_file()]
    if missing:
        first = next(name for name, shard in weight_map.items() if shard == missing[0])
        raise InputError(
            f"{folder}: shard {missing[0]} is missing (it holds '{first}' and others; "
            f"{len(missing)} of {len(shards)} shards are missing); fetch it again"
        )
    files = {shard: SafetensorsFile.open(folder / shard) for shard in shards}
    for name, shard in weight_map.items():
        if name not in files[shard].tensors:
            raise InputError(f"{folder / shard}: no tensor '{name}', though {index.name} places it there")
    where: dict[str, str] = {}
    for shard, file in files.items():
        for name in file.tensors:
            if name in where:
                raise InputError(f"{folder}: tensor '{name}' is in both {where[name]} and {shard}")
            where[name] = shard
    return Checkpoint(folder, files, where)
