"""Reading safetensors: a strict parser of headers, and tensors as memory-mapped views.

The format (https://github.com/huggingface/safetensors#format): eight bytes with the header's length, a JSON
object name → {dtype, shape, data_offsets}, then the tensors' bytes without gap or overlap. Whatever departs
from that is refused with the file and the tensor named; no byte of a header is trusted before it is checked.
"""

from __future__ import annotations

import json
import mmap
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.errors import InputError

MAX_HEADER = 100_000_000  # the limit of the reference implementation
# numpy's view of each dtype; bfloat16 and the 8-bit floats have none and travel as their bits
DTYPES: dict[str, np.dtype[Any]] = {
    "BF16": np.dtype("<u2"), "F16": np.dtype("<f2"), "F32": np.dtype("<f4"), "F64": np.dtype("<f8"),
    "I8": np.dtype("i1"), "I16": np.dtype("<i2"), "I32": np.dtype("<i4"), "I64": np.dtype("<i8"),
    "U8": np.dtype("u1"), "U16": np.dtype("<u2"), "U32": np.dtype("<u4"), "U64": np.dtype("<u8"),
    "BOOL": np.dtype("u1"), "F8_E4M3": np.dtype("u1"), "F8_E5M2": np.dtype("u1"), "C64": np.dtype("<c8"),
}  # fmt: skip
FLOATS = ("BF16", "F16", "F32", "F64")
_MADV_POPULATE_READ = 22  # Linux 5.14: map pages now, and report a truncated file instead of raising SIGBUS


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


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        name = next(k for k, _ in pairs if k in seen or seen.add(k))  # type: ignore[func-returns-value]
        raise ValueError(f"'{name}' stands twice")
    return found


def read_header(path: Path) -> dict[str, TensorInfo]:
    """The tensors of one file in the order of their bytes. Raises InputError naming the file and tensor."""
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            prefix = file.read(8)
            if len(prefix) < 8:
                raise InputError(f"{path}: {size} bytes cannot be a safetensors file; fetch it again")
            length = int.from_bytes(prefix, "little")
            if length > MAX_HEADER:
                raise InputError(f"{path}: not a safetensors file (its header claims {length} bytes)")
            if length + 8 > size:
                raise InputError(
                    f"{path}: truncated: the header alone needs {length + 8} bytes, the file has {size}; fetch it again"
                )
            raw = file.read(length)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    try:
        if not raw.startswith(b"{"):
            raise ValueError("does not begin with '{'")
        entries = json.loads(raw.decode("utf-8"), object_pairs_hook=_no_duplicates)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: the safetensors header is damaged: {error}; fetch the file again") from error
    metadata = entries.pop("__metadata__", None)
    if metadata is not None and not isinstance(metadata, dict):
        raise InputError(f"{path}: the safetensors header is damaged: __metadata__ is not an object")
    tensors = [_tensor(path, name, entry, 8 + length) for name, entry in entries.items()]
    tensors.sort(key=lambda t: (t.start, t.stop))
    position = 8 + length
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
            raise InputError(
                f"{path}: truncated at tensor '{tensor.name}': its bytes end at {position}, the file has {size}; "
                "fetch it again"
            )
    if position != size:
        raise InputError(f"{path}: {size - position} bytes after the last tensor; the file is damaged")
    return {tensor.name: tensor for tensor in tensors}


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _tensor(path: Path, name: str, entry: Any, data: int) -> TensorInfo:
    where = f"{path}: tensor '{name}'"
    if not isinstance(entry, dict) or not {"dtype", "shape", "data_offsets"} <= entry.keys():
        raise InputError(f"{where}: its header entry lacks dtype, shape or data_offsets; the file is damaged")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise InputError(f"{where}: unknown dtype {dtype!r}; known are {', '.join(DTYPES)}")
    if not isinstance(shape, list) or len(shape) > 32 or not all(map(_is_count, shape)):
        raise InputError(f"{where}: its shape is not a list of sizes: {str(shape)[:80]}; the file is damaged")
    if not isinstance(offsets, list) or len(offsets) != 2 or not all(map(_is_count, offsets)):
        raise InputError(f"{where}: its data_offsets are not [start, end]: {str(offsets)[:80]}; the file is damaged")
    start, stop = offsets
    expected = count(tuple(shape)) * DTYPES[dtype].itemsize
    if stop - start != expected:
        raise InputError(
            f"{where}: {dtype} {shape} needs {expected} bytes, its offsets give {stop - start}; the file is damaged"
        )
    return TensorInfo(name, dtype, tuple(shape), data + start, data + stop)


@dataclass
class SafetensorsFile:
    """One file, mapped read-only on first use."""

    path: Path
    tensors: dict[str, TensorInfo]
    _map: mmap.mmap | None = field(default=None, repr=False)

    @classmethod
    def open(cls, path: Path) -> SafetensorsFile:
        return cls(path, read_header(path))

    def _mapped(self) -> mmap.mmap:
        if self._map is None:
            with open(self.path, "rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return self._map

    def array(self, name: str) -> NDArray[Any]:
        """The tensor as a flat read-only view of the mapped bytes (bfloat16 as uint16)."""
        tensor = self.tensors[name]
        if not tensor.size:
            return np.empty(0, DTYPES[tensor.dtype])
        return np.frombuffer(self._mapped(), DTYPES[tensor.dtype], tensor.size, tensor.start)

    def fetch(self, name: str) -> None:
        """Bring a tensor's pages into memory. Raises InputError where the file has shrunk or cannot be read."""
        self._advise(name, _MADV_POPULATE_READ)

    def release(self, name: str) -> None:
        """Let go of a tensor's pages; the kernel keeps them cached while it has room."""
        self._advise(name, mmap.MADV_DONTNEED)

    def _advise(self, name: str, advice: int) -> None:
        tensor = self.tensors[name]
        if not tensor.size:
            return
        start = tensor.start - tensor.start % mmap.PAGESIZE
        try:
            self._mapped().madvise(advice, start, tensor.stop - start)
        except OSError as error:
            if (
                error.strerror and advice == _MADV_POPULATE_READ and error.errno in (5, 14, 133)
            ):  # EIO, EFAULT, EHWPOISON
                raise InputError(
                    f"{self.path}: tensor '{name}' cannot be read: the file changed or its disk fails"
                ) from error
            # EINVAL: a kernel without this advice; the pages then come and go by themselves
