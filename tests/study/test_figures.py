"""Figures over seeds: known answers, coverage, and what is undefined."""

from __future__ import annotations

import math

import numpy as np
import pytest

from understudy.study.figures import Estimate, Figure, Skill, combined, difference, kept_share, over_seeds, recovered


def test_the_interval_over_seeds_is_students() -> None:
    values = [0.1, 0.2, 0.3, 0.4, 0.5]
    low, high = over_seeds(values)
    half = 2.7764451 * math.sqrt(0.025) / math.sqrt(5)  # t of 4 degrees of freedom, variance 0.025
    assert low == pytest.approx(0.3 - half)
    assert high == pytest.approx(0.3 + half)
    assert over_seeds([0.1]) == (None, None)
    assert over_seeds([0.1, None]) == (None, None)


def test_a_difference_is_paired_and_counts_common_questions() -> None:
    first = [{"a": 1.0, "b": 1.0, "c": 0.0}, {"a": 1.0, "d": 1.0}]
    second = [{"a": 0.0, "b": 1.0, "x": 1.0}, {"a": 0.0, "d": 0.0}]
    figure = difference("d", first, second)
    assert figure.n == 4
    assert figure.value == pytest.approx(3 / 4)
    assert figure.per_seed == (pytest.approx(0.5), pytest.approx(1.0))


def answers(rng: np.random.Generator, p: float, n: int = 400) -> dict[str, float]:
    return {f"q{i}": float(v) for i, v in enumerate(rng.random(n) < p)}


def test_the_kept_share_is_that_of_the_means_and_its_interval_holds_the_truth() -> None:
    rng = np.random.default_rng(3)
    skills = [
        Skill(
            [answers(rng, 0.3) for _ in range(3)],
            [answers(rng, 0.9) for _ in range(3)],
            [answers(rng, 0.75) for _ in range(3)],
        )
        for _ in range(2)
    ]
    figure = kept_share("share", skills)
    assert figure.value == pytest.approx(0.75, abs=0.05)
    assert figure.over_questions[0] < 0.75 < figure.over_questions[1]  # type: ignore[operator]
    assert figure.over_questions[1] - figure.over_questions[0] < 0.2  # type: ignore[operator]
    assert figure.n == 2 * 3 * 400
    assert figure.above(0.5) == "yes"
    assert figure.above(0.95) == "no"


def test_a_share_of_no_gain_is_undefined() -> None:
    same = [{"a": 1.0, "b": 0.0}] * 2
    figure = kept_share("share", [Skill(same, same, same)])
    assert figure.value is None
    assert figure.above(0.8) == "inconclusive"


def test_a_verdict_needs_both_intervals() -> None:
    assert Figure("", 0.2, (0.1, 0.3), (-0.1, 0.5), 10, 2, ()).above(0) == "inconclusive"
    assert Figure("", 0.2, (0.1, 0.3), (0.05, 0.5), 10, 2, ()).above(0) == "yes"
    assert Figure("", -0.2, (-0.3, -0.1), (-0.5, -0.05), 10, 2, ()).above(0) == "no"
    assert Figure("", 0.2, (0.1, 0.3), (None, None), 10, 1, ()).above(0) == "inconclusive"


def test_recovery_is_of_the_mean_losses() -> None:
    def changes(*values: float) -> list[dict[str, float]]:
        """100 questions a seed of which the right share changed from right to wrong."""
        return [{f"q{i}": -1.0 if i < round(-100 * v) else 0.0 for i in range(100)} for v in values]

    figure = recovered("share", changes(-0.10, -0.12, -0.08), changes(-0.02, -0.03, -0.01))
    assert figure.value == pytest.approx(0.8)
    assert figure.per_seed == pytest.approx((0.8, 0.75, 0.875))
    assert figure.over_seeds[0] < 0.8 < figure.over_seeds[1]  # type: ignore[operator]
    assert figure.over_questions[0] < 0.8 < figure.over_questions[1]  # type: ignore[operator]
    assert figure.n == 300
    nothing = recovered("share", changes(0.0, 0.0), changes(0.0, 0.0))
    assert nothing.value is None


def test_recovery_draws_a_question_with_all_its_answers() -> None:
    """Where the same questions are lost and a fixed part of each comes back, no draw can move the share."""
    rng = np.random.default_rng(1)
    lost = [{f"q{i}": -float(v) for i, v in enumerate(rng.random(50))} for _ in range(3)]
    still = [{i: 0.25 * v for i, v in row.items()} for row in lost]
    assert recovered("share", lost, still).over_questions == pytest.approx((0.75, 0.75))


def test_the_interval_of_recovery_holds_the_truth() -> None:
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(60):
        ids = [f"q{i}" for i in range(240)]
        lost = [{i: -float(rng.random() < 0.2) for i in ids} for _ in range(3)]
        still = [{i: v if rng.random() < 0.3 else 0.0 for i, v in row.items()} for row in lost]
        low, high = recovered("share", lost, still).over_questions
        held += low < 0.7 < high  # type: ignore[operator]
    assert held >= 51  # 95 % of 60 is 57; below 51 has a chance under one in a hundred


def test_combined_gains_nothing_from_questions_that_seeds_share() -> None:
    figure = combined("", [Estimate(0.1, 0.05, 0.15, 100), Estimate(0.3, 0.25, 0.35, 100)])
    assert figure.value == pytest.approx(0.2)
    assert figure.over_questions == (pytest.approx(0.15), pytest.approx(0.25))
    assert figure.n == 200
