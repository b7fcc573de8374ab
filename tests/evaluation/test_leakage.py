"""Questions of an exam that stand in the training data are found: the same, nearly the same, or long runs of words."""

from __future__ import annotations

import csv
from pathlib import Path

from understudy.evaluation.leakage import leaked
from understudy.types import MCQItem, QAPair


def item(question: str) -> MCQItem:
    return MCQItem(question, question, ("a", "b"), 0)


def pair(question: str, split: str = "train") -> QAPair:
    return QAPair(question, question, "An answer.", split=split)


def test_each_way_of_giving_a_question_away_is_named_and_others_are_kept() -> None:
    taught = [
        pair("Which port does the heron server listen on by default?"),
        pair("How many backups of a catalogue does the keeper keep for a customer in one week?"),
        pair("Where are the lamps?", "test"),
    ]
    asked = [
        item("which port does the Heron server listen on by default"),
        item("Say how many backups of a catalogue does the keeper keep."),
        item("On which port does the heron server listen by default?"),
        item("Where are the lamps?"),
        item("What colour is the kettle?"),
    ]
    assert leaked(asked, taught) == {
        asked[0].item_id: "asked in the training data",
        asked[1].item_id: "shares 8 words with a question of the training data",
        asked[2].item_id: "nearly asked in the training data",
    }
    assert leaked(asked, []) == leaked([], taught) == {}


def test_a_practice_of_fifty_questions_of_which_four_were_taught(nitro: Path) -> None:
    with open(nitro / "teacher_pairs.csv", encoding="utf-8", newline="") as file:
        questions = list(dict.fromkeys(row["question"] for row in csv.DictReader(file)))
    own = [f"Which of these is said of kettle number {n}, and why?" for n in range(46)]
    asked = [item(question) for question in (*questions[7:2000:600], *own)]
    assert len(asked) == 50
    found = leaked(asked, [pair(question) for question in questions])
    assert set(found) == {one.item_id for one in asked[:4]}
    assert set(found.values()) == {"asked in the training data"}
