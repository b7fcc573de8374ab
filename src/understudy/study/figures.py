"""Estimates over several seeds, each with the interval over its questions and the one over the seeds.

Over questions: the seeds are taken as they are, the questions are a sample. Over seeds: each seed is one
observation, and Student's t gives the interval. Shares and accuracies lie in [0, 1]; undefined is None.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from understudy.evaluation.statistics.cluster import Clusters, accuracy_interval, difference_interval

Word = Literal["yes", "no", "inconclusive"]
Bounds = tuple[float | None, float | None]
_DRAWS = 2000
_Z = 1.959964
_SEED = 0


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure. n: questions over all seeds; per_seed: the value of each seed, in their order."""

    what: str
    value: float | None
    over_questions: Bounds
    over_seeds: Bounds
    n: int
    seeds: int
    per_seed: tuple[float | None, ...]

    @property
    def low(self) -> float | None:
        """The lower of the two lower bounds; None where one is undefined."""
        return _both(min, self.over_questions[0], self.over_seeds[0])

    @property
    def high(self) -> float | None:
        """The higher of the two upper bounds; None where one is undefined."""
        return _both(max, self.over_questions[1], self.over_seeds[1])

    def above(self, limit: float) -> Word:
        """Is it above `limit`? yes or no only where both intervals lie wholly on one side."""
        if self.low is None or self.high is None:
            return "inconclusive"
        return "yes" if self.low > limit else "no" if self.high < limit else "inconclusive"


