"""Tensors of a safetensors file as memory-mapped views."""

from __future__ import annotations

import mmap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.errors import InputError
from understudy.models.safetensors_header import TensorInfo, parse_header

# numpy's view of each dtype; bfloat16 and the 8-bit floats have none and travel as their bits
DTYPES: dict[str, np.dtype[Any]] = {
    "BF16": np.dtype("<u2"), "F16": np.dtype("<f2"), "F32": np.dtype("<f4"), "F64": np.dtype("<f8"),
    "I8": np.dtype("i1"), "I16": np.dtype("<i2"), "I32": np.dtype("<i4"), "I64": np.dtype("<i8"),
    "U8": np.dtype("u1"), "U16": np.dtype("<u2"), "U32": np.dtype("<u4"), "U64": np.dtype("<u8"),
    "BOOL": np.dtype("u1"), "F8_E4M3": np.dtype("u1"), "F8_E5M2": np.dtype("u1"), "C64": np.dtype("<c8"),
}  # fmt: skip
FLOATS = ("BF16", "F16", "F32", "F64")
_MADV_POPULATE_READ = 22  # Linux 5.14: map pages now, and report a truncated file instead of raising SIGBUS


@dataclass
class SafetensorsFile:
    """One file, mapped read-only on first use."""

    path: Path
    tensors: dict[str, TensorInfo]
    _map: mmap.mmap | None = field(default=None, repr=False)

    @classmethod
    def open(cls, path: Path) -> SafetensorsFile:
        return cls(path, parse_header(path))

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
