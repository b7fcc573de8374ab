"""Linear: the weighted mean of the models (model soups, Wortsman et al. 2022, arXiv 2203.05482).

θ = Σ wᵢ·θᵢ / Σ wᵢ        (`normalize: false` leaves the division out)
"""

from __future__ import annotations

from understudy.merge.block import Combine
from understudy.merge.blocks import Blocks
from understudy.merge.methods.base import Method, Parameter, Values


class Linear(Method):
    name = "linear"
    title = "Linear"
    paper = "https://arxiv.org/abs/2203.05482"
    passes = 1
    parameters = (Parameter("weight", per_model=True), Parameter("normalize", bool, True))

    def prepare(self, x: Blocks, p: Values) -> Combine:
        w = p.weights()
        if not p["normalize"]:
            return x.weighted(w)
        if abs(w.sum()) < 1e-8:
            raise ValueError(f"the weights {w.tolist()} sum to zero; set normalize: false or other weights")
        return x.weighted(w, divisor=float(w.sum()))
