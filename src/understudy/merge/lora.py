"""Low-rank changes to a tensor: W + scale·B·A, made row by row as it is read (Hu et al., arXiv 2106.09685).

The sum is never rounded to the base's dtype and never stored. scale is lora_alpha / r, or lora_alpha / √r with
rank-stabilised LoRA (arXiv 2312.03732).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from understudy.merge.block import Float32
from understudy.merge.sources import Stored


@dataclass(frozen=True)
class LowRank:
    """A change up·down to a tensor [rows, width]: up [rows, r], down [r, width], scale included in `up`."""

    up: Float32
    down: Float32


class Adapted(Stored):
    """A base tensor with an adapter's change added as it is read."""

    def __init__(self, base: Stored, change: LowRank) -> None:
        self.__dict__.update(base.__dict__)
        self._change = change
        self._width = change.down.shape[1]

    def read(self, start: int, stop: int, out: Float32) -> None:
        super().read(start, stop, out)
        first, last = start // self._width, stop // self._width
        out.reshape(-1, self._width)[...] += self._change.up[first:last] @ self._change.down

    def rows(self, numbers: NDArray[np.int64]) -> Float32:
        return super().rows(numbers) + self._change.up[numbers] @ self._change.down
