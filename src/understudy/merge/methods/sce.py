"""SCE: select, calculate, erase (Wan et al. 2024, FuseChat, arXiv 2408.07990).

Select the elements whose task vectors vary most between the models (the share `select_topk` of those that vary
at all); calculate each model's weight as its share of the selected squares; erase the entries against the
elected sign; add the weighted mean of the rest to the base.
"""

from __future__ import annotations

import numpy as np

from understudy.merge import kernels
from understudy.merge.block import Block, Combine, Float32
from understudy.merge.blocks import Blocks
from understudy.merge.methods.base import Method, Parameter, Values
from understudy.merge.order_statistics import Request, cuts, keep_top, magnitudes
from understudy.merge.random_draws import bits, salt


def _deltas(block: Block) -> Float32:
    kernels.subtract_row(block.x[1:], block.x[0])
    return block.x[1:]


def _variance(deltas: Float32) -> Float32:
    return np.var(deltas, axis=0, dtype=np.float32)


class Sce(Method):
    name = "sce"
    title = "SCE"
    paper = "https://arxiv.org/abs/2408.07990"
    base = "required"
    passes = 4
    parameters = (Parameter("select_topk", default=1.0, low=0.0, high=1.0),)

    def prepare(self, x: Blocks, p: Values) -> Combine:
        share = p["select_topk"]
        select = None
        if share < 1.0:
            varying = x.sum(lambda block: np.count_nonzero(_variance(_deltas(block))))
            count = int(varying * share)
            if count == 0:
                return x.weighted([0.0] * x.n_models, from_base=True)
            (cut,) = cuts(x, lambda block: magnitudes(_variance(_deltas(block)))[None], [Request(0, "top", count)])

            salted = salt(x, "select")

            def select(block: Block, deltas: Float32) -> None:
                variance = _variance(deltas)
                keep_top(variance, cut, block, bits(x, salted, block))
                deltas[:, variance == 0.0] = 0.0

        def selected(block: Block) -> Float32:
            deltas = _deltas(block)
            if select is not None:
                select(block, deltas)
            return deltas

        squares = x.sum(lambda block: np.sum(np.square(selected(block), dtype=np.float64), axis=1))
        weights = squares / squares.sum() if squares.sum() > 0.0 else np.full(x.n_models, 1.0 / x.n_models)

        def combine(block: Block, out: Float32) -> None:
            deltas = selected(block)
            with np.errstate(divide="ignore", invalid="ignore"):
                total = deltas.sum(axis=0)
                agrees = np.where(total >= 0.0, deltas > 0.0, deltas < 0.0) | np.isnan(deltas)
                w = weights.astype(np.float32)[:, None] * agrees
                np.sum(deltas * w, axis=0, out=out)
                out /= np.maximum(w.sum(axis=0), np.float32(1e-6))
            out += block.x[0]

        return combine
