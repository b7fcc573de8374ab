"""Streaming a tensor: its inputs cut into blocks that fit the cache, worked on by several threads.

Everything a method needs of a whole tensor is a sum over its blocks, taken in block order in float64: the
result is the same for one thread and for sixteen.
"""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from understudy.merge import kernels
from understudy.merge.block import Block, Combine, Float32

BLOCK = 1 << 16  # elements: a float32 row of 256 KB; a few rows share a second-level cache
T = TypeVar("T")


class Source(Protocol):
    """One input tensor that can be read piece by piece as float32."""

    shape: tuple[int, ...]

    def read(self, start: int, stop: int, out: Float32) -> None:
        """Elements [start, stop) of the flattened tensor; where it has rows, the limits lie on rows."""

    def fetch(self) -> None: ...

    def release(self) -> None: ...

    def nbytes(self) -> int:
        """Memory that reading it maps or holds."""


class Workers:
    """Threads that share out numbered pieces of work; `map` keeps their order and raises their errors."""

    def __init__(self, threads: int) -> None:
        self.threads = max(1, threads)
        self._pool = ThreadPoolExecutor(self.threads - 1) if self.threads > 1 else None
        self._local = threading.local()

    def buffer(self, role: str, shape: tuple[int, ...], dtype: Any = np.float32) -> NDArray[Any]:
        """This thread's scratch array of a role; it is overwritten by the next call for the same role."""
        cache: dict[str, tuple[NDArray[Any], NDArray[Any]]] = self._local.__dict__
        held = cache.get(role)
        if held is not None and held[1].shape == shape and held[1].dtype == dtype:
            return held[1]
        size = math.prod(shape) * np.dtype(dtype).itemsize
        memory = held[0] if held is not None and held[0].nbytes >= size else np.empty(size, np.uint8)
        view = memory[:size].view(dtype).reshape(shape)
        cache[role] = memory, view
        return view

    def map(self, work: Callable[[int], T], count: int) -> list[T]:
        results: list[Any] = [None] * count
        if self._pool is None or count == 1:
            for i in range(count):
                results[i] = work(i)
            return results
        numbers, failed = itertools.count(), threading.Event()

        def worker() -> None:
            while (i := next(numbers)) < count and not failed.is_set():
                try:
                    results[i] = work(i)
                except BaseException:
                    failed.set()
                    raise

        helpers = [self._pool.submit(worker) for _ in range(min(self.threads, count) - 1)]
        try:
            worker()
        finally:
            failures = [e for h in helpers if (e := h.exception()) is not None]
        if failures:
            raise failures[0]
        return results

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Blocks:
    """One output tensor's inputs, in blocks.

    has_base: row 0 is the base. whole_rows: no block cuts a row. frugal: pages are let go block by block.
    notes: facts a method wants in the report, as plain values.
    """

    def __init__(
        self,
        name: str,
        sources: Sequence[Source],
        workers: Workers,
        *,
        has_base: bool = False,
        whole_rows: bool = False,
        seed: int = 0,
        frugal: bool = False,
    ) -> None:
        self.name, self.sources, self.workers = name, sources, workers
        self.has_base, self.seed = has_base, seed
        self.shape = sources[0].shape
        self.size = int(np.prod(self.shape, dtype=np.int64))
        self.row_length = self.shape[-1] if self.shape else 1
        self.notes: dict[str, Any] = {}
        self._frugal = frugal
        if len(self.shape) < 2:
            self.step = max(self.size, 1) if whole_rows else BLOCK
        else:
            self.step = max(1, BLOCK // max(self.row_length, 1)) * max(self.row_length, 1)
        self.count = -(-self.size // self.step)

    @property
    def n_models(self) -> int:
        """Inputs besides the base."""
        return len(self.sources) - self.has_base

    def span(self, index: int) -> tuple[int, int]:
        """The elements [start, stop) of a block."""
        return index * self.step, min((index + 1) * self.step, self.size)

    def load(self, index: int) -> Block:
        """A block's inputs as float32, in this thread's scratch memory."""
        start, stop = self.span(index)
        x = self.workers.buffer("x", (len(self.sources), stop - start))
        for row, source in zip(x, self.sources, strict=True):
            source.read(start, stop, row)
        if self._frugal:
            for source in self.sources:
                source.release()
        return Block(x, index, start, self.row_length)

    def map(self, work: Callable[[Block], T]) -> list[T]:
        """`work` on every block; the results in block order."""
        return self.workers.map(lambda i: work(self.load(i)), self.count)

    def sum(self, work: Callable[[Block], Any]) -> NDArray[np.float64]:
        """Σ over the blocks of what `work` returns (a number or an array), in float64."""
        return np.sum(np.asarray(self.map(work), dtype=np.float64), axis=0)

    def gram(self, *, from_base: bool = False) -> NDArray[np.float64]:
        """Σ x[i]·x[j] over all elements, float64; `from_base`: of the differences to the base, base left out."""

        def work(block: Block) -> NDArray[np.float64]:
            x = block.x
            if from_base:
                kernels.subtract_row(x[1:], x[0])
                x = x[1:]
            out = np.empty((len(x), len(x)))
            (kernels.gram_pair if len(x) == 2 else kernels.gram)(x, out)
            return out

        return self.sum(work)

    def weighted(
        self, weights: Sequence[float] | NDArray[np.float64], *, divisor: float = 1.0, from_base: bool = False
    ) -> Combine:
        """The formula Σ weights[i]·x[i] / divisor; `from_base`: base + Σ weights[i]·(x[i] − base), a weight a model."""
        c = np.asarray(weights, dtype=np.float32)
        if from_base:
            return lambda block, out: kernels.add_deltas(block.x, c, out)
        d = np.float32(divisor)

        def combine(block: Block, out: Float32) -> None:
            kernels.weighted_sum(block.x, c, out)
            if d != 1.0:
                out /= d

        return combine
