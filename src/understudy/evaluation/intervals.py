"""Accuracies and differences with their clustered intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from understudy.evaluation.question import Results
from understudy.evaluation.records import NOTHING, Interval
from understudy.evaluation.statistics.bootstrap import bca_interval
from understudy.evaluation.statistics.cluster import Array, Clusters, accuracy_interval, difference_interval, mean

Labels = Mapping[str, str]


def finite(value: Array | float) -> float | None:
    """The value, or None where it is not a finite number."""
    return float(value) if np.isfinite(value) else None


def interval(
    values: Sequence[float], labels: Sequence[str], *, paired: bool, confidence: float = 0.95, seed: int = 0
) -> Interval:
    """A mean with its clustered interval. paired: the values are differences, not accuracies."""
    if not values:
        return NOTHING
    data = Clusters.of(values, labels)
    found = mean(data)
    low, high = (difference_interval if paired else accuracy_interval)(data, confidence)
    boot = bca_interval(data, confidence, seed=seed)
    return Interval(
        float(found.value), finite(low), finite(high), finite(found.stderr), len(values), len(data.n),
        finite(boot[0]), finite(boot[1]),
    )  # fmt: skip


def accuracy(results: Results, labels: Labels, *, confidence: float = 0.95, seed: int = 0) -> Interval:
    """The mean accuracy of an arm over its defined results."""
    ids = [i for i, r in results.items() if r.acc is not None]
    values = [float(results[i].acc or 0.0) for i in ids]
    return interval(values, [labels[i] for i in ids], paired=False, confidence=confidence, seed=seed)
