"""What the methods on task vectors share: δᵢ = θᵢ − base, sparsified, weighed, summed and added to the base.

    θ = base + λ·Σ wᵢ·δᵢ'                           (`normalize`: divided by Σ wᵢ)
    θ = base + λ·Σ over the models that agree with the elected sign        (TIES, arXiv 2306.01708)

A method is this with its own way to sparsify.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.merge import kernels
from understudy.merge.block import Block, Combine, Float32
from understudy.merge.blocks import Blocks
from understudy.merge.methods.base import Method, Parameter, Values

DENSITY = Parameter("density", default=1.0, per_model=True, low=0.0, full=1.0)
Sparsify = Callable[[Block, Float32], None]  # (block, deltas [models, n]): sparsify the deltas in place


class TaskVectors(Method):
    """consensus: elect a sign for each element. normalize, rescale: defaults of the parameters of that name."""

    base = "required"
    passes = 3

    def __init__(
        self,
        name: str,
        title: str,
        paper: str,
        *,
        consensus: bool,
        normalize: bool = False,
        rescale: bool = False,
        more: tuple[Parameter, ...] = (),
    ) -> None:
        self.name, self.title, self.paper, self.consensus = name, title, paper, consensus
        self.parameters = (
            Parameter("weight", per_model=True),
            Parameter("lambda", default=1.0),
            Parameter("normalize", bool, normalize),
            Parameter("rescale", bool, rescale),
            *more,
        )

    @abstractmethod
    def sparsify(self, x: Blocks, p: Values) -> Sparsify | None:
        """Make the passes that sparsifying needs; None where every entry stays."""

    def prepare(self, x: Blocks, p: Values) -> Combine:
        w, sparsify = p.weights(), self.sparsify(x, p)
        scale = float(p["lambda"])
        if not self.consensus:
            if p["normalize"] and abs(w.sum()) >= 1e-8:
                w = w / w.sum()
            if sparsify is None:
                return x.weighted(w * scale, from_base=True)
        weights = w.astype(np.float32)

        def combine(block: Block, out: Float32) -> None:
            base, deltas = block.x[0], block.x[1:]
            kernels.subtract_row(deltas, base)
            if sparsify is not None:
                sparsify(block, deltas)
            if self.consensus:
                kernels.elect_and_merge(deltas, weights, p["normalize"], scale, base, out)
            else:
                kernels.weighted_sum(deltas, weights, out)
                out *= np.float32(scale)
                out += base

        return combine


def rescaled(x: Blocks, sparsify: Sparsify) -> Sparsify:
    """Sparsifying that gives every task vector its L1 norm back: one more pass."""

    def norms(block: Block) -> NDArray[Any]:
        deltas = block.x[1:]
        kernels.subtract_row(deltas, block.x[0])
        before = np.sum(np.abs(deltas), axis=1, dtype=np.float64)
        sparsify(block, deltas)
        return np.stack([before, np.sum(np.abs(deltas), axis=1, dtype=np.float64)])

    before, after = x.sum(norms)
    factor = np.where((before < 1e-7) | (after < 1e-7), 1.0, before / np.maximum(after, 1e-7)).astype(np.float32)

    def sparsify_and_scale(block: Block, deltas: Float32) -> None:
        sparsify(block, deltas)
        deltas *= factor[:, None]

    return sparsify_and_scale
