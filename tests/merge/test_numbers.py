"""Kernels and order statistics against numpy."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.merge import blocks as blocks_module
from understudy.merge import kernels
from understudy.merge.blocks import Blocks, Workers
from understudy.merge.order_statistics import Request, cuts, keep_top, keep_window, magnitudes, ordered
from understudy.merge.random_draws import bits, salt
from understudy.merge.sources import decode, encode


class _Array:
    def __init__(self, values: np.ndarray[Any, Any]) -> None:
        self._values, self.shape = values, values.shape

    def read(self, start: int, stop: int, out: np.ndarray[Any, Any]) -> None:
        out[...] = self._values.ravel()[start:stop]

    def fetch(self) -> None: ...

    def release(self) -> None: ...

    def nbytes(self) -> int:
        return int(self._values.nbytes)


def test_bfloat16_decodes_exactly_and_encodes_to_nearest_even(maker: ModuleType) -> None:
    every = np.arange(1 << 16, dtype=np.uint16)
    values = np.empty(every.size, np.float32)
    decode(every, "BF16", values)
    assert np.array_equal(values.view(np.uint32), every.astype(np.uint32) << 16)
    finite = every[np.isfinite(values)]
    out = np.empty_like(finite)
    assert not encode(values[np.isfinite(values)], "BF16", out)
    assert np.array_equal(out, finite)
    between = np.random.default_rng(0).integers(0, 1 << 32, 200_000, dtype=np.uint64).astype(np.uint32).view(np.float32)
    between = between[np.isfinite(between) & (np.abs(between) < 3e38)]
    out = np.empty(between.size, np.uint16)
    assert not encode(between, "BF16", out)
    assert np.array_equal(out, maker.to_bfloat16(between))


@pytest.mark.parametrize("bad", [0x7FFFFFFF, 0x7FC00000, 0x7F800001, 0xFFFFFFFF, 0x7F800000, 0xFF800000, 0x7F7FFFFF])
def test_values_without_a_bfloat16_are_reported_and_stay_what_they_are(bad: int) -> None:
    values = np.zeros(100, np.float32)
    values.view(np.uint32)[37] = bad
    assert encode(values, "BF16", np.empty(100, np.uint16))


def test_float16_overflow_is_reported() -> None:
    values = np.array([1.0, 70000.0], np.float32)
    assert encode(values, "F16", np.empty(2, np.float16))
    assert not encode(values, "F32", np.empty(2, np.float32))


def test_unaligned_bfloat16_is_read(maker: ModuleType) -> None:
    raw = b"x" + maker.to_bfloat16(np.arange(9, dtype=np.float32)).tobytes()
    out = np.empty(9, np.float32)
    decode(np.frombuffer(raw, "<u2", 9, 1), "BF16", out)
    assert np.array_equal(out, np.arange(9))


@pytest.mark.parametrize("rows", [1, 2, 3, 5])
def test_products_and_sums(rows: int) -> None:
    x = np.random.default_rng(rows).standard_normal((rows, 5000)).astype(np.float32)
    w = np.linspace(-1, 2, rows).astype(np.float32)
    found = np.empty((rows, rows))
    (kernels.gram_pair if rows == 2 else kernels.gram)(x, found)
    assert np.allclose(found, x.astype(np.float64) @ x.T.astype(np.float64), rtol=1e-12)
    out = np.empty(5000, np.float32)
    kernels.weighted_sum(x, w, out)
    assert np.allclose(out, w @ x, atol=1e-5)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([1, 2, 7, 40]), st.integers(1, 300), st.booleans())
def test_cuts_keep_the_wanted_number_and_magnitudes(seed: int, distinct: int, size: int, signed: bool) -> None:
    generator = np.random.default_rng(seed)
    pool = generator.standard_normal(distinct).astype(np.float32)
    values = generator.choice(pool, size) if distinct < 40 else generator.standard_normal(size).astype(np.float32)
    key = values.astype(np.float64) if signed else np.abs(values).astype(np.float64)
    number = int(generator.integers(1, size + 1))
    low, high = sorted(generator.integers(0, size + 1, 2).tolist())

    def keys(block: Any) -> Any:
        return ordered(block.x[0])[None] if signed else magnitudes(block.x)

    original = blocks_module.BLOCK
    blocks_module.BLOCK = 13  # several blocks of a small tensor
    try:
        with Workers(2) as workers:
            x = Blocks("t", [_Array(values)], workers)
            requests = [Request(0, "top", number), *(Request(0, "bottom", r) for r in (low, high) if r)]
            found = cuts(x, keys, requests)
            ascending = np.sort(key)
            assert _value(found[0].key, signed) == ascending[::-1][number - 1]
            if signed:
                return
            bottom = dict(zip([r.count for r in requests[1:]], found[1:], strict=True))
            top_kept, window = values.copy(), values.copy()
            for i in range(x.count):
                start, stop = x.span(i)
                block, random = x.load(i), generator.integers(0, 2**32, stop - start, dtype=np.uint32)
                keep_top(top_kept[start:stop], found[0], block, random)
                keep_window(window[start:stop], bottom.get(low), bottom.get(high), block, random)
    finally:
        blocks_module.BLOCK = original
    cases = [(top_kept, ascending[size - number :]), *([(window, ascending[low:high])] if low < high else [])]
    for kept, wanted in cases:
        assert np.array_equal(np.sort(np.abs(kept)), np.sort(np.concatenate([wanted, np.zeros(size - len(wanted))])))
        assert np.array_equal(kept[kept != 0], values[kept != 0])


def test_of_equal_values_a_random_part_is_kept_everywhere() -> None:
    values = np.ones(200_000, np.float32)
    with Workers(1) as workers:
        x = Blocks("t", [_Array(values)], workers)
        (cut,) = cuts(x, lambda block: magnitudes(block.x), [Request(0, "top", 60_000)])
        kept = []
        for model in range(2):
            mine = values.copy()
            for i in range(x.count):
                block = x.load(i)
                keep_top(mine[slice(*x.span(i))], cut, block, bits(x, salt(x, model), block))
            kept.append(mine > 0)
    for mine in kept:
        assert mine.sum() == 60_000
        parts = mine.reshape(100, 2000).mean(axis=1)
        assert np.abs(parts - 0.3).max() < 5 * np.sqrt(0.21 / 2000)
    assert abs((kept[0] & kept[1]).mean() - 0.09) < 0.004  # two models draw apart from one another


def test_random_bits_are_uniform_and_free_of_patterns() -> None:
    n = 1 << 20
    draws = [np.empty(n, np.uint32) for _ in range(3)]
    for out, salted in zip(draws, ((1, 2), (1, 3), (77, 2)), strict=True):
        kernels.random_bits(*salted, 12345, out)
    unit = [d.astype(np.float64) / 2**32 - 0.5 for d in draws]
    limit = 5 / np.sqrt(n)
    for u in unit:
        assert abs(u.mean()) < limit * 0.2887
        assert abs(12 * np.mean(u[:-1] * u[1:])) < limit
        assert abs(12 * np.mean(u[:-64] * u[64:])) < limit
    assert abs(12 * np.mean(unit[0] * unit[1])) < limit
    assert abs(12 * np.mean(unit[0] * unit[2])) < limit
    single = (draws[0][:, None] >> np.arange(32, dtype=np.uint32)) & 1
    assert np.abs(single.mean(axis=0) - 0.5).max() < limit
    part = np.empty(1000, np.uint32)
    kernels.random_bits(1, 2, 12345 + 500, part)
    assert np.array_equal(part, draws[0][500:1500])


def _value(key: int, signed: bool) -> float:
    bits = key if not signed else key & 0x7FFFFFFF if key >> 31 else ~key & 0xFFFFFFFF
    return float(np.uint32(bits).view(np.float32))


def test_workers_keep_order_and_pass_errors_on() -> None:
    with Workers(3) as workers:
        assert workers.map(lambda i: i * i, 50) == [i * i for i in range(50)]

        def fail(i: int) -> None:
            if i == 17:
                raise ValueError("seventeen")

        with pytest.raises(ValueError, match="seventeen"):
            workers.map(fail, 100)
