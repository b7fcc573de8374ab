"""Multi-SLERP: the barycentre of several models on a hypersphere (Goddard 2025, goddard.blog/posts/multislerp).

    uᵢ = xᵢ / ‖xᵢ‖,   m = Σ wᵢ·uᵢ,   result = (Σ wᵢ·‖xᵢ‖) · exp_m̂( Σ wᵢ·(uᵢ − ⟨uᵢ, m̂⟩·m̂) ),   m̂ = m / ‖m‖

The tangent step vanishes: Σ wᵢ·uᵢ − ⟨Σ wᵢ·uᵢ, m̂⟩·m̂ = m − ‖m‖·m̂ = 0. What is left is m̂ with the mean norm, and
it needs no pass over the data besides the products of the inputs. xᵢ are the models, or their differences to
the base where one is named.
"""

from __future__ import annotations

import numpy as np

from understudy.merge.block import Combine
from understudy.merge.blocks import Blocks
from understudy.merge.methods.base import Method, Parameter, Values


class MultiSlerp(Method):
    name = "multislerp"
    title = "Multi-SLERP"
    paper = "https://goddard.blog/posts/multislerp-wow-what-a-cool-idea"
    base = "optional"
    parameters = (
        Parameter("weight", per_model=True),
        Parameter("normalize_weights", bool, True),
        Parameter("eps", default=1e-8, low=0.0),
    )

    def prepare(self, x: Blocks, p: Values) -> Combine:
        w, eps = p.weights(), p["eps"]
        if p["normalize_weights"]:
            w = w / w.sum()
        if len(w) == 1:
            return x.weighted([1.0], from_base=x.has_base)
        products = x.gram(from_base=x.has_base)
        norms = np.sqrt(np.diag(products))
        u = w / (norms + eps)  # m = Σ uᵢ·xᵢ
        length = float(np.sqrt(max(u @ products @ u, 0.0)))
        if length < eps:
            if len(w) > 2:
                raise ValueError("the weighted directions of the models cancel; choose other weights")
            return x.weighted(w, from_base=x.has_base)
        return x.weighted(u * (w @ norms) / length, from_base=x.has_base)
