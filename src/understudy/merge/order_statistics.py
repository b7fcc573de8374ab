"""Exact order statistics of a streamed tensor, in two counting passes and without sorting.

A non-negative float32 read as an unsigned integer keeps its order. The first pass counts the upper 16 bits of
every key, the second the lower 16 bits of those that share the wanted upper half: that gives the key at any
rank, exactly. Where equal keys must be divided, each block gives its share of them, and which ones they are is
drawn at random by the seed: a tensor full of equal values is cut at exactly the wanted number, and no part of it is
favoured. (The first ones by position would be the first rows: task vectors of bfloat16 models are full of ties.)
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from understudy.merge import kernels
from understudy.merge.block import Block, Float32
from understudy.merge.blocks import Blocks

Keys = Callable[[Block], NDArray[np.uint32]]  # block → one row of keys for each ordered quantity
_ALL = 1 << 62
_LARGEST = 0x7FFFFFFF


@dataclass(frozen=True)
class Request:
    """The cut after the `count` largest (`top`) or smallest (`bottom`) keys of one row of `Keys`; count ≥ 1."""

    row: int
    end: Literal["top", "bottom"]
    count: int


@dataclass(frozen=True)
class Cut:
    """Where a request cuts: all keys beyond `key` belong to it, and `ties` of those equal to `key`.

    before: number of equal keys before each block and, last, in all; None where all equal keys belong.
    """

    key: int
    ties: int
    before: NDArray[np.int64] | None = None

    def ties_in(self, block: int) -> tuple[int, int]:
        """(how many of the equal keys of a block belong, how many there are); the shares of all blocks sum up."""
        if self.before is None:
            return _ALL, _ALL
        return share(self.before, self.ties, block), int(self.before[block + 1] - self.before[block])


def share(before: NDArray[np.int64], count: int, block: int) -> int:
    """A block's part of `count` equal keys, in proportion to how many it holds."""
    start, stop, total = int(before[block]), int(before[block + 1]), int(before[-1])
    return count * stop // total - count * start // total if total else 0


def magnitudes(values: Float32) -> NDArray[np.uint32]:
    """Keys that order values by their absolute value; the values become them, in place."""
    bits = values.view(np.uint32)
    return np.bitwise_and(bits, np.uint32(0x7FFFFFFF), out=bits)


def keep_top(values: Float32, cut: Cut, block: Block, bits: NDArray[np.uint32]) -> None:
    """Zero all values of a block that a `top` cut on their magnitudes leaves out. bits: random, one an element."""
    belong, here = cut.ties_in(block.index)
    kernels.keep_between(values, cut.key if belong else cut.key + 1, _LARGEST)
    if 0 < belong < here:
        kernels.keep_some_equal(values, cut.key, belong, here, bits)


def keep_window(values: Float32, low: Cut | None, high: Cut | None, block: Block, bits: NDArray[np.uint32]) -> None:
    """Zero all values that are in the `bottom` cut `low`, or not in the `bottom` cut `high`, by magnitude."""
    if low is not None and high is not None and low.key == high.key:
        before = low.before if low.before is not None else high.before
        kernels.keep_between(values, low.key, low.key)
        if before is not None:
            here = int(before[block.index + 1] - before[block.index])
            kernels.keep_some_equal(values, low.key, share(before, high.ties - low.ties, block.index), here, bits)
        return
    first, last = 0, _LARGEST
    if high is not None:
        kept, here = high.ties_in(block.index)
        last = high.key if kept else high.key - 1
        if 0 < kept < here:
            kernels.keep_some_equal(values, high.key, kept, here, bits)
    if low is not None:
        dropped, here = low.ties_in(block.index)
        first = low.key + 1 if dropped == here else low.key
        if 0 < dropped < here:
            kernels.keep_some_equal(values, low.key, here - dropped, here, bits)
    kernels.keep_between(values, first, last)


def ordered(values: Float32) -> NDArray[np.uint32]:
    """Keys that order values of either sign."""
    bits = values.view(np.uint32)
    return np.where(bits >> 31, ~bits, bits | np.uint32(0x80000000))


def cuts(x: Blocks, keys: Keys, requests: Sequence[Request], *, divide: bool = True) -> list[Cut]:
    """The cut of every request, for two passes over the tensor, and a third where equal keys must be divided.

    divide: False where only the keys at the cuts are wanted.
    """
    rows = sorted({r.row for r in requests})
    upper = _count(x, keys, [(row, 16, -1) for row in rows])
    places = [_locate(upper[rows.index(r.row)], r.end, r.count) for r in requests]
    wanted = sorted({(r.row, high) for r, (high, _, _) in zip(requests, places, strict=True)})
    lower = _count(x, keys, [(row, 0, high) for row, high in wanted])
    found: list[Cut] = []
    divided: list[int] = []
    for request, (high, left, _) in zip(requests, places, strict=True):
        low, ties, equal = _locate(lower[wanted.index((request.row, high))], request.end, left)
        if divide and ties < equal:
            divided.append(len(found))
        found.append(Cut(high << 16 | low, ties))
    if divided:
        counts = np.array(
            x.map(lambda b: _equal(keys(b), [(requests[i].row, found[i].key) for i in divided])), dtype=np.int64
        )
        before = np.concatenate([np.zeros((1, len(divided)), np.int64), np.cumsum(counts, axis=0)])
        for column, i in enumerate(divided):
            found[i] = Cut(found[i].key, found[i].ties, before[:, column])
    return found


def _equal(keys: NDArray[np.uint32], wanted: Sequence[tuple[int, int]]) -> list[int]:
    return [kernels.count_equal(keys[row], key) for row, key in wanted]


def _count(x: Blocks, keys: Keys, wanted: Sequence[tuple[int, int, int]]) -> NDArray[np.int64]:
    """Histograms (row, shift, prefix) of all blocks; whole numbers, so the order of adding does not matter."""
    mine, every, lock = threading.local(), [], threading.Lock()

    def work(block: Block) -> None:
        if not hasattr(mine, "counts"):
            mine.counts = np.zeros((len(wanted), 1 << 16), np.int64)
            with lock:
                every.append(mine.counts)
        found = keys(block)
        for (row, shift, prefix), counts in zip(wanted, mine.counts, strict=True):
            kernels.histogram(found[row], shift, prefix, counts)

    x.map(work)
    return np.sum(every, axis=0)


def _locate(counts: NDArray[np.int64], end: str, count: int) -> tuple[int, int, int]:
    """(bin, how many of its keys are wanted, how many it holds) for the `count`-th key from an end."""
    ordered_counts = counts[::-1] if end == "top" else counts
    total = np.cumsum(ordered_counts)
    place = int(np.searchsorted(total, count))
    held = int(ordered_counts[place])
    index = len(counts) - 1 - place if end == "top" else place
    return index, count - int(total[place] - held), held
