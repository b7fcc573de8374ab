"""DARE: drop task-vector entries at random and rescale the rest (Yu et al. 2023, arXiv 2311.03099).

    δ' = δ·m / density,   m ~ Bernoulli(density)

so that δ' is δ in expectation. dare_linear sums the task vectors, dare_ties elects a sign for each element
first (arXiv 2306.01708). `rescale_norm: l1` restores the L1 norm of the whole tensor instead of dividing by
the density: the two agree as tensors grow. `rescale: false` leaves the rest as it is.
"""

from __future__ import annotations

from understudy.merge import kernels
from understudy.merge.block import Block, Float32
from understudy.merge.blocks import Blocks
from understudy.merge.methods.base import Parameter, Values
from understudy.merge.methods.task_vectors import DENSITY, Sparsify, TaskVectors, rescaled
from understudy.merge.random_draws import below, bits, salt

RESCALE_NORM = Parameter("rescale_norm", str, "expectation", choices=("expectation", "l1"))


class Dare(TaskVectors):
    passes = 1

    def __init__(self, *, consensus: bool) -> None:
        super().__init__(
            "dare_ties" if consensus else "dare_linear",
            "DARE TIES" if consensus else "Linear DARE",
            "https://arxiv.org/abs/2311.03099",
            consensus=consensus,
            rescale=True,
            more=(DENSITY, RESCALE_NORM),
        )

    def sparsify(self, x: Blocks, p: Values) -> Sparsify | None:
        density = p.weights("density")
        if (density >= 1.0).all():
            return None
        by_expectation = p["rescale"] and p["rescale_norm"] == "expectation"
        salts = [salt(x, model) for model in range(len(density))]

        def sparsify(block: Block, deltas: Float32) -> None:
            for delta, d, salted in zip(deltas, density, salts, strict=True):
                if d < 1.0:
                    factor = 1.0 / d if by_expectation and d > 0.0 else 1.0
                    kernels.keep_random(delta, bits(x, salted, block), below(d), factor)

        return rescaled(x, sparsify) if p["rescale"] and not by_expectation else sparsify
