"""The loops that numpy cannot fuse, compiled by numba: each works on one block that fits the processor's cache.

Arithmetic is float32, sums are float64. bfloat16 travels as uint16: it is the upper half of a float32, so
decoding is a shift, and encoding rounds to nearest, ties to even, as every framework does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

# Sums may be reassociated (that is what makes them vector code); NaN and Inf keep their meaning. Products are
# rounded before they are added: fused, w·x − w·x would leave a remainder where the models cancel exactly.
_REASSOCIATE = {"reassoc", "nsz"}


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile without the interpreter lock; keep the machine code on disk where a folder can be written."""
    options = {"nogil": True, "fastmath": _REASSOCIATE, "error_model": "numpy"}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # no cache folder is writable: compile in every process instead
        return numba.njit(**options)(function)


@kernel
def decode_bfloat16(source: NDArray[np.uint16], out: Float32) -> None:
    """bfloat16 bits → float32, exact."""
    bits = out.view(np.uint32)
    for i in range(source.size):
        bits[i] = np.uint32(source[i]) << np.uint32(16)


@kernel
def encode_bfloat16(source: Float32, out: NDArray[np.uint16]) -> bool:
    """float32 → bfloat16 bits, to nearest even. Returns whether a value is NaN or infinite, before or after."""
    bits = source.view(np.int32)
    largest = np.int32(0)
    for i in range(source.size):
        u = bits[i]
        rounded = np.int32(np.int32(u + np.int32(0x7FFF)) + np.int32(np.int32(u >> np.int32(16)) & np.int32(1)))
        out[i] = np.uint16(np.int32(rounded >> np.int32(16)))
        largest = max(largest, max(np.int32(u & np.int32(0x7F800000)), np.int32(rounded & np.int32(0x7F800000))))
    return largest == np.int32(0x7F800000)


@kernel
def gram(x: Float32, out: Float64) -> None:
    """out[i, j] = Σ x[i]·x[j] for the rows of x [k, n], products and sums in float64."""
    for i in range(x.shape[0]):
        for j in range(i + 1):
            total = 0.0
            for n in range(x.shape[1]):
                total += np.float64(x[i, n]) * np.float64(x[j, n])
            out[i, j] = total
            out[j, i] = total


@kernel
def gram_pair(x: Float32, out: Float64) -> None:
    """`gram` of two rows, each loaded once."""
    aa = 0.0
    ab = 0.0
    bb = 0.0
    for n in range(x.shape[1]):
        a = np.float64(x[0, n])
        b = np.float64(x[1, n])
        aa += a * a
        ab += a * b
        bb += b * b
    out[0, 0] = aa
    out[0, 1] = ab
    out[1, 0] = ab
    out[1, 1] = bb


@kernel
def weighted_sum(x: Float32, weights: Float32, out: Float32) -> None:
    """out = Σ weights[i]·x[i] over the rows of x [k, n]."""
    if x.shape[0] == 1:
        for n in range(x.shape[1]):
            out[n] = weights[0] * x[0, n]
        return
    v, w = weights[0], weights[1]
    for n in range(x.shape[1]):
        out[n] = v * x[0, n] + w * x[1, n]
    for i in range(2, x.shape[0]):
        w = weights[i]
        for n in range(x.shape[1]):
            out[n] += w * x[i, n]


@kernel
def add_deltas(x: Float32, weights: Float32, out: Float32) -> None:
    """out = x[0] + Σ weights[i]·(x[i + 1] − x[0])."""
    for n in range(x.shape[1]):
        out[n] = weights[0] * (x[1, n] - x[0, n])
    for i in range(1, weights.size):
        w = weights[i]
        for n in range(x.shape[1]):
            out[n] += w * (x[i + 1, n] - x[0, n])
    for n in range(x.shape[1]):
        out[n] += x[0, n]


@kernel
def subtract_row(x: Float32, row: Float32) -> None:
    """x[i] −= row, in place."""
    for i in range(x.shape[0]):
        for n in range(x.shape[1]):
            x[i, n] -= row[n]


@kernel
def histogram(keys: NDArray[np.uint32], shift: int, prefix: int, counts: NDArray[np.int64]) -> None:
    """Count bits shift…shift+15 of the keys whose higher bits equal `prefix` (−1: of all keys)."""
    for i in range(keys.size):
        key = np.int64(keys[i])
        if prefix < 0 or (key >> (shift + 16)) == prefix:
            counts[(key >> shift) & 0xFFFF] += 1


@kernel
def count_equal(keys: NDArray[np.uint32], key: int) -> int:
    """How many keys equal `key`."""
    total = 0
    for i in range(keys.size):
        total += np.int64(keys[i]) == key
    return total


