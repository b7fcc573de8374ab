"""The cluster bootstrap with bias correction and acceleration: BCa, Efron (1987)."""

from __future__ import annotations

import numpy as np
from scipy import stats

from understudy.evaluation.statistics.cluster import Array, Clusters

REPLICATES = 2000


def bca_interval(
    data: Clusters, confidence: float = 0.95, *, seed: int = 0, replicates: int = REPLICATES
) -> tuple[Array, Array]:
    """The interval of the mean when whole clusters are drawn with replacement; nan with one cluster.

    Broadcasts over leading axes; all benchmarks of one call use the same draws.
    """
    groups = data.n.shape[-1]
    value = data.s.sum(-1) / data.n.sum(-1)
    if groups < 2:
        return np.full_like(value, np.nan), np.full_like(value, np.nan)
    draws = np.random.default_rng(seed).multinomial(groups, np.full(groups, 1 / groups), size=replicates)
    weights = draws.T.astype(np.float64)
    replicated = (data.s @ weights) / (data.n @ weights)
    below = (replicated < value[..., None]).mean(-1) + 0.5 * (replicated == value[..., None]).mean(-1)
    bias = stats.norm.ppf(np.clip(below, 1 / (replicates + 1), replicates / (replicates + 1)))
    without = (data.s.sum(-1)[..., None] - data.s) / (data.n.sum(-1)[..., None] - data.n)
    offset = without.mean(-1)[..., None] - without
    spread = (offset**2).sum(-1) ** 1.5
    with np.errstate(divide="ignore", invalid="ignore"):
        acceleration = np.where(spread > 0, (offset**3).sum(-1) / (6 * spread), 0.0)
    ends = []
    for tail in (0.5 - confidence / 2, 0.5 + confidence / 2):
        z = bias + stats.norm.ppf(tail)
        level = stats.norm.cdf(bias + z / (1 - acceleration * z))
        ends.append(_quantile(np.sort(replicated, -1), level))
    return ends[0], ends[1]


def _quantile(ordered: Array, level: Array) -> Array:
    """Linear interpolation between order statistics, a level of its own for each benchmark."""
    place = np.clip(level, 0, 1) * (ordered.shape[-1] - 1)
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, ordered.shape[-1] - 1)
    low = np.take_along_axis(ordered, below[..., None], -1)[..., 0]
    high = np.take_along_axis(ordered, above[..., None], -1)[..., 0]
    return low + (place - below) * (high - low)
