"""Is the difference real? Tests for paired arms, many comparisons, and for "not worse than the margin"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy import stats

from understudy.evaluation.statistics.cluster import Array, Clusters, difference_interval

EXACT_CLUSTERS = 13  # up to here all 2 ** k sign patterns are tried
PATTERNS = 9999
METHOD = (
    "cluster randomisation test (the two arms change places within a whole cluster), Holm over the "
    "comparisons; exact McNemar over questions beside it"
)


def randomisation_p(differences: Array, *, seed: int = 0) -> Array:
    """Two-sided p of the sum of paired differences, given the sum of each cluster (last axis).

    Under the null hypothesis the arms may change places within any cluster, which flips the sign of its sum
    (Fisher's randomisation test with the cluster as unit). All patterns are tried with few clusters that
    differ; beyond, 9,999 drawn ones, the observed one counted among them, which keeps the test exact.
    """
    sums = np.atleast_2d(np.asarray(differences, dtype=np.float64))
    flat = sums.reshape(-1, sums.shape[-1])
    patterns = _patterns(flat.shape[-1], seed) if flat.shape[0] > 1 else None
    p = np.array([_one(row, patterns, seed) for row in flat])
    return p.reshape(np.asarray(differences).shape[:-1])


def _patterns(groups: int, seed: int) -> Array:
    return np.random.default_rng(seed).choice(np.array([-1.0, 1.0]), size=(groups, PATTERNS))


def _one(row: Array, patterns: Array | None, seed: int) -> float:
    nonzero = row[row != 0]
    observed = abs(nonzero.sum()) - 1e-9
    if len(nonzero) <= EXACT_CLUSTERS:
        signs = 1.0 - 2.0 * ((np.arange(2 ** len(nonzero))[:, None] >> np.arange(len(nonzero))) & 1)
        return float((np.abs(signs @ nonzero) >= observed).mean())
    if patterns is None:
        patterns = _patterns(len(row), seed)
    return float((1 + (np.abs(row @ patterns) >= observed).sum()) / (PATTERNS + 1))


def mcnemar_p(only_first: int, only_second: int) -> float:
    """Exact McNemar: are the discordant questions split evenly? Takes questions as independent."""
    discordant = only_first + only_second
    return 1.0 if discordant == 0 else float(stats.binomtest(only_first, discordant, 0.5).pvalue)


def holm(p: Sequence[float | None]) -> list[float | None]:
    """Holm's (1979) step-down adjustment; undefined values are passed over and do not count."""
    known = sorted((value, k) for k, value in enumerate(p) if value is not None)
    adjusted: list[float | None] = [None] * len(p)
    running = 0.0
    for rank, (value, k) in enumerate(known):
        running = max(running, min(1.0, (len(known) - rank) * value))
        adjusted[k] = running
    return adjusted


def non_inferiority(data: Clusters, margin: float, confidence: float = 0.95) -> Literal["kept", "lost", "inconclusive"]:
    """Is the change (after - before) certainly above -margin (kept), certainly below (lost), or open?

    Each side is tested at 1 - confidence by the one-sided bound of the clustered interval.
    """
    low, high = difference_interval(data, 2 * confidence - 1)
    if float(low) > -margin:
        return "kept"
    return "lost" if float(high) < -margin else "inconclusive"
