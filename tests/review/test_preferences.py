"""Preference pairs: whom the model is asked about, and which of its answers are wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from review.kiln import CHUNKS, COOL, HEAT, HEAT_AGAIN, LID

from understudy.generate.decisions import content_id
from understudy.review.preferences import Preference, preferences, verified
from understudy.review.queue import queue
from understudy.review.session import Review


def test_only_what_is_trained_on_and_verified_is_asked(tmp_path: Path) -> None:
    twin = replace(HEAT, pair_id="9", question="How hot?")
    lost = replace(HEAT, pair_id="8", fact_id="lost", quote="Not there.")
    review = Review(queue([HEAT, twin, HEAT_AGAIN, COOL, LID, lost], [], CHUNKS), tmp_path / "d.jsonl")
    assert {p.fact_id for p in verified(review, 9)} == {"heat", "cool", "lid"}
    assert len(verified(review, 9)) == 3
    assert verified(review, 2) == verified(review, 9)[:2]
    review.write(
        [
            review.draft(review.find(content_id(LID)), "reject", reason="cut"),
            review.draft(review.find(content_id(COOL)), "edit", answer="For half a day."),
        ]
    )
    assert {p.answer for p in verified(review, 9)} == {HEAT.answer, "For half a day."}


def test_a_wrong_answer_makes_a_preference_and_nothing_else_does() -> None:
    said = ["At 400, as bread does.", "12 hours.", "The documentation does not say.", " "]
    pairs = [HEAT, COOL, LID, HEAT]
    found, counts = preferences(pairs, lambda questions: said[: len(questions)])
    assert found == [Preference(HEAT.question, HEAT.answer, "At 400, as bread does.")]
    assert counts == {
        "wrong": 1,
        "the model's answer agrees": 1,
        "the model declined": 1,
        "the model said nothing": 1,
    }
