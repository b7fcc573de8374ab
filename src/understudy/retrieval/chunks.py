"""The chunks of an index, read from its file one at a time when they are asked for."""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray

from understudy.artifact import read_record
from understudy.errors import StoreError
from understudy.retrieval import mapped
from understudy.types import Chunk


class ChunkRows(Sequence[Chunk]):
    """Chunks by their row. The file is mapped: what is not asked for is not read."""

    def __init__(self, path: Path, starts: NDArray[np.int64]) -> None:
        self.path = path
        self.starts = starts
        with open(path, "rb") as file:
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if path.stat().st_size else b""
        if len(starts) == 0 or starts[-1] != len(self._bytes):
            raise StoreError(f"{path}: is not the file that its index was made of; delete the folder and run again")

    @classmethod
    def open(cls, path: Path, starts: Path) -> ChunkRows:
        """The chunks of a file. starts: where its lines begin, as `write_starts` wrote it; looked for where missing.
        Raises StoreError where one is damaged."""
        try:
            if starts.is_file():
                return cls(path, mapped.open_arrays(starts)["starts"])
            with open(path, "rb") as file:
                lengths = np.fromiter((len(line) for line in file), dtype=np.int64)
            return cls(path, np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)]))
        except (OSError, KeyError) as error:
            raise mapped.damaged(path, error) from error

    def __len__(self) -> int:
        return len(self.starts) - 1

    @overload
    def __getitem__(self, row: int) -> Chunk: ...
    @overload
    def __getitem__(self, row: slice) -> list[Chunk]: ...
    def __getitem__(self, row: int | slice) -> Chunk | list[Chunk]:
        if isinstance(row, slice):
            return [self[at] for at in range(*row.indices(len(self)))]
        at = row + len(self) if row < 0 else row
        if not 0 <= at < len(self):
            raise IndexError(row)
        line = self._bytes[self.starts[at] : self.starts[at + 1]]
        return read_record(line, Chunk, f"{self.path}:{at + 1}")


def write_starts(path: Path, starts: NDArray[np.int64]) -> None:
    """Where the lines of a file begin, and where the last ends."""
    mapped.create(path, {"starts": (np.int64, len(starts))})["starts"][:] = starts
