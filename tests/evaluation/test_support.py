"""Which sentence backs an answer, and which questions a documentation does not speak of."""

from __future__ import annotations

import pytest

from understudy.evaluation.support import Topic, supporting
from understudy.types import Chunk

TEXTS = (
    "The kiln reaches 1,200 degrees in four hours. Never open its door\nbefore it has cooled to 80 degrees.\n\n"
    "- `fan`: the fan runs at half speed.\n- `alarm`: it rings for 30 seconds.",
    "| Part | Weight |\n|---|---|\n| door | 40 kg |\n| shelf | 7 kg |",
    "The lathe has a belt. The belt is changed every 500 hours of turning.",
)
CHUNKS = [Chunk(f"c{i}", "a.md", text, 0, 1, i, i, 9, "Workshop", ()) for i, text in enumerate(TEXTS)]
TOPIC = Topic(CHUNKS)


@pytest.mark.parametrize(
    ("question", "answer", "sentence"),
    [
        ("When may the kiln's door be opened?", "After cooling to 80 degrees.",
         "Never open its door before it has cooled to 80 degrees."),
        ("How long does the alarm ring?", "It rings 30 seconds", "`alarm`: it rings for 30 seconds."),
        ("What does the shelf weigh?", "7 kg", "shelf | 7 kg"),
        ("How often is the belt changed?", "Every 500 hours", "The belt is changed every 500 hours of turning."),
        ("How often is the belt changed?", "The belt is changed.", "The belt is changed every 500 hours of turning."),
    ],
)  # fmt: skip
def test_the_sentence_is_found_word_for_word(question: str, answer: str, sentence: str) -> None:
    found = supporting(Topic(CHUNKS), question, answer, CHUNKS)
    assert found is not None
    assert found.sentence == sentence
    assert sentence in " ".join(found.chunk.text.split())
    assert found.share >= 0.5


@pytest.mark.parametrize("answer", ["Every Tuesday at noon.", "", "It is."])
def test_an_answer_of_other_words_has_no_support(answer: str) -> None:
    assert supporting(Topic(CHUNKS), "How often is the belt changed?", answer, CHUNKS) is None


@pytest.mark.parametrize(
    "answer",
    [
        "The belt is not changed every 500 hours of turning.",
        "The belt is changed every 5000 hours of turning.",
        "No, the belt is changed every 500 hours of turning.",
    ],
)
def test_a_denial_or_another_number_is_not_supported_by_the_same_words(answer: str) -> None:
    assert supporting(TOPIC, "How often is the belt changed?", answer, CHUNKS) is None


def test_words_of_the_question_support_no_bare_yes_or_no() -> None:
    for answer in ("Yes, the belt is changed.", "No, it is not.", "Yes."):
        assert supporting(TOPIC, "Is the belt ever changed?", answer, CHUNKS) is None


def test_a_denial_is_supported_by_a_denial() -> None:
    found = supporting(TOPIC, "May the door be opened hot?", "No, it is never opened before it has cooled.", CHUNKS)
    assert found is not None
    assert found.sentence.startswith("Never open")


def test_questions_about_something_else_are_told_apart_by_the_passages_read() -> None:
    assert TOPIC.covers("How often is the lathe's belt changed?", CHUNKS)
    assert TOPIC.covers("what is it", CHUNKS)  # says nothing that could be looked for
    for question in ("Who won the world cup in 1998?", "What is the capital of Peru?", "Is the door of my car locked?"):
        assert not TOPIC.covers(question, CHUNKS), TOPIC.share(question)
    assert not TOPIC.covers("How often is the lathe's belt changed?", CHUNKS[:2])
    assert TOPIC.share("kiln") == 1
    assert Topic([]).share("kiln") == 0


STEPS = (
    "1. Never open the kiln's door before it has cooled to 80 degrees.\n2. The shelf has a weight of 7 kg.\n3. Lift it."
)


def test_a_longer_answer_is_supported_by_its_passages_together() -> None:
    question = "How do I work with a shelf?"
    found = supporting(TOPIC, question, STEPS, CHUNKS)
    assert found is not None
    assert found.sentence == "Never open its door before it has cooled to 80 degrees."
    assert supporting(TOPIC, question, STEPS, CHUNKS[2:]) is None
    assert supporting(TOPIC, question, STEPS.replace("80", "95"), CHUNKS) is None
    invented = "1. Phone the supplier.\n2. Reorder glaze chemicals overnight.\n3. Sand every tile.\n4. Open the door."
    assert supporting(TOPIC, question, invented, CHUNKS) is None


@pytest.mark.parametrize(
    "answer", ["Lift it: the `shelf --lift` of 7 kg.", "The weight is 7 kg. The part is `shelf --lift`."]
)
def test_code_that_no_passage_shows_is_not_supported(answer: str) -> None:
    assert supporting(TOPIC, "How heavy is it?", answer, CHUNKS) is None
    assert supporting(TOPIC, "How heavy is it?", answer.replace("`shelf --lift`", "`shelf`"), CHUNKS) is not None
    assert supporting(TOPIC, "How heavy is it for `shelf --lift`?", answer, CHUNKS) is not None
