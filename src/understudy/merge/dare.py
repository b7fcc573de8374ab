"""DARE: drop task-vector entries at random and rescale the rest (Yu et al. 2023, arXiv 2311.03099).

    δ' = δ·m / density,   m ~ Bernoulli(density)

so that δ' is δ in expectation. dare_linear sums the task vectors, dare_ties elects a sign for each element
first (arXiv 2306.01708). `rescale_norm: l1` restores the L1 norm of the whole tensor instead of dividing by
the density: the two agree as tensors grow. `rescale: false` leaves the rest as it is.
"""

from __future__ import annotations

import numpy as np

from understudy.merge.base import Block, Float32, Parameter, Values
from understudy.merge.blocks import Blocks
from understudy.merge.random_draws import below, uniform
from understudy.merge.task_vectors import TaskVectors, Thin, rescaled

RESCALE_NORM = Parameter("rescale_norm", str, "expectation", choices=("expectation", "l1"))


class Dare(TaskVectors):
    passes = 2

    def thin(self, x: Blocks, p: Values) -> Thin | None:
        density = p.weights("density")
        if (density >= 1.0).all():
            return None
        by_expectation = p["rescale"] and p["rescale_norm"] == "expectation"

        def thin(block: Block, deltas: Float32) -> None:
            for i, (delta, d) in enumerate(zip(deltas, density, strict=True)):
                if d < 1.0:
                    delta[uniform(x, i, block) >= below(d)] = 0.0
                    if by_expectation and d > 0.0:
                        delta *= np.float32(1.0 / d)

        return rescaled(x, thin) if p["rescale"] and not by_expectation else thin


_MORE = (Parameter("density", default=1.0, per_model=True, low=0.0, high=1.0), RESCALE_NORM)
_PAPER = "https://arxiv.org/abs/2311.03099"
METHODS = (
    Dare("dare_linear", "Linear DARE", _PAPER, consensus=False, rescale=True, more=_MORE),
    Dare("dare_ties", "DARE TIES", _PAPER, consensus=True, rescale=True, more=_MORE),
)
