"""The advice follows the comparisons: the simplest arm that nothing is shown to beat."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest

from understudy.benchmark.summary import ArmSummary, General, GeneralTask, Provenance, Summary
from understudy.evaluation.records import NOTHING, Comparison, Interval
from understudy.report.recommendation import recommend
from understudy.types import Arm


def measured(value: float) -> Interval:
    return Interval(value, value - 0.05, value + 0.05, 0.025, 100, 10)


def summary(accuracies: dict[str, float], apart: float = 0.1, **more: Any) -> Summary:
    """Arms with these accuracies, every pair compared: better where they lie more than `apart` from each other."""
    arms = []
    for name, value in accuracies.items():
        floor = name.startswith("floor:")
        arm = Arm.parse(name)
        arms.append(ArmSummary(name, "floor" if floor else "arm", arm.model, arm.context, "sum", measured(value)))
    real = [a for a in arms if a.kind == "arm"]
    comparisons = tuple(_compared(b, a, apart) for a, b in combinations(real, 2))
    made = Provenance(0, "sum", "none", 1, "document", 10, (10,) * 10, 0.95, "", "", "", "", 100, 0.25)
    floors = tuple(a.name for a in arms if a.kind == "floor")
    base: dict[str, Any] = {"gameable": floors, "comparisons": comparisons, **more}
    return Summary("", "inconclusive", tuple(arms), provenance=made, **base)


def _compared(first: ArmSummary, second: ArmSummary, apart: float) -> Comparison:
    difference = (first.acc.value or 0) - (second.acc.value or 0)
    word: Any = "better" if difference > apart else "worse" if difference < -apart else "inconclusive"
    return Comparison(
        first.name, second.name, NOTHING, None, None, None, 0, 0, 0, 0, None, None, None, word, f"{first.name}: {word}."
    )


@pytest.mark.parametrize(
    ("accuracies", "sentence"),
    [
        (
            {"base": 0.4, "base+rag": 0.8, "sft": 0.45, "sft+rag": 0.83},
            "Ship base + retrieval: fine-tuning adds nothing that can be shown; passages are shown to help "
            "(80 % right against 40 %).",
        ),
        (
            {"base": 0.4, "base+rag": 0.6, "sft": 0.5, "sft+rag": 0.9},
            "Ship fine-tuned + retrieval: fine-tuning is shown to help (90 % right against 60 %); passages are shown "
            "to help (90 % right against 50 %).",
        ),
        (
            {"base": 0.4, "sft": 0.8, "base+rag": 0.5, "sft+rag": 0.82},
            "Ship fine-tuned: fine-tuning is shown to help (80 % right against 40 %); retrieval adds nothing that can "
            "be shown.",
        ),
        (
            {"base": 0.7, "sft": 0.5},
            "Ship base: fine-tuning is shown to harm (50 % right against 70 %).",
        ),
        ({"base": 0.7}, "Ship base."),
        ({"base": 0.28, "sft": 0.3}, "Ship nothing yet: the best arm, base, is not shown to do better than guessing "
                                      "(28 % against 25 %)."),
        (
            {"base": 0.6, "floor:longest": 0.58},
            "Ship nothing yet: the best arm, base, is not shown to do better than the shortcut baseline “longest” "
            "(60 % against 58 %).",
        ),
        ({"base+oracle": 0.9}, "Ship nothing yet: no arm that could answer users was measured."),
    ],
)  # fmt: skip
def test_the_sentence(accuracies: dict[str, float], sentence: str) -> None:
    assert recommend(summary(accuracies)).sentence.replace("\N{NO-BREAK SPACE}", " ") == sentence


def test_the_order_of_a_pair_does_not_matter() -> None:
    found = summary({"base": 0.4, "sft": 0.8})
    (pair,) = found.comparisons
    turned = replace(pair, first=pair.second, second=pair.first, verdict="worse")
    assert recommend(replace(found, comparisons=(turned,))).sentence == recommend(found).sentence


def test_an_arm_that_needs_the_answers_passage_is_never_advised() -> None:
    assert recommend(summary({"base": 0.5, "base+oracle": 0.95})).arm == "base"


def test_forgetting_is_said_and_so_is_what_was_not_measured() -> None:
    lost = GeneralTask("sums", "base", "sft", measured(0.9), measured(0.5), measured(-0.4), 0.05, "lost")
    found = summary({"base": 0.4, "sft": 0.8})
    assert "Whether general skills suffered was not measured." in recommend(found).reasons
    assert (
        "but general skills are shown to have suffered" in recommend(replace(found, general=General((lost,)))).sentence
    )


def test_arms_that_were_never_paired_give_no_advice() -> None:
    found = replace(summary({"base": 0.4, "sft": 0.8}), comparisons=())
    assert recommend(found).arm is None
    assert "were compared in pairs" in recommend(found).sentence


def test_a_circle_of_comparisons_ends() -> None:
    found = summary({"base": 0.5, "sft": 0.55, "base+rag": 0.6})
    pairs = [("sft", "base"), ("base+rag", "sft"), ("base", "base+rag")]
    circle = tuple(replace(found.comparisons[0], first=a, second=b, verdict="better") for a, b in pairs)
    assert recommend(replace(found, comparisons=circle)).arm is not None
