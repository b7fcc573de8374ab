"""Karcher: the Riemannian mean of the models' directions on the sphere (Karcher 1977; for models arXiv 2603.04972).

The mean m of the unit vectors uᵢ solves Σ log_m(uᵢ) = 0; from the Euclidean mean it is found by

    v = Σ αᵢ · θᵢ / sin θᵢ · (uᵢ − cos θᵢ · m),   cos θᵢ = ⟨uᵢ, m⟩,   m ← cos‖v‖ · m + sin‖v‖ · v / ‖v‖

All these vectors are combinations of the inputs: the iteration runs on their coefficients, with the products
⟨xᵢ, xⱼ⟩ from a single pass, and the length of the result is the mean length of the inputs.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from understudy.merge.block import Combine
from understudy.merge.blocks import Blocks
from understudy.merge.methods.base import Method, Parameter, Values


def mean_direction(products: NDArray[np.float64], max_iter: int, tol: float) -> NDArray[np.float64]:
    """Coefficients, in the unit vectors whose products are given, of their Karcher mean."""
    count = len(products)
    alpha = np.full(count, 1.0 / count)

    def length(c: NDArray[np.float64]) -> float:
        return math.sqrt(max(float(c @ products @ c), 0.0))

    m = alpha.copy()
    m = np.eye(count)[0] if length(m) < tol else m / length(m)
    for _ in range(max_iter):
        cosines = np.clip(products @ m, -1.0, 1.0)
        theta = np.arccos(cosines)
        v = np.zeros(count)
        for i in np.flatnonzero(theta >= tol):
            v += alpha[i] * theta[i] / np.sin(theta[i]) * (np.eye(count)[i] - cosines[i] * m)
        step = length(v)
        if step < tol:
            break
        m = np.cos(step) * m + np.sin(step) / step * v
        m = m / length(m)
    return m


class Karcher(Method):
    name = "karcher"
    title = "Karcher mean"
    paper = "https://arxiv.org/abs/2603.04972"
    parameters = (Parameter("max_iter", int, 10, low=1), Parameter("tol", default=1e-5, low=0.0))

    def prepare(self, x: Blocks, p: Values) -> Combine:
        products = x.gram()
        norms = np.sqrt(np.diag(products))
        valid = np.flatnonzero(norms > p["tol"])  # a zero tensor has no direction; its length counts
        weights = np.zeros(len(norms))
        if len(valid):
            units = products[np.ix_(valid, valid)] / np.outer(norms[valid], norms[valid])
            weights[valid] = mean_direction(units, p["max_iter"], p["tol"]) / norms[valid] * norms.mean()
        return x.weighted(weights)
