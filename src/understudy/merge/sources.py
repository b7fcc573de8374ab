"""The inputs of a tensor, each read as float32 whatever it is stored as."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.merge import kernels
from understudy.merge.block import Float32
from understudy.merge.reader import SafetensorsFile


def decode(values: NDArray[Any], dtype: str, out: Float32) -> None:
    """Stored values of a safetensors dtype → float32."""
    if dtype == "BF16":
        kernels.decode_bfloat16(values if values.flags.aligned else values.copy(), out)
    else:
        out[...] = values


def encode(values: Float32, dtype: str, out: NDArray[Any]) -> bool:
    """float32 → stored values of a safetensors dtype. Returns whether any is NaN or infinite."""
    if dtype == "BF16":
        return bool(kernels.encode_bfloat16(values, out))
    with np.errstate(over="ignore"):
        out[...] = values
    return not np.isfinite(out).all()


class Stored:
    """A tensor as it stands in its file."""

    def __init__(self, file: SafetensorsFile, name: str) -> None:
        self._file, self._name = file, name
        info = file.tensors[name]
        self.shape, self._dtype, self._nbytes = info.shape, info.dtype, info.nbytes
        self._array = file.array(name)

    def read(self, start: int, stop: int, out: Float32) -> None:
        decode(self._array[start:stop], self._dtype, out)

    def rows(self, numbers: NDArray[np.int64]) -> Float32:
        """Chosen rows [len(numbers), width] of a tensor with a first axis of rows."""
        found = np.ascontiguousarray(self._array.reshape(self.shape[0], -1)[numbers])
        out = np.empty(found.shape, np.float32)
        decode(found.ravel(), self._dtype, out.reshape(-1))
        return out

    def fetch(self) -> None:
        self._file.fetch(self._name)

    def release(self) -> None:
        self._file.release(self._name)

    def nbytes(self) -> int:
        return self._nbytes
