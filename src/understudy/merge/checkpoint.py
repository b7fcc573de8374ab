"""A model folder's weights: one safetensors file or several with an index, known by their headers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from understudy.errors import InputError
from understudy.merge.reader import SafetensorsFile
from understudy.models.safetensors_header import TensorInfo
from understudy.models.weights import check_index, find_weights


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
    note: str | None = None  # what else lies there and is not read

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
    """Open a folder's weights, chosen as transformers chooses them, headers only. stem: `adapter_model` for adapters.

    Raises InputError: nothing there, a pickle checkpoint, a missing shard, an index and headers that disagree.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such model folder")
    found = find_weights(folder, stem)
    files = {path.name: SafetensorsFile.open(path) for path in found.paths}
    check_index(found, {name: file.tensors for name, file in files.items()})
    where = {tensor: name for name, file in files.items() for tensor in file.tensors}
    return Checkpoint(folder, files, where, found.note)
