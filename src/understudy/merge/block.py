"""A block: a run of elements of one tensor from every input, which is what a merge method works on.

Rows: where the method uses a base model, row 0 of a block is the base and rows 1… are the models in the order of the
configuration; otherwise all rows are models.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Block:
    """A run of elements of one tensor, from every input.

    x: float32 [inputs, n]; the method may overwrite it.
    start: index of the first element in the flattened tensor. index: number of the block.
    row_length: length of the tensor's last axis; with `whole_rows` n is a multiple of it.
    """

    x: Float32
    index: int
    start: int
    row_length: int

    def rows(self) -> Float32:
        """The block as [inputs, rows, row_length]; for methods with `whole_rows`."""
        return self.x.reshape(self.x.shape[0], -1, self.row_length)


Combine = Callable[[Block, Float32], None]  # (block, out [n]): write the merged elements into out
