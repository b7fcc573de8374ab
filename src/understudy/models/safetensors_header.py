"""The headers of safetensors files, parsed strictly. Light: neither torch nor numpy.

The format (https://github.com/huggingface/safetensors#format): eight bytes with the header's length, a JSON
object name → {dtype, shape, data_offsets}, then the tensors' bytes without gap or overlap. Whatever departs
from that is refused with the file and the tensor named; no byte of a header is trusted before it is checked.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from understudy.errors import InputError

MAX_HEADER = 100_000_000  # the limit of the reference implementation
BITS = {
    "BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
    "C64": 64, "F64": 64, "I64": 64, "U64": 64,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """Where one tensor lies: bytes [start, stop) of its file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int

    @property
    def size(self) -> int:
        """Number of elements."""
        return count(self.shape)

    @property
    def nbytes(self) -> int:
        return self.stop - self.start


def count(shape: tuple[int, ...]) -> int:
    """Number of elements of a shape; exact, however large."""
    total = 1
    for side in shape:
        total *= side
    return total


def parse_header(path: Path) -> dict[str, TensorInfo]:
    """The tensors of one file in the order of their bytes. Raises InputError naming the file and tensor."""
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size == 0:
                raise InputError(f"{path}: is empty (0 bytes); copy or download it again")
            prefix = file.read(8)
            length = int.from_bytes(prefix, "little")
            if len(prefix) < 8 or length > MAX_HEADER:
                raise InputError(
                    f"{path}: is not a safetensors file, or damaged ({size:,} bytes); copy or download it again"
                )
            if length + 8 > size:
                raise InputError(_cut_off(path, size, length + 8, "its header"))
            raw = file.read(length)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    try:
        if not raw.startswith(b"{"):
            raise ValueError("does not begin with '{'")
        entries = json.loads(raw.decode("utf-8"), object_pairs_hook=_no_duplicates)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: its header is damaged: {error}; copy or download the file again") from error
    metadata = entries.pop("__metadata__", None)
    if metadata is not None and not isinstance(metadata, dict):
        raise InputError(f"{path}: its header is damaged: __metadata__ is not an object")
    tensors = [_tensor(path, name, entry, 8 + length) for name, entry in entries.items()]
    _check_layout(path, sorted(tensors, key=lambda t: (t.start, t.stop)), 8 + length, size)
    return {tensor.name: tensor for tensor in sorted(tensors, key=lambda t: (t.start, t.stop))}


def _check_layout(path: Path, tensors: list[TensorInfo], position: int, size: int) -> None:
    """Refuse gaps, overlaps and files that are too short or too long. position: where the first tensor begins."""
    end = max((t.stop for t in tensors), default=position)
    for index, tensor in enumerate(tensors):
        if tensor.start < position:
            other = f" overlaps '{tensors[index - 1].name}'" if index else " lies in the header"
            raise InputError(f"{path}: tensor '{tensor.name}'{other}; the file is damaged")
        if tensor.start > position:
            raise InputError(
                f"{path}: {tensor.start - position} bytes before tensor '{tensor.name}' belong to no tensor; "
                "the file is damaged"
            )
        position = tensor.stop
        if position > size:
            raise InputError(_cut_off(path, size, end, f"tensor '{tensor.name}'"))
    if position != size:
        raise InputError(f"{path}: {size - position} bytes after the last tensor; the file is damaged")


def _cut_off(path: Path, size: int, expected: int, what: str) -> str:
    return f"{path}: is cut off: it has {size:,} of {expected:,} bytes, {what} is not whole; copy or download it again"


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        name = next(k for k, _ in pairs if k in seen or seen.add(k))  # type: ignore[func-returns-value]
        raise ValueError(f"'{name}' stands twice")
    return found


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _tensor(path: Path, name: str, entry: Any, data: int) -> TensorInfo:
    where = f"{path}: tensor '{name}'"
    if not isinstance(entry, dict) or not {"dtype", "shape", "data_offsets"} <= entry.keys():
        raise InputError(f"{where}: its header entry lacks dtype, shape or data_offsets; the file is damaged")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in BITS:
        raise InputError(f"{where}: unknown dtype {dtype!r}; known are {', '.join(BITS)}")
    if not isinstance(shape, list) or len(shape) > 32 or not all(map(_is_count, shape)):
        raise InputError(f"{where}: its shape is not a list of sizes: {str(shape)[:80]}; the file is damaged")
    if not isinstance(offsets, list) or len(offsets) != 2 or not all(map(_is_count, offsets)):
        raise InputError(f"{where}: its data_offsets are not [start, end]: {str(offsets)[:80]}; the file is damaged")
    start, stop = offsets
    expected, rest = divmod(count(tuple(shape)) * BITS[dtype], 8)
    if stop - start != expected or rest:
        raise InputError(
            f"{where}: {dtype} {shape} needs {expected} bytes, its offsets give {stop - start}; the file is damaged"
        )
    return TensorInfo(name, dtype, tuple(shape), data + start, data + stop)
