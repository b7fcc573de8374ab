"""DELLA: drop at random, small entries more often than large ones (Deep et al. 2024, arXiv 2406.11617).

Within each row the entries are ranked by magnitude; an entry of rank r among n is kept with probability

    pᵣ = (density − ε) + 2ε·r / (n − 1),   r = 0 … n − 1

and divided by pᵣ, so that the task vector is unchanged in expectation. della elects signs as TIES does,
della_linear sums. `rescale_norm: l1` restores the tensor's L1 norm by one factor for all entries instead,
which favours large entries twice.
"""

from __future__ import annotations

import numpy as np

from understudy.merge.block import Block, Float32
from understudy.merge.blocks import Blocks
from understudy.merge.methods.base import Parameter, Values
from understudy.merge.methods.dare import RESCALE_NORM
from understudy.merge.methods.task_vectors import DENSITY, Sparsify, TaskVectors, rescaled
from understudy.merge.random_draws import bits, salt


def probabilities(rows: Float32, density: float, epsilon: float) -> Float32:
    """The probability of each entry of [rows, n] to be kept; equal magnitudes rank by position."""
    n = rows.shape[1]
    order = np.argsort(np.abs(rows), axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(n)[None, :], axis=1)
    return ((density - epsilon) + ranks * (2.0 * epsilon / max(n - 1, 1))).astype(np.float32)


class Della(TaskVectors):
    whole_rows = True

    def __init__(self, *, consensus: bool) -> None:
        super().__init__(
            "della" if consensus else "della_linear",
            "DELLA" if consensus else "Linear DELLA",
            "https://arxiv.org/abs/2406.11617",
            consensus=consensus,
            normalize=consensus,
            rescale=True,
            more=(DENSITY, Parameter("epsilon", default=0.15, per_model=True, low=0.0, high=0.5), RESCALE_NORM),
        )

    def sparsify(self, x: Blocks, p: Values) -> Sparsify | None:
        density, epsilon = p.weights("density"), p.weights("epsilon")
        if (density >= 1.0).all():
            return None
        for d, e in zip(density, epsilon, strict=True):
            if 0.0 < d < 1.0 and not (d - e > 0.0 and d + e < 1.0):
                raise ValueError(f"density {d} ± epsilon {e} leaves 0 … 1; choose a smaller epsilon")
        salts = [salt(x, model) for model in range(len(density))]
        by_expectation = p["rescale"] and p["rescale_norm"] == "expectation"

        def sparsify(block: Block, deltas: Float32) -> None:
            for i, delta in enumerate(deltas):
                if density[i] <= 0.0:
                    delta[:] = 0.0
                elif density[i] < 1.0:
                    chance = probabilities(delta.reshape(-1, block.row_length), density[i], epsilon[i]).ravel()
                    draws = bits(x, salts[i], block).astype(np.float32) * np.float32(2.0**-32)
                    if by_expectation:
                        delta /= chance
                    delta[draws >= chance] = 0.0

        return rescaled(x, sparsify) if p["rescale"] and not by_expectation else sparsify
