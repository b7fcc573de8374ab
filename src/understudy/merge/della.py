"""DELLA: drop at random, small entries more often than large ones (Deep et al. 2024, arXiv 2406.11617).

Within each row the entries are ranked by magnitude; an entry of rank r among n is kept with probability

    pᵣ = (density − ε) + 2ε·r / (n − 1),   r = 0 … n − 1

and divided by pᵣ, so that the task vector is unchanged in expectation. della elects signs as TIES does,
della_linear sums. `rescale_norm: l1` restores the tensor's L1 norm by one factor for all entries instead,
which favours large entries twice.
"""

from __future__ import annotations

import numpy as np

from understudy.merge.base import Block, Float32, Parameter, Values
from understudy.merge.blocks import Blocks
from understudy.merge.dare import RESCALE_NORM
from understudy.merge.random_draws import uniform
from understudy.merge.task_vectors import TaskVectors, Thin, rescaled


def probabilities(rows: Float32, density: float, epsilon: float) -> Float32:
    """The probability of each entry of [rows, n] to be kept; equal magnitudes rank by position."""
    n = rows.shape[1]
    order = np.argsort(np.abs(rows), axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(n)[None, :], axis=1)
    return ((density - epsilon) + ranks * (2.0 * epsilon / max(n - 1, 1))).astype(np.float32)


class Della(TaskVectors):
    whole_rows = True

    def thin(self, x: Blocks, p: Values) -> Thin | None:
        density, epsilon = p.weights("density"), p.weights("epsilon")
        if (density >= 1.0).all():
            return None
        for d, e in zip(density, epsilon, strict=True):
            if 0.0 < d < 1.0 and not (d - e > 0.0 and d + e < 1.0):
                raise ValueError(f"density {d} ± epsilon {e} leaves 0 … 1; choose a smaller epsilon")
        by_expectation = p["rescale"] and p["rescale_norm"] == "expectation"

        def thin(block: Block, deltas: Float32) -> None:
            for i, delta in enumerate(deltas):
                if density[i] <= 0.0:
                    delta[:] = 0.0
                elif density[i] < 1.0:
                    chance = probabilities(delta.reshape(-1, block.row_length), density[i], epsilon[i]).ravel()
                    draws = uniform(x, i, block).astype(np.float32) * np.float32(2.0**-32)
                    if by_expectation:
                        delta /= chance
                    delta[draws >= chance] = 0.0

        return rescaled(x, thin) if p["rescale"] and not by_expectation else thin


_MORE = (
    Parameter("density", default=1.0, per_model=True, low=0.0, high=1.0),
    Parameter("epsilon", default=0.15, per_model=True, low=0.0, high=0.5),
    RESCALE_NORM,
)
_PAPER = "https://arxiv.org/abs/2406.11617"
METHODS = (
    Della("della", "DELLA", _PAPER, consensus=True, normalize=True, rescale=True, more=_MORE),
    Della("della_linear", "Linear DELLA", _PAPER, consensus=False, rescale=True, more=_MORE),
)
