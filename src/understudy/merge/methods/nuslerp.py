"""NuSLERP: SLERP with weights instead of t, on the models or on their differences to a base.

With weights w₁, w₂ and t = w₂ / (w₁ + w₂), the SLERP of a = θ₁ and b = θ₂, or, where a base is named,

    θ = base + slerp(t; θ₁ − base, θ₂ − base)

`nuslerp_flatten: false` takes an angle for each row (`nuslerp_row_wise: false`, the last axis) or each column
(`nuslerp_row_wise: true`, the first axis) instead of one for the tensor. The straight line is taken only where
the vectors are parallel to working precision. Formula: Shoemake 1985, doi 10.1145/325165.325242.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.merge.block import Block, Combine, Float32
from understudy.merge.blocks import Blocks
from understudy.merge.methods.base import Method, Parameter, Values

PARALLEL = 1e-16  # on 1 − cos²
TINY = 1e-7


def coefficients(t: float, aa: Any, ab: Any, bb: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights of a and b from their products, for one pair or for arrays of pairs."""
    norms = np.maximum(np.sqrt(aa), TINY) * np.maximum(np.sqrt(bb), TINY)
    cosine = np.clip(ab / norms, -1.0, 1.0)
    parallel = 1.0 - cosine**2 <= PARALLEL
    theta = np.arccos(np.where(parallel, 0.0, cosine))
    sine = np.sin(theta)
    return (
        np.where(parallel, 1.0 - t, np.sin((1.0 - t) * theta) / sine),
        np.where(parallel, t, np.sin(t * theta) / sine),
    )


class NuSlerp(Method):
    name = "nuslerp"
    title = "NuSLERP"
    paper = "https://doi.org/10.1145/325165.325242"
    base = "optional"
    models = (2, 2)
    whole_rows = True
    parameters = (
        Parameter("weight", per_model=True),
        Parameter("nuslerp_flatten", bool, True),
        Parameter("nuslerp_row_wise", bool, False),
    )

    def prepare(self, x: Blocks, p: Values) -> Combine:
        w = p.weights()
        t = 0.5 if abs(w.sum()) < 1e-6 else float(w[1] / w.sum())
        if p["nuslerp_flatten"]:
            (aa, ab), (_, bb) = x.gram(from_base=x.has_base).tolist()
            return x.weighted([float(c) for c in coefficients(t, aa, ab, bb)], from_base=x.has_base)
        axis = 1 if len(x.shape) > 1 and p["nuslerp_row_wise"] else 2

        def vectors(block: Block) -> tuple[Float32, Float32]:
            rows = block.rows()
            if x.has_base:
                rows[1:] -= rows[0]
            return rows[-2], rows[-1]

        def products(block: Block, along: int) -> NDArray[np.float64]:
            a, b = (v.astype(np.float64) for v in vectors(block))
            return np.stack([(u * v).sum(axis=along - 1, keepdims=True) for u, v in ((a, a), (a, b), (b, b))])

        columns = x.sum(lambda block: products(block, 1)) if axis == 1 else None

        def combine(block: Block, out: Float32) -> None:
            aa, ab, bb = products(block, 2) if columns is None else columns
            a, b = vectors(block) if columns is not None else block.rows()[-2:]
            ca, cb = coefficients(t, aa, ab, bb)
            merged = ca.astype(np.float32) * a + cb.astype(np.float32) * b
            out[...] = (merged + block.rows()[0] if x.has_base else merged).ravel()

        return combine
