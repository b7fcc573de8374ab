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
from understudy.merge.base import Block, Float32, Parameter, Values
from understudy.merge.blocks import Blocks
from understudy.merge.select import Request, cuts, keep_window, magnitudes
from understudy.merge.task_vectors import TaskVectors, Thin, rescaled


class Breadcrumbs(TaskVectors):
    passes = 4

    def thin(self, x: Blocks, p: Values) -> Thin | None:
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

        def thin(block: Block, deltas: Float32) -> None:
            for i, (first, last) in windows.items():
                if first == last:
                    deltas[i] = 0.0
                else:
                    keep_window(deltas[i], found.get((i, first)), found.get((i, last)), block.index)

        return rescaled(x, thin) if p["rescale"] else thin


_MORE = (
    Parameter("density", default=1.0, per_model=True, low=0.0, high=1.0),
    Parameter("gamma", default=0.01, per_model=True, low=0.0, high=1.0),
)
_PAPER = "https://arxiv.org/abs/2312.06795"
METHODS = (
    Breadcrumbs("breadcrumbs", "Model Breadcrumbs", _PAPER, consensus=False, more=_MORE),
    Breadcrumbs("breadcrumbs_ties", "Model Breadcrumbs with TIES", _PAPER, consensus=True, more=_MORE),
)
