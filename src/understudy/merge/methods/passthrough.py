"""Passthrough: one model's tensor as it is, for stacking layers of several models (frankenmerges).

θ = scale·θ₁        (`scale` left out: the bytes themselves)
"""

from __future__ import annotations

from understudy.merge.block import Combine
from understudy.merge.blocks import Blocks
from understudy.merge.methods.base import Method, Parameter, Values


class Passthrough(Method):
    name = "passthrough"
    title = "Passthrough"
    paper = "https://arxiv.org/abs/2312.15166"  # SOLAR, depth up-scaling by stacked layers
    models = (1, 1)
    passes = 1
    parameters = (Parameter("scale", default=1.0, per_model=True),)

    def keeps(self, p: Values) -> bool:
        return bool(p.weights("scale")[0] == 1.0)

    def prepare(self, x: Blocks, p: Values) -> Combine:
        return x.weighted(p.weights("scale"))
