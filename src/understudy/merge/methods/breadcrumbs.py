"""Model Breadcrumbs: leave out the largest changes as outliers and the smallest as noise (Davari & Belilovsky
2023, arXiv 2312.06795).

In ascending order of magnitude, n entries of a task vector: the last γ·n are dropped, and as many of the first
as leave density·n. Where γ + density > 1, fewer outliers are dropped, so that density·n entries remain. The sum
of what is left is added to the base; breadcrumbs_ties elects a sign for each element first (arXiv 2306.01708).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from understudy.merge import kernels
from understudy.merge.block import Block, Float32
from understudy.merge.blocks import Blocks
from understudy.merge.methods.base import Parameter, Values
from understudy.merge.methods.task_vectors import DENSITY, Sparsify, TaskVectors, rescaled
from understudy.merge.order_statistics import Request, cuts, keep_window, magnitudes
from understudy.merge.random_draws import bits, salt


class Breadcrumbs(TaskVectors):
    passes = 4

    def __init__(self, *, consensus: bool) -> None:
        super().__init__(
            "breadcrumbs_ties" if consensus else "breadcrumbs",
            "Model Breadcrumbs with TIES" if consensus else "Model Breadcrumbs",
            "https://arxiv.org/abs/2312.06795",
            consensus=consensus,
            more=(DENSITY, Parameter("gamma", default=0.01, per_model=True, low=0.0, high=1.0)),
        )

    def sparsify(self, x: Blocks, p: Values) -> Sparsify | None:
        density, gamma = p.weights("density"), p.weights("gamma")
        if (density >= 1.0).all():
            return None
        windows: dict[int, tuple[int, int]] = {}  # model → the ranks [first, last) it keeps
        for i, (d, g) in enumerate(zip(density, gamma, strict=True)):
            if d < 1.0:
                kept = int(d * x.size)
                first = max(0, x.size - kept - int(g * x.size))
                windows[i] = (first, first + kept)

        def keys(block: Block) -> NDArray[np.uint32]:
            kernels.subtract_row(block.x[1:], block.x[0])
            return magnitudes(block.x[1:])

        wanted = [Request(i, "bottom", rank) for i, window in windows.items() for rank in window if 0 < rank < x.size]
        found = {(r.row, r.count): cut for r, cut in zip(wanted, cuts(x, keys, wanted), strict=True)}

        salts = {i: salt(x, i) for i in windows}

        def sparsify(block: Block, deltas: Float32) -> None:
            for i, (first, last) in windows.items():
                if first == last:
                    deltas[i] = 0.0
                else:
                    keep_window(deltas[i], found.get((i, first)), found.get((i, last)), block, bits(x, salts[i], block))

        return rescaled(x, sparsify) if p["rescale"] else sparsify
