"""Paired comparisons of arms: where the statistics meet the records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from understudy.evaluation.intervals import Labels, finite, interval
from understudy.evaluation.question import Results, right
from understudy.evaluation.records import NOTHING, Comparison, Interval, Verdict
from understudy.evaluation.statistics.cluster import Clusters, design_effect, difference_interval, mean
from understudy.evaluation.statistics.power import PowerModel, questions_needed
from understudy.evaluation.statistics.significance import holm, mcnemar_p, randomisation_p


def common(first: Results, second: Results) -> list[str]:
    """Questions on which both arms have a defined result."""
    return [i for i, r in first.items() if r.acc is not None and i in second and second[i].acc is not None]


def differences(first: Results, second: Results, ids: Sequence[str]) -> list[float]:
    """First minus second, question by question."""
    return [float(first[i].acc or 0.0) - float(second[i].acc or 0.0) for i in ids]


def compare(
    pairs: Sequence[tuple[str, str]],
    results: Mapping[str, Results],
    labels: Labels,
    *,
    confidence: float = 0.95,
    seed: int = 0,
    questions: Mapping[tuple[str, str], str] | None = None,
) -> tuple[Comparison, ...]:
    """Compare pairs of arms on their common questions; Holm's adjustment is over all pairs given."""
    usable = [(a, b) for a, b in pairs if a in results and b in results and common(results[a], results[b])]
    alpha = 1 - confidence
    p_values: list[float | None] = []
    for a, b in usable:
        ids = common(results[a], results[b])
        data = Clusters.of(differences(results[a], results[b], ids), [labels[i] for i in ids])
        p_values.append(float(randomisation_p(data.s, seed=seed)[()]))
    adjusted = holm(p_values)
    return tuple(
        _comparison(a, b, results, labels, p, p_holm, alpha, seed, (questions or {}).get((a, b), ""))
        for (a, b), p, p_holm in zip(usable, p_values, adjusted, strict=True)
    )


def _comparison(
    a: str,
    b: str,
    results: Mapping[str, Results],
    labels: Labels,
    p: float | None,
    p_holm: float | None,
    alpha: float,
    seed: int,
    question: str,
) -> Comparison:
    first, second = results[a], results[b]
    ids = common(first, second)
    values = differences(first, second, ids)
    clusters = [labels[i] for i in ids]
    data = Clusters.of(values, clusters)
    icc = float(mean(data).icc)
    difference = interval(values, clusters, paired=True, confidence=1 - alpha, seed=seed)
    cells = [(right(first[i]), right(second[i])) for i in ids]
    only_first, only_second = cells.count((True, False)), cells.count((False, True))
    spread = float(np.mean(np.square(values)))  # the share of discordant questions, where accuracies are 0 or 1
    observed = difference.value or 0.0
    significant = p_holm is not None and p_holm < alpha
    verdict: Verdict = "inconclusive" if not significant else ("better" if observed > 0 else "worse")
    model = PowerModel(data.n, max(spread, 3.0 / len(ids)), icc, alpha=alpha)
    mde = model.minimum_detectable_effect()
    return Comparison(
        a, b, difference, p, p_holm, mcnemar_p(only_first, only_second),
        both=cells.count((True, True)), only_first=only_first, only_second=only_second,
        neither=cells.count((False, False)), mde=mde,
        power=model.power(observed),
        n_needed=questions_needed(observed, spread, float(design_effect(data.n, icc)), alpha=alpha),
        verdict=verdict, sentence=sentence(a, b, difference, (p, p_holm), mde, verdict), question=question,
    )  # fmt: skip


def sentence(
    a: str,
    b: str,
    difference: Interval,
    p: tuple[float | None, float | None],
    mde: float | None,
    verdict: Verdict,
) -> str:
    """The comparison in words, with the figures that a careful reader asks for. p: alone, and after Holm."""
    if difference.value is None or difference.low is None or difference.high is None:
        return f"{a} and {b} have no question in common."
    points = f"{abs(difference.value) * 100:.1f} points"
    low, high = difference.low * 100, difference.high * 100
    figures = f"(interval {low:+.1f} to {high:+.1f}, n = {difference.n}, p {_p(p[0])}, after Holm {_p(p[1])})"
    if verdict == "inconclusive":
        seen = "" if mde is None else f"; differences from about {mde * 100:.1f} points up can be seen here"
        return f"{a} and {b} cannot be told apart: {difference.value * 100:+.1f} points {figures}{seen}."
    return f"{a} is {verdict} than {b} by {points} {figures}."


def _p(p: float | None) -> str:
    return "undefined" if p is None else "< 0.001" if p < 0.001 else f"= {p:.3f}"


def gain_difference(
    seen: tuple[Sequence[float], Sequence[str]],
    heldout: tuple[Sequence[float], Sequence[str]],
    *,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[Interval, Interval, Interval]:
    """Gain on two sets of questions and the difference of the gains (difference in differences).

    Each set is (paired differences, cluster labels). One regression-free estimate: each question is weighted
    so that the weighted mean over all of them is the difference of the two means; a cluster with questions of
    both sets is treated as one.
    """
    first = interval(seen[0], seen[1], paired=True, confidence=confidence, seed=seed)
    second = interval(heldout[0], heldout[1], paired=True, confidence=confidence, seed=seed)
    if first.value is None or second.value is None:
        return first, second, NOTHING
    n = len(seen[0]) + len(heldout[0])
    # residuals keep the weights from adding the spread of the means themselves to the variance
    residuals = [(v - first.value) * n / len(seen[0]) for v in seen[0]]
    residuals += [-(v - second.value) * n / len(heldout[0]) for v in heldout[0]]
    data = Clusters.of(residuals, [*seen[1], *heldout[1]])
    low, high = difference_interval(data, confidence, limit=2.0)
    value = first.value - second.value
    return first, second, Interval(
        value, value + float(low), value + float(high), finite(mean(data).stderr), n, len(data.n)
    )  # fmt: skip
