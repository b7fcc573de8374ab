"""RAM: average what several fine-tunes changed, keep what one alone changed (Yuan et al. 2026, arXiv 2601.13572).

Fine-tunes by reinforcement learning change few entries, and each its own. An entry of a task vector is active where
|δ| > ε; an active entry is shared where another model's is active too, else it is unique:

    θ = base + mean of the active δ (shared)   or   base + λᵢ·δᵢ (unique to model i)

`ram` takes λᵢ = 1. `ramplus_tl` makes up for what averaging takes from models whose changes are mostly shared, with
the number of shared and unique entries of this tensor:  λᵢ = 1 + r·clip(sharedᵢ / uniqueᵢ, 0, α).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from understudy.merge import kernels
from understudy.merge.block import Block, Combine, Float32
from understudy.merge.blocks import Blocks
from understudy.merge.methods.base import Method, Parameter, Values

EPSILON = Parameter("epsilon", default=1e-5, low=0.0)


class Ram(Method):
    name = "ram"
    title = "Reinforced Agent Merging"
    paper = "https://arxiv.org/abs/2601.13572"
    base = "required"
    passes = 1
    parameters: tuple[Parameter, ...] = (EPSILON,)

    def factors(self, x: Blocks, p: Values) -> NDArray[np.float64]:
        """λᵢ of each model."""
        return np.ones(x.n_models)

    def prepare(self, x: Blocks, p: Values) -> Combine:
        factors = self.factors(x, p).astype(np.float32)

        def combine(block: Block, out: Float32) -> None:
            base, deltas = block.x[0], block.x[1:]
            kernels.subtract_row(deltas, base)
            kernels.average_shared(deltas, p["epsilon"], factors, out)
            out += base

        return combine


class RamPlus(Ram):
    name = "ramplus_tl"
    title = "Reinforced Agent Merging Plus, by tensor"
    passes = 2
    parameters = (Parameter("r", default=0.1), Parameter("alpha", default=0.2, low=0.0), EPSILON)

    def factors(self, x: Blocks, p: Values) -> NDArray[np.float64]:
        def counts(block: Block) -> NDArray[np.int64]:
            kernels.subtract_row(block.x[1:], block.x[0])
            active = np.abs(block.x[1:]) > np.float32(p["epsilon"])
            alone = active.sum(axis=0) == 1
            return np.stack([(active & ~alone).sum(axis=1), (active & alone).sum(axis=1)])

        shared, unique = x.sum(counts)
        ratio = np.divide(shared, unique, out=np.full(x.n_models, np.inf), where=unique > 0)
        return 1.0 + p["r"] * np.clip(ratio, 0.0, p["alpha"])
