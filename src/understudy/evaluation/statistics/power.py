"""How small a difference a benchmark can see, and how many questions it would need.

For paired answers with discordance d (the share of questions that only one arm got right) the mean difference
has variance (d - difference^2) / n, times the design effect of the clusters (Connor 1987; Miller 2411.00640).
With few or unequal clusters no formula tells the power of the randomisation test closely enough, so the test
itself is run on drawn benchmarks.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from understudy.evaluation.statistics.cluster import Array

DRAWS = 1000
PATTERNS = 1499  # fewer make the critical value, and with it all power, uncertain
CELLS = 200_000  # draws times clusters; more clusters need fewer draws for the same precision


class PowerModel:
    """Power of the cluster randomisation test for one benchmark's clusters, discordance and correlation.

    Each drawn benchmark has, in each cluster, questions that only the one arm gets right, only the other, or
    neither kind: multinomial counts whose probabilities vary between clusters (Dirichlet) so much as the
    intra-cluster correlation of the differences says. n: questions of each cluster.
    """

    def __init__(self, n: Array, discordance: float, icc: float, *, alpha: float = 0.05, seed: int = 0) -> None:
        self.n = np.asarray(n, dtype=np.int64)
        self.discordance = discordance
        self.icc = min(icc, 0.99)
        self.alpha = alpha
        self.seed = seed
        groups = len(self.n)
        if 2**groups <= PATTERNS:
            self.signs = 1.0 - 2.0 * ((np.arange(2**groups) >> np.arange(groups)[:, None]) & 1)
        else:
            signs = np.random.default_rng(seed).choice(np.array([-1.0, 1.0]), size=(groups, PATTERNS))
            self.signs = np.concatenate([np.ones((groups, 1)), signs], axis=1)

    def power(self, difference: float, draws: int = DRAWS) -> float:
        """Probability of a significant result in the direction of a true difference.

        A difference cannot exceed the discordance: beyond it, all discordant questions are on one side.
        """
        sums = self._draw(abs(difference), draws)
        observed = sums.sum(-1)
        p = (np.abs(sums @ self.signs) >= np.abs(observed)[:, None] - 1e-9).mean(-1)
        return float(((p < self.alpha) & (observed > 0)).mean())

    def _draw(self, difference: float, draws: int) -> Array:
        """Sums of the differences of each cluster, (draws, clusters)."""
        rng = np.random.default_rng(self.seed)
        discordance = max(self.discordance, difference)
        chances = np.array([discordance + difference, discordance - difference, 2 - 2 * discordance]) / 2
        size = (max(800, min(draws, CELLS // len(self.n))), len(self.n))
        if self.icc > 0:
            total = (1 - self.icc) / self.icc
            weights = rng.standard_gamma(np.maximum(chances, 1e-9) * total, size=(*size, 3)) + 1e-300
            share = weights / weights.sum(-1, keepdims=True)
        else:
            share = np.broadcast_to(chances, (*size, 3))
        first = rng.binomial(self.n, np.clip(share[..., 0], 0, 1))
        rest = np.clip(share[..., 1] / np.maximum(1 - share[..., 0], 1e-12), 0, 1)
        return (first - rng.binomial(self.n - first, rest)).astype(np.float64)

    def minimum_detectable_effect(self, power: float = 0.8) -> float | None:
        """The smallest difference detected with `power`; None where none could be, whatever its size."""
        low, high = 0.0, 1.0
        if self.power(high, 400) < power:
            return None
        for draws, width in ((400, 0.03), (DRAWS, 1e-3)):  # first about where, then exactly
            while high - low > width:
                middle = (low + high) / 2
                low, high = (low, middle) if self.power(middle, draws) >= power else (middle, high)
            if draws < DRAWS:
                low, high = max(0.0, low - 0.02), min(1.0, high + 0.02)
        return (low + high) / 2


def minimum_detectable_effect(
    n: Array, discordance: float, icc: float, *, alpha: float = 0.05, power: float = 0.8
) -> float | None:
    """See `PowerModel`. n: questions of each cluster."""
    return PowerModel(n, discordance, icc, alpha=alpha).minimum_detectable_effect(power)


def questions_needed(
    difference: float, discordance: float, deff: float = 1.0, *, alpha: float = 0.05, power: float = 0.8
) -> int | None:
    """Questions for `power` at a true difference, with many documents like these; None for no difference."""
    if difference == 0:
        return None
    reach = (stats.norm.ppf(1 - alpha / 2) + stats.norm.ppf(power)) ** 2
    variance = max(discordance, abs(difference)) - difference**2
    return max(2, math.ceil(reach * variance * deff / difference**2))
