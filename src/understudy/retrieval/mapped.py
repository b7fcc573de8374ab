"""Arrays in one safetensors file that are mapped into memory, not loaded: opening costs nothing, and what is read of
them is what is asked for."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.errors import InputError, StoreError
from understudy.models.safetensors_header import TensorInfo, parse_header

Array = NDArray[Any]
_TYPES = {"F32": "<f4", "F64": "<f8", "I32": "<i4", "I64": "<i8", "U8": "|u1"}
_NAMES = {np.dtype(kind): name for name, kind in _TYPES.items()}


def create(path: Path, wanted: Mapping[str, tuple[Any, int | tuple[int, ...]]]) -> dict[str, Array]:
    """A file of arrays (name → (dtype, length or shape)), all zero, mapped so that they can be filled.

    The widest come first and equal ones by name, so that each is aligned and the bytes depend on the content alone.
    """
    kinds = {name: (np.dtype(kind), np.atleast_1d(shape).tolist()) for name, (kind, shape) in wanted.items()}
    order = sorted(kinds, key=lambda name: (-kinds[name][0].itemsize, name))
    header: dict[str, Any] = {}
    stop = 0
    for name in order:
        kind, shape = kinds[name]
        start, stop = stop, stop + kind.itemsize * math.prod(shape)
        header[name] = {"dtype": _NAMES[kind], "shape": shape, "data_offsets": [start, stop]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + stop)
    return {name: _mapped(path, info, "r+") for name, info in parse_header(path).items()}


def open_arrays(path: Path) -> dict[str, Array]:
    """The arrays of a file, read-only. Raises StoreError where it is missing or damaged."""
    try:
        return {name: _mapped(path, info, "r") for name, info in parse_header(path).items()}
    except (InputError, OSError, ValueError, KeyError) as error:
        raise damaged(path, error) from error


def damaged(path: Path, error: Exception) -> StoreError:
    """The error for a file of an index that cannot be used."""
    return StoreError(f"{path}: damaged or missing ({error}); delete the index's folder and run again")


def _mapped(path: Path, info: TensorInfo, mode: Any) -> Array:
    kind = np.dtype(_TYPES[info.dtype])
    if not info.size:  # nothing can be mapped
        return np.empty(info.shape, dtype=kind)
    return np.asarray(np.memmap(path, dtype=kind, mode=mode, offset=info.start, shape=info.shape))
