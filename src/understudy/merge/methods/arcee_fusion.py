"""Arcee Fusion: take over the changes that matter most, leave the rest as the base has it (Arcee AI, 2024).

    importance = |model − base| · KL( softmax(model row) ‖ softmax(base row) )
    threshold  = median + 1.5·(third − first quartile) of the importance over the tensor
    θ = model where importance ≥ threshold, else base

The quartiles are exact order statistics at ⌊q·(n − 1)⌋, and the divergence is summed in float64: for close
models its terms cancel almost entirely.
"""

from __future__ import annotations

import numpy as np

from understudy.merge.block import Block, Combine, Float32
from understudy.merge.blocks import Blocks
from understudy.merge.methods.base import Method, Values
from understudy.merge.order_statistics import Request, cuts, ordered

TINY = 1e-8


def importance(block: Block) -> Float32:
    """The importance of each element of a block of whole rows."""
    base, model = block.rows().astype(np.float64)
    p, q = _softmax(model) + TINY, _softmax(base) + TINY
    divergence = np.sum(p * np.log(p / q), axis=1, keepdims=True)
    return (np.abs(model - base) * divergence).astype(np.float32).ravel()


def _softmax(
    rows: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    powers = np.exp(rows - rows.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _value(key: int) -> float:
    """The float32 whose `ordered` key this is."""
    bits = key & 0x7FFFFFFF if key >> 31 else ~key & 0xFFFFFFFF
    return float(np.uint32(bits).view(np.float32))


class ArceeFusion(Method):
    name = "arcee_fusion"
    title = "Arcee Fusion"
    paper = "https://arcee.ai"
    base = "required"
    models = (1, 1)
    whole_rows = True
    passes = 6

    def prepare(self, x: Blocks, p: Values) -> Combine:
        ranks = [int(q * (x.size - 1)) + 1 for q in (0.25, 0.5, 0.75)]
        found = cuts(
            x, lambda block: ordered(importance(block))[None], [Request(0, "bottom", r) for r in ranks], divide=False
        )
        first, median, third = (_value(cut.key) for cut in found)
        threshold = np.float32(median + 1.5 * (third - first))

        def combine(block: Block, out: Float32) -> None:
            out[...] = np.where(importance(block) >= threshold, block.x[1], block.x[0])

        return combine