@kernel
def keep_between(values: Float32, low: int, high: int) -> None:
    """Zero the values whose magnitude, as its bits, is outside low … high."""
    bits = values.view(np.int32)
    first, last = np.int32(low), np.int32(high)
    for i in range(values.size):
        key = np.int32(bits[i] & np.int32(0x7FFFFFFF))
        inside = (key >= first) & (key <= last)
        bits[i] = bits[i] if inside else np.int32(0)


@kernel
def random_bits(first: int, second: int, start: int, out: NDArray[np.uint32]) -> None:
    """out[i] = 32 random bits of element start + i under the salts `first` and `second`: a hash of its number.

    Two rounds of multiply and shift (the constants are those of a search for low bias by C. Wellons and others).
    """
    a = np.uint32(np.uint32(first) ^ np.uint32(start >> 32))
    b = np.uint32(second)
    low = np.uint32(start & 0xFFFFFFFF)
    for i in range(out.size):
        x = np.uint32(np.uint32(low + np.uint32(i)) ^ a)
        x = np.uint32(np.uint32(x ^ (x >> np.uint32(16))) * np.uint32(0x21F0AAAD))
        x = np.uint32(np.uint32(x ^ (x >> np.uint32(15))) * np.uint32(0xD35A2D97))
        x = np.uint32(np.uint32(x ^ (x >> np.uint32(15))) + b)
        x = np.uint32(np.uint32(x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D))
        x = np.uint32(np.uint32(x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B))
        out[i] = np.uint32(x ^ (x >> np.uint32(16)))


@kernel
def keep_random(values: Float32, bits: NDArray[np.uint32], limit: int, factor: float) -> None:
    """Multiply the values whose random bits are below `limit` by `factor`, and zero the others."""
    most, f, zero = np.uint32(limit), np.float32(factor), np.float32(0.0)
    for i in range(values.size):
        values[i] = values[i] * f if bits[i] < most else zero


@kernel
def keep_some_equal(values: Float32, key: int, keep: int, of: int, bits: NDArray[np.uint32]) -> None:
    """Of the `of` values whose magnitude has the bits `key`, keep `keep` at random and zero the others.

    Selection sampling: each subset of that size is equally likely under random bits.
    """
    magnitude = values.view(np.int32)
    wanted = np.int32(key)
    for i in range(values.size):
        if np.int32(magnitude[i] & np.int32(0x7FFFFFFF)) == wanted and of > 0:
            if np.int64(bits[i]) * of < keep << 32:
                keep -= 1
            else:
                magnitude[i] = np.int32(0)
            of -= 1


@kernel
def average_shared(deltas: Float32, epsilon: float, factors: Float32, out: Float32) -> None:
    """Per element: the mean of the entries above `epsilon`; one alone times its model's factor; else zero (RAM)."""
    zero, least = np.float32(0.0), np.float32(epsilon)
    for n in range(out.size):
        total, alone, count = zero, zero, 0
        for i in range(deltas.shape[0]):
            d = deltas[i, n]
            if not abs(d) <= least:
                total += d
                alone = factors[i] * d
                count += 1
        out[n] = alone if count == 1 else total / np.float32(max(count, 1))


@kernel
def elect_and_merge(
    deltas: Float32, weights: Float32, normalize: bool, scale: float, base: Float32, out: Float32
) -> None:
    """base + scale·Σ wᵢ·δᵢ over the models whose wᵢ·δᵢ has the sign of the whole sum (TIES); a mean of them
    where `normalize`. An element that is zero takes no part."""
    tile, zero, one = 2048, np.float32(0.0), np.float32(1.0)
    total = np.empty(tile, np.float32)
    share = np.empty(tile, np.float32)
    factor = np.float32(scale)
    for start in range(0, out.size, tile):
        merged, origin = out[start : start + tile], base[start : start + tile]
        size = merged.size
        for n in range(size):
            total[n] = zero
            share[n] = zero
            merged[n] = zero
        for i in range(deltas.shape[0]):
            delta, w = deltas[i, start : start + tile], weights[i]
            for n in range(size):
                total[n] += w * delta[n]
        for i in range(deltas.shape[0]):
            delta, w = deltas[i, start : start + tile], weights[i]
            for n in range(size):
                d = w * delta[n]
                agrees = (d if total[n] >= zero else -d) > zero
                merged[n] += d if agrees else zero
                share[n] += w if agrees else zero
        if normalize:
            for n in range(size):
                merged[n] /= share[n] if share[n] != zero else one
        for n in range(size):  # a NaN agrees with nothing; times zero it stays a NaN, so it is not lost
            merged[n] = origin[n] + factor * (merged[n] + total[n] * zero)
