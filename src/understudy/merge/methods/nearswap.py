"""NearSwap: towards the other model where it is near, hardly where it is far (alchemonaut, QuartetAnemoi-70B).

θ = base + clip(t / |model − base|, 0, 1) · (model − base)
"""

from __future__ import annotations

import numpy as np

from understudy.merge.block import Block, Combine, Float32
from understudy.merge.blocks import Blocks
from understudy.merge.methods.base import Method, Parameter, Values

TINY = np.float32(1e-6)


class NearSwap(Method):
    name = "nearswap"
    title = "NearSwap"
    paper = "https://huggingface.co/alchemonaut/QuartetAnemoi-70B-t0.0001"
    base = "required"
    models = (1, 1)
    passes = 1
    parameters = (Parameter("t"),)

    def prepare(self, x: Blocks, p: Values) -> Combine:
        t = np.float32(p["t"])

        def combine(block: Block, out: Float32) -> None:
            a, b = block.x
            np.subtract(a, b, out=out)
            np.abs(out, out=out)
            np.maximum(out, TINY, out=out)
            np.divide(t, out, out=out)
            np.clip(out, 0.0, 1.0, out=out)
            b *= out
            a *= 1.0 - out
            np.add(a, b, out=out)

        return combine
