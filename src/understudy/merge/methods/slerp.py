"""SLERP: along the great circle from the base to the model (Shoemake 1985, doi 10.1145/325165.325242).

With θ the angle between the flattened tensors a (base) and b,

    slerp(t) = [ sin((1−t)·θ)·a + sin(t·θ)·b ] / sin θ

The angle comes from the unit vectors, the norms stay in a and b. Where a and b are nearly parallel
(|cos θ| > 0.9995) the formula divides zero by zero and the straight line is taken instead.
"""

from __future__ import annotations

import math

from understudy.merge.block import Combine
from understudy.merge.blocks import Blocks
from understudy.merge.methods.base import Method, Parameter, Values

PARALLEL = 0.9995
TINY = 1e-8  # a tensor of norm zero has no direction: it counts as perpendicular


def coefficients(t: float, cosine: float) -> tuple[float, float]:
    """The weights of a and b at t, for the cosine of their angle."""
    if abs(cosine) > PARALLEL:
        return 1.0 - t, t
    theta = math.acos(cosine)
    return math.sin((1.0 - t) * theta) / math.sin(theta), math.sin(t * theta) / math.sin(theta)


class Slerp(Method):
    name = "slerp"
    title = "SLERP"
    paper = "https://doi.org/10.1145/325165.325242"
    base = "required"
    models = (1, 1)
    parameters = (Parameter("t"),)

    def prepare(self, x: Blocks, p: Values) -> Combine:
        (aa, ab), (_, bb) = x.gram().tolist()
        norm_a, norm_b = math.sqrt(aa), math.sqrt(bb)
        cosine = ab / ((norm_a if norm_a > TINY else 1.0) * (norm_b if norm_b > TINY else 1.0))
        cosine = max(-1.0, min(1.0, cosine))
        x.notes["cosine"] = cosine
        x.notes["linear"] = abs(cosine) > PARALLEL
        return x.weighted(coefficients(p["t"], cosine))
