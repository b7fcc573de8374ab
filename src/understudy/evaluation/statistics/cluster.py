"""Means and paired differences of questions that come in clusters of unequal size.

An estimate rests on three numbers a cluster: questions n, sum s and sum of squares q of their values. All
functions take arrays whose last axis is the cluster and broadcast over the others, so that thousands of
simulated benchmarks are one call.

The standard error is the bias-reduced linearisation CR2 (Bell & McCaffrey 2002), which with few clusters is
not too small as the usual sandwich is; the t distribution has Satterthwaite degrees of freedom computed for
the estimated intra-cluster correlation (Imbens & Kolesar 2016). An accuracy gets Wilson's interval at the
effective sample size p(1-p)/stderr^2, which stays inside [0, 1]; a difference gets the plain t interval.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]
METHOD = "clustered standard errors (CR2), t with Satterthwaite degrees of freedom; Wilson's form for accuracies"
FEW_CLUSTERS = (
    "CR2 correction with Satterthwaite degrees of freedom for the estimated intra-cluster correlation; the "
    "verdict comes from a randomisation test, exact with few clusters: below six none can be significant"
)


@dataclass(frozen=True, slots=True)
class Clusters:
    """Questions, sums and sums of squares by cluster, each of shape (..., clusters)."""

    n: Array
    s: Array
    q: Array

    @classmethod
    def of(cls, values: Sequence[float] | Array, labels: Sequence[Hashable]) -> Clusters:
        """Group one benchmark's values by label; clusters are in the order of their first question."""
        order = {label: k for k, label in enumerate(dict.fromkeys(labels))}
        index = np.array([order[label] for label in labels], dtype=np.int64)
        y = np.asarray(values, dtype=np.float64)
        size = len(order)
        return cls(
            np.bincount(index, minlength=size).astype(np.float64),
            np.bincount(index, weights=y, minlength=size).astype(np.float64),
            np.bincount(index, weights=y * y, minlength=size).astype(np.float64),
        )


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean with its standard error, degrees of freedom and intra-cluster correlation; arrays or scalars."""

    value: Array
    stderr: Array
    df: Array
    icc: Array


def mean(data: Clusters) -> Mean:
    """The mean over questions. With one cluster standard error and degrees of freedom are nan and 0."""
    total = data.n.sum(-1)
    value = data.s.sum(-1) / total
    icc = intra_cluster_correlation(data)
    if data.n.shape[-1] < 2:
        return Mean(value, np.full_like(value, np.nan), np.zeros_like(value), icc)
    leverage = data.n / total[..., None]
    scores = (data.s - data.n * value[..., None]) / np.sqrt(1.0 - leverage)
    stderr = np.sqrt((scores**2).sum(-1)) / total
    return Mean(value, stderr, degrees_of_freedom(data.n, icc), icc)


def intra_cluster_correlation(data: Clusters) -> Array:
    """One-way ANOVA estimate, cut to [0, 1]; 0 where every cluster has one question."""
    total = data.n.sum(-1)
    groups = data.n.shape[-1]
    value = data.s.sum(-1) / total
    within = (data.q - data.s**2 / data.n).sum(-1)
    between = (data.n * (data.s / data.n - value[..., None]) ** 2).sum(-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        msw = within / (total - groups)
        msb = between / (groups - 1)
        n0 = (total - (data.n**2).sum(-1) / total) / (groups - 1)
        icc = (msb - msw) / (msb + (n0 - 1) * msw)
    return np.clip(np.nan_to_num(icc, nan=0.0, posinf=0.0, neginf=0.0), 0.0, 1.0)


def degrees_of_freedom(n: Array, icc: Array) -> Array:
    """Satterthwaite degrees of freedom of the CR2 variance of a mean, for equicorrelated clusters."""
    total = n.sum(-1, keepdims=True)
    share = n / total
    weight = n * (1.0 + (n - 1.0) * np.asarray(icc)[..., None])
    correction = 1.0 / np.sqrt(1.0 - share)
    # cluster g's score is the linear form sum_k form[g, k] * (sum of cluster k); its covariance is `matrix`
    form = correction[..., :, None] * (np.eye(n.shape[-1]) - share[..., :, None])
    matrix = np.einsum("...gk,...k,...hk->...gh", form, weight, form, optimize=True)
    trace = np.trace(matrix, axis1=-2, axis2=-1)
    return trace**2 / (matrix**2).sum((-2, -1))


def design_effect(n: Array, icc: Array | float) -> Array:
    """How many times larger the variance of the mean is than with as many independent questions."""
    return 1.0 + np.asarray(icc) * ((n**2).sum(-1) / n.sum(-1) - 1.0)


def accuracy_interval(data: Clusters, confidence: float = 0.95) -> tuple[Array, Array]:
    """Wilson's interval at the effective sample size. One cluster gives [0, 1]: nothing is known of others.

    Where all answers are right (or wrong) the correlation cannot be estimated; each cluster then counts as
    one question, the most cautious reading.
    """
    found = mean(data)
    p, v = found.value, found.stderr**2
    groups = data.n.shape[-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        effective = np.where(v > 0, p * (1 - p) / v, np.where(p * (1 - p) > 0, data.n.sum(-1), groups))
        t = stats.t.ppf(0.5 + confidence / 2, found.df)
        centre = p + t**2 / (2 * effective)
        half = t * np.sqrt(np.maximum(p * (1 - p), 0) / effective + t**2 / (4 * effective**2))
        low, high = (centre - half) / (1 + t**2 / effective), (centre + half) / (1 + t**2 / effective)
    unknown = ~np.isfinite(low) | ~np.isfinite(high)
    low, high = np.where(unknown, 0.0, low), np.where(unknown, 1.0, high)
    return np.minimum(np.clip(low, 0, 1), p), np.maximum(np.clip(high, 0, 1), p)


def difference_interval(data: Clusters, confidence: float = 0.95, limit: float = 1.0) -> tuple[Array, Array]:
    """The t interval of a mean paired difference, cut to [-limit, limit].

    Where no question tells the arms apart the standard error is 0 but certainty is not: the bound is then the
    share of discordant clusters that could still have gone unseen, 1 - (1 - confidence) ** (1 / clusters).
    """
    found = mean(data)
    groups = data.n.shape[-1]
    with np.errstate(invalid="ignore"):
        half = stats.t.ppf(0.5 + confidence / 2, found.df) * found.stderr
    unseen = 1.0 - (1.0 - confidence) ** (1.0 / groups)
    half = np.where(found.stderr == 0, unseen, half)
    half = np.where(np.isfinite(half), half, 2 * limit)
    return np.clip(found.value - half, -limit, limit), np.clip(found.value + half, -limit, limit)
