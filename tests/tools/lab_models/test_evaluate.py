"""Items are fair: one right option of four, the answer in the passages, and a copier would be seen as one."""

from __future__ import annotations

import math

import pytest

from tools.lab_models import evaluate as ev
from tools.lab_models.tasks.documentation import term_kind

TEXT = "\n".join(
    f"The option_{i} setting limits the workers to {i * 7 + 3} by default, and the scheduler reads it at startup."
    for i in range(60)
)


@pytest.mark.parametrize(
    "items",
    [ev.statement_items(30, 1), ev.statement_items(30, 8), ev.line_items(30, 6), ev.manual_items(30)],
    ids=["one", "eight", "lines", "manuals"],
)
def test_the_answer_stands_in_the_passages(items: list[ev.Item]) -> None:
    for item in items:
        assert len(set(item.options)) == 4
        assert item.options[item.correct] in item.docs
    counts = [sum(i.correct == k for i in items) for k in range(4)]
    assert max(counts) < 20


def test_gaps_hide_their_answer_and_options_are_of_one_type() -> None:
    for item in ev.cloze_items(30, [TEXT]):
        answer = item.options[item.correct]
        assert answer in item.docs
        assert "____" in item.question
        assert len({term_kind(o) for o in item.options}) == 1


def test_items_depend_on_the_seed_alone() -> None:
    assert ev.manual_items(10, seed=3) == ev.manual_items(10, seed=3)
    assert ev.manual_items(10, seed=3) != ev.manual_items(10, seed=4)


@pytest.mark.parametrize(("hits", "n"), [(0, 10), (5, 10), (97, 100), (300, 300)])
def test_wilson_interval_solves_its_equation(hits: int, n: int) -> None:
    """The bounds are the p for which the observed share lies 1.96 standard errors away."""
    for bound in ev.interval(hits, n):
        assert 0 <= bound <= 1
        assert abs(hits / n - bound) == pytest.approx(1.959964 * math.sqrt(bound * (1 - bound) / n), abs=1e-9)
