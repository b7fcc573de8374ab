"""The questions by which a strength of training is chosen, and what their answers mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from understudy.answer import closed_book
from understudy.evaluation import development
from understudy.evaluation.intervals import interval
from understudy.evaluation.probe import PROBE
from understudy.evaluation.records import Interval
from understudy.evaluation.statistics.cluster import Clusters
from understudy.evaluation.statistics.significance import non_inferiority
from understudy.suite import general_suite
from understudy.types import LanguageModel, MCQItem


class Examiner:
    """Asks an open model, closed book, and weighs its answers.

    Accuracies and changes come as `{value, low, high, n, clusters}`, shares of 1 with 95 % intervals; None where
    nothing was answered. probe: everyday texts on which a taught model should still speak like its base.
    """

    probe: Sequence[str] = PROBE

    def suite(self, per_skill: int) -> list[MCQItem]:
        """General questions of the skills that the benchmark's suite asks, none of which stands in it."""
        asked = {item.question for item in general_suite()}
        found: dict[str, list[MCQItem]] = {}
        for item in general_suite(2 * per_skill, seed=1):  # twice as many, since some stand in the benchmark's
            if item.question not in asked:
                found.setdefault(item.kind, []).append(item)
        return [item for items in found.values() for item in items[:per_skill]]

    def ask(self, model: LanguageModel, items: Sequence[MCQItem]) -> list[float | None]:
        """Closed-book accuracy question by question; None where one could not be asked."""
        return development.scores(closed_book(model), items)

    def accuracy(self, right: Sequence[float | None], labels: Sequence[str]) -> Mapping[str, Any]:
        """The mean with its interval; labels: what each question depends on."""
        known = [(r, label) for r, label in zip(right, labels, strict=True) if r is not None]
        return _shown(interval([r for r, _ in known], [label for _, label in known], paired=False))

    def change(
        self,
        before: Sequence[float | None],
        after: Sequence[float | None],
        labels: Sequence[str],
        margin: float,
    ) -> Mapping[str, Any]:
        """The paired difference, and `verdict`: is the loss within the margin (`kept`, `lost`, `inconclusive`)?"""
        rows = zip(before, after, labels, strict=True)
        known = [(a - b, label) for b, a, label in rows if a is not None and b is not None]
        values, clusters = [v for v, _ in known], [label for _, label in known]
        verdict = non_inferiority(Clusters.of(values, clusters), margin) if known else "inconclusive"
        return {**_shown(interval(values, clusters, paired=True)), "verdict": verdict}


def _shown(found: Interval) -> dict[str, Any]:
    return {name: getattr(found, name) for name in ("value", "low", "high", "n", "clusters")}
