"""TIES: trim, elect sign, merge (Yadav et al. 2023, arXiv 2306.01708).

Of each task vector the `density` share with the largest magnitudes is kept (at least one element); at each
position the sign of Σ wᵢ·δᵢ is elected; the mean of the entries of that sign is added to the base. Among equal
magnitudes at the cut, those that come first in the tensor are kept.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from understudy.merge import kernels
from understudy.merge.base import Block, Float32, Parameter, Values
from understudy.merge.blocks import Blocks
from understudy.merge.select import Request, cuts, keep_top, magnitudes
from understudy.merge.task_vectors import TaskVectors, Thin, rescaled


class Ties(TaskVectors):
    passes = 4

    def thin(self, x: Blocks, p: Values) -> Thin | None:
        density = p.weights("density")
        if (density >= 1.0).all():
            return None
        keep = [max(1, int(d * x.size)) if d > 0 else 0 for d in density]
        trimmed = [i for i, d in enumerate(density) if 0.0 < d < 1.0]

        def keys(block: Block) -> NDArray[np.uint32]:
            kernels.subtract_row(block.x[1:], block.x[0])
            return magnitudes(block.x[1:])

        found = dict(zip(trimmed, cuts(x, keys, [Request(i, "top", keep[i]) for i in trimmed]), strict=True))

        def thin(block: Block, deltas: Float32) -> None:
            for i, delta in enumerate(deltas):
                if i in found:
                    keep_top(delta, found[i], block.index)
                elif keep[i] == 0:
                    delta[:] = 0.0

        return rescaled(x, thin) if p["rescale"] else thin


METHODS = (
    Ties(
        "ties", "TIES", "https://arxiv.org/abs/2306.01708", consensus=True, normalize=True,
        more=(Parameter("density", default=1.0, per_model=True, low=0.0, high=1.0),),
    ),
)  # fmt: skip
