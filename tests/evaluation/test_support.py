"""Which sentence backs an answer, and which questions a documentation does not speak of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import pytest

from understudy.errors import ModelError
from understudy.evaluation.response import respond
from understudy.evaluation.support import SPOKEN_OF, Topic, candidates, supporting
from understudy.prompts import ABSTAIN
from understudy.types import Chunk, Hit, LanguageModel, Message, Prompt

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


def test_a_denial_is_supported_by_a_denial() -> None:
    found = supporting(TOPIC, "May the door be opened hot?", "No, it is never opened before it has cooled.", CHUNKS)
    assert found is not None
    assert found.sentence.startswith("Never open")


def test_questions_about_something_else_are_told_apart() -> None:
    topic = Topic(CHUNKS)
    assert topic.covers("How often is the lathe's belt changed?")
    assert topic.covers("what is it")  # says nothing that could be looked for
    for question in ("Who won the world cup in 1998?", "What is the capital of Peru?", "Is the door of my car locked?"):
        assert not topic.covers(question), topic.share(question)
    assert topic.share("kiln") == 1
    assert Topic([]).share("kiln") == 0


class Weighs:
    """A reader that finds one word likely, or cannot weigh at all."""

    def __init__(self, word: str | None) -> None:
        self.word = word

    def loglikelihoods(
        self, conversations: Sequence[Sequence[Message]], options: Sequence[Sequence[str]]
    ) -> list[list[float]]:
        if self.word is None:
            raise ModelError("no likelihoods")
        return [[-0.1 * len(o) if self.word in o else -float(len(o)) for o in row] for row in options]


def test_sentences_that_may_answer_hold_much_of_the_question() -> None:
    found = candidates(TOPIC, "Is the belt of the lathe changed while turning?", CHUNKS)
    assert [s.sentence for s in found] == ["The belt is changed every 500 hours of turning.", "The lathe has a belt."]
    assert found[0].share > found[1].share >= SPOKEN_OF
    assert candidates(TOPIC, "Who painted it?", CHUNKS) == []


@pytest.mark.parametrize(
    ("written", "word", "text", "quoted", "abstained"),
    [
        ("Every 500 hours.", "lathe", "Every 500 hours.", False, False),
        ("Once a year.", "500", "The belt is changed every 500 hours of turning.", True, False),
        ("Once a year.", "lathe", "The belt is changed every 500 hours of turning.", True, False),
        ("Once a year.", None, "The belt is changed every 500 hours of turning.", True, False),
        (ABSTAIN, "500", ABSTAIN, False, True),
    ],
)
def test_what_is_told_is_the_models_answer_only_where_a_passage_says_it(
    written: str, word: str | None, text: str, quoted: bool, abstained: bool
) -> None:
    prompt = Prompt((Message("user", "?"),), tuple(Hit(c, 1.0) for c in CHUNKS))
    reader = cast(LanguageModel, Weighs(word))
    told = respond(TOPIC, reader, "When is the belt changed in turning?", written, prompt)
    assert (told.text, told.quoted, told.abstained, told.own) == (text, quoted, abstained, written)
    assert (told.support is None) == abstained


def test_of_sentences_that_speak_as_much_of_the_question_the_model_chooses() -> None:
    texts = ("The belt is changed by the foreman.", "The belt is changed every 500 hours.")
    chunks = [Chunk(f"d{i}", "a.md", text, 0, 1, i, i, 9, "Workshop", ()) for i, text in enumerate(texts)]
    prompt = Prompt((Message("user", "?"),), tuple(Hit(c, 1.0) for c in chunks))
    for word, told in (("foreman", texts[0]), ("500", texts[1])):
        reader = cast(LanguageModel, Weighs(word))
        assert respond(Topic(chunks), reader, "When is the belt changed?", "On Tuesday.", prompt).text == told


def test_a_sentence_that_hardly_speaks_of_the_question_is_no_answer() -> None:
    prompt = Prompt((Message("user", "?"),), (Hit(CHUNKS[2], 1.0),))
    reader = cast(LanguageModel, Weighs("belt"))
    question = "Which belt does the kiln's alarm door use in shelf seven of Ohio?"
    assert respond(TOPIC, reader, question, "A red one.", prompt).abstained


def test_without_passages_the_models_words_are_all_there_is() -> None:
    told = respond(TOPIC, cast(LanguageModel, Weighs("x")), "How often?", " Once a year. ", Prompt(()))
    assert (told.text, told.support, told.quoted) == ("Once a year.", None, False)
    nothing = respond(
        TOPIC, cast(LanguageModel, Weighs("x")), "Who painted it?", "Bob.", Prompt((), (Hit(CHUNKS[2], 1.0),))
    )
    assert nothing.abstained
    assert nothing.text == ABSTAIN