def _both(choose: Callable[[float, float], float], a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else choose(a, b)


def over_seeds(values: Sequence[float | None], confidence: float = 0.95) -> Bounds:
    """Student's interval of the mean of what the seeds found; None below two seeds or where one is undefined."""
    known = np.array([v for v in values if v is not None], dtype=np.float64)
    if len(known) < 2 or len(known) < len(values):
        return None, None
    half = float(student.ppf((1 + confidence) / 2, len(known) - 1) * known.std(ddof=1) / math.sqrt(len(known)))
    return float(known.mean()) - half, float(known.mean()) + half


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


Rows = Sequence[Mapping[str, float]]
Labels = Sequence[Mapping[str, str]]


def accuracy(what: str, rows: Rows, labels: Labels = ()) -> Figure:
    """Mean accuracy; rows: one mapping item_id → accuracy a seed.

    labels: what each item depends on, a mapping a seed; without them each question stands for itself.
    """
    return _pooled(what, rows, labels, paired=False)


def difference(what: str, first: Rows, second: Rows, labels: Labels = ()) -> Figure:
    """First minus second, question by question."""
    return _pooled(what, changes(first, second), labels, paired=True)


def changes(first: Rows, second: Rows) -> list[dict[str, float]]:
    """First minus second for each question that both answer, a mapping a seed."""
    return [{i: a[i] - b[i] for i in a if i in b} for a, b in zip(first, second, strict=True)]


def _pooled(what: str, rows: Rows, labels: Labels, *, paired: bool) -> Figure:
    values = [v for row in rows for v in row.values()]
    each = tuple(_mean(list(row.values())) for row in rows)
    return Figure(
        what, _mean(values), _over_questions(values, rows, labels, paired=paired), over_seeds(each), len(values),
        len(rows), each,
    )  # fmt: skip


def _over_questions(values: Sequence[float], rows: Rows, labels: Labels, *, paired: bool) -> Bounds:
    """Clustered where labels are given; else Wilson's interval of a share, or the normal one of a difference."""
    n = len(values)
    if n < 2:
        return None, None
    if labels:
        both = enumerate(zip(rows, labels, strict=True))
        clusters = [f"{seed}|{label.get(i, i)}" for seed, (row, label) in both for i in row]
        low, high = (difference_interval if paired else accuracy_interval)(Clusters.of(values, clusters))
        return _finite(low), _finite(high)
    centre, spread = float(np.mean(values)), float(np.var(values, ddof=1)) / n
    if paired:
        half = _Z * math.sqrt(spread)
        return centre - half, centre + half
    shrunk = 1 + _Z * _Z / n
    middle = (centre + _Z * _Z / (2 * n)) / shrunk
    half = _Z * math.sqrt(centre * (1 - centre) / n + _Z * _Z / (4 * n * n)) / shrunk
    return middle - half, middle + half


def _finite(value: NDArray[np.float64]) -> float | None:
    return float(value) if np.isfinite(value) else None


@dataclass(frozen=True, slots=True)
class Skill:
    """Answers to the questions of one specialist's skill: one mapping item_id → accuracy a seed, for each model."""

    reader: Sequence[Mapping[str, float]]
    specialist: Sequence[Mapping[str, float]]
    merged: Sequence[Mapping[str, float]]


def kept_share(what: str, skills: Sequence[Skill]) -> Figure:
    """The mean over specialists of (merged − reader) / (specialist − reader), on the specialist's own skill.

    Over questions by the percentile bootstrap, 2,000 draws, questions drawn within skill and seed, together for the
    three models. Undefined where a specialist is not better than the reader, in the data or in a draw.
    """
    tables = [
        [_table(s.reader[k], s.specialist[k], s.merged[k]) for k in range(len(s.reader))] for s in skills
    ]  # skill, seed → [questions, 3]
    value = _share([np.concatenate(t) for t in tables])
    rng = np.random.default_rng(_SEED)
    bounds: Bounds = (None, None)
    if value is not None:
        shares = []
        for t in tables:
            counts = [rng.multinomial(len(part), np.full(len(part), 1 / len(part)), size=_DRAWS) for part in t]
            sums = np.sum([c @ part for c, part in zip(counts, t, strict=True)], axis=0)  # [draws, 3]
            reader, specialist, merged = sums.T
            shares.append((merged - reader) / np.where(specialist > reader, specialist - reader, np.nan))
        drawn = np.mean(shares, axis=0)
        if not np.isnan(drawn).any():
            low, high = np.quantile(drawn, [0.025, 0.975])
            bounds = (float(low), float(high))
    seeds = len(skills[0].reader)
    each = tuple(_share([t[k] for t in tables]) for k in range(seeds))
    n = sum(len(part) for t in tables for part in t)
    return Figure(what, value, bounds, over_seeds(each), n, seeds, each)


def _table(*models: Mapping[str, float]) -> NDArray[np.float64]:
    ids = [i for i in models[0] if all(i in m for m in models)]
    return np.array([[m[i] for m in models] for i in ids], dtype=np.float64).reshape(-1, len(models))


def _share(tables: Sequence[NDArray[np.float64]]) -> float | None:
    shares = []
    for table in tables:
        reader, specialist, merged = table.mean(axis=0)
        if not specialist > reader:
            return None
        shares.append((merged - reader) / (specialist - reader))
    return float(np.mean(shares))


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure of one seed that another stage measured: its value, its 95 % interval, its questions."""

    value: float
    low: float | None
    high: float | None
    n: int


def combined(what: str, each: Sequence[Estimate]) -> Figure:
    """The mean of the seeds' estimates.

    Over questions: the mean half-width of the seeds' own intervals. The seeds may share questions, so nothing is
    gained from their number.
    """
    values = [e.value for e in each]
    mean = _mean(values)
    halves = [(e.high - e.low) / 2 for e in each if e.low is not None and e.high is not None]
    known = mean is not None and len(halves) == len(each)
    half = sum(halves) / len(halves) if known else 0.0
    bounds: Bounds = (mean - half, mean + half) if known and mean is not None else (None, None)
    return Figure(what, mean, bounds, over_seeds(values), sum(e.n for e in each), len(each), tuple(values))


def recovered(what: str, lost: Rows, still: Rows) -> Figure:
    """1 − (what is still lost) / (what was lost), of the seeds' mean losses.

    lost, still: one mapping item_id → change of accuracy a seed, negative where skill is lost. Over seeds: jackknife
    with Student's t. Over questions: the percentile bootstrap, 2,000 draws; a question is drawn together with all its
    answers, for both losses and in every seed that asks it. Undefined where nothing was lost, in the data or a draw.
    """
    ids = sorted({i for row in (*lost, *still) for i in row})
    a, b = _matrix(lost, ids), _matrix(still, ids)
    k, n = len(a), int(np.isfinite(b).sum())
    x, y = (np.nanmean(m, axis=1) if k else np.zeros(0) for m in (a, b))
    each = tuple(float(1 - second / first) if first < 0 else None for first, second in zip(x, y, strict=True))
    if not k or x.mean() >= 0:
        return Figure(what, None, (None, None), (None, None), n, k, each)
    value = float(1 - y.mean() / x.mean())
    seeds: Bounds = (None, None)
    if k > 1 and all((x.sum() - of) < 0 for of in x):
        left_out = np.array([1 - (y.sum() - second) / (x.sum() - first) for first, second in zip(x, y, strict=True)])
        stderr = math.sqrt((k - 1) / k * float(((left_out - left_out.mean()) ** 2).sum()))
        half = float(student.ppf(0.975, k - 1)) * stderr
        seeds = (value - half, value + half)
    weights = np.random.default_rng(_SEED).multinomial(len(ids), np.full(len(ids), 1 / len(ids)), size=_DRAWS)
    first, second = _drawn(a, weights), _drawn(b, weights)
    bounds: Bounds = (None, None)
    if (first < 0).all():
        low, high = np.quantile(1 - second / first, [0.025, 0.975])
        bounds = (float(low), float(high))
    return Figure(what, value, bounds, seeds, n, k, each)


def _matrix(rows: Rows, ids: Sequence[str]) -> NDArray[np.float64]:
    """[seeds, questions]; not a number where a seed does not ask the question."""
    return np.array([[row.get(i, math.nan) for i in ids] for row in rows], dtype=np.float64).reshape(-1, len(ids))


def _drawn(table: NDArray[np.float64], weights: NDArray[np.int64]) -> NDArray[np.float64]:
    """[draws]: the mean over seeds of the weighted means of their questions."""
    known = np.isfinite(table)
    return np.mean((weights @ np.where(known, table, 0.0).T) / np.maximum(weights @ known.T, 1), axis=1)
