"""Model Stock: how far to go from the base to the mean of its fine-tunes (Jang et al. 2024, arXiv 2403.19522).

With θ the mean angle between the N differences to the base,

    t = N·cos θ / (1 + (N − 1)·cos θ),   result = t·mean(θᵢ) + (1 − t)·base

`filter_wise: true` takes an angle for each row. Where the denominator vanishes the base is kept.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.merge.block import Block, Combine, Float32
from understudy.merge.blocks import Blocks
from understudy.merge.methods.base import Method, Parameter, Values

TINY = 1e-6


def ratio(products: NDArray[np.float64]) -> Any:
    """t from the products of the differences, [N, N] or, one a row, [N, N, rows]."""
    count = len(products)
    norms = np.sqrt(np.einsum("ii...->i...", products))
    cosines = [
        np.clip(products[i, j] / np.maximum(norms[i] * norms[j], TINY), -1.0, 1.0)
        for i, j in itertools.combinations(range(count), 2)
    ]
    cosine = np.mean(cosines, axis=0)
    below = 1.0 + (count - 1) * cosine
    singular = np.abs(below) < TINY
    return np.where(singular, 0.0, count * cosine / np.where(singular, 1.0, below))


class ModelStock(Method):
    name = "model_stock"
    title = "Model Stock"
    paper = "https://arxiv.org/abs/2403.19522"
    base = "required"
    models = (2, None)
    whole_rows = True
    parameters = (Parameter("filter_wise", bool, False),)

    def prepare(self, x: Blocks, p: Values) -> Combine:
        n = x.n_models
        if not p["filter_wise"]:
            t = float(ratio(x.gram(from_base=True)))
            x.notes["t"] = t
            return x.weighted([t / n] * n, from_base=True)

        def combine(block: Block, out: Float32) -> None:
            rows = block.rows()
            rows[1:] -= rows[0]
            deltas = rows[1:].astype(np.float64)
            t = ratio(np.einsum("irn,jrn->ijr", deltas, deltas)).astype(np.float32)
            out[...] = (rows[0] + t[:, None] * rows[1:].mean(axis=0)).ravel()

        return combine
