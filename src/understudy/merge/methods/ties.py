"""TIES: trim, elect sign, merge (Yadav et al. 2023, arXiv 2306.01708).

Of each task vector the `density` share with the largest magnitudes is kept (at least one element); at each
position the sign of Σ wᵢ·δᵢ is elected; the mean of the entries of that sign is added to the base. Which of equal
magnitudes at the cut are kept is drawn at random, by the seed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from understudy.merge import kernels
from understudy.merge.block import Block, Float32
from understudy.merge.blocks import Blocks
from understudy.merge.methods.base import Values
from understudy.merge.methods.task_vectors import DENSITY, Sparsify, TaskVectors, rescaled
from understudy.merge.order_statistics import Request, cuts, keep_top, magnitudes
from understudy.merge.random_draws import bits, salt


class Ties(TaskVectors):
    passes = 4

    def __init__(self) -> None:
        super().__init__(
            "ties", "TIES", "https://arxiv.org/abs/2306.01708", consensus=True, normalize=True, more=(DENSITY,)
        )

    def sparsify(self, x: Blocks, p: Values) -> Sparsify | None:
        density = p.weights("density")
        if (density >= 1.0).all():
            return None
        keep = [max(1, int(d * x.size)) if d > 0 else 0 for d in density]
        trimmed = [i for i, d in enumerate(density) if 0.0 < d < 1.0]

        def keys(block: Block) -> NDArray[np.uint32]:
            kernels.subtract_row(block.x[1:], block.x[0])
            return magnitudes(block.x[1:])

        found = dict(zip(trimmed, cuts(x, keys, [Request(i, "top", keep[i]) for i in trimmed]), strict=True))

        salts = {i: salt(x, i) for i in trimmed}

        def sparsify(block: Block, deltas: Float32) -> None:
            for i, delta in enumerate(deltas):
                if i in found:
                    keep_top(delta, found[i], block, bits(x, salts[i], block))
                elif keep[i] == 0:
                    delta[:] = 0.0

        return rescaled(x, sparsify) if p["rescale"] else sparsify
