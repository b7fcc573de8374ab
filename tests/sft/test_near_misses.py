"""Near misses: one thing is changed, it is of the same kind, and what the question says stays."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.normal import normal, words
from understudy.sft.near_misses import near_misses
from understudy.sft.wrong_answers import WrongAnswers
from understudy.types import QAPair

OTHERS = (
    "The mirror listens on port 8080 and is restarted by the timer.",
    "It writes to `/var/log/mirror.log` with `--verbose`, as Heron does.",
    "The letters are kept by Mallard in the archive for 30 days.",
)


def _all(answer: str, question: str = "What is it?") -> set[str]:
    return set(near_misses(answer, question, OTHERS, random.Random(0)))


@pytest.mark.parametrize(
    ("answer", "changed"),
    [
        ("It listens on port 7411.", "It listens on port 8080."),
        ("It is set by `--quiet` alone.", "It is set by `--verbose` alone."),
        ("It goes to `/tmp/a.log` at night.", "It goes to `/var/log/mirror.log` at night."),
        ("Yes, the gate opens.", "No, the gate opens."),
        ("It opens before the bell rings.", "It opens after the bell rings."),
        ("It does not wait for letters.", "It does wait for letters."),
        ("At most ten letters wait.", "at least ten letters wait."),
        ("It waits for the server to end.", "It waits for the mirror to end."),
        ("It is said by Heron, by Gadwall and others.", "It is said by Heron, by Mallard and others."),
    ],
)
def test_one_thing_is_changed_to_one_of_its_kind(answer: str, changed: str) -> None:
    assert changed.lower() in {wrong.lower() for wrong in _all(answer)}


def test_a_number_without_another_like_it_is_doubled() -> None:
    assert "It waits 7 hours." not in _all("It waits 7 hours.")
    assert list(near_misses("It waits 7 hours.", "What?", (), random.Random(0))) == ["It waits 14 hours."]


def test_what_the_question_names_stays() -> None:
    assert not any("8080" in wrong for wrong in _all("It is 7411.", "Is the port 7411 open?"))


def test_a_word_that_is_there_already_takes_no_place() -> None:
    assert not any(
        "relative or relative" in w or "absolute or absolute" in w for w in _all("It is relative or absolute.")
    )


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200), st.integers(0, 99))
def test_every_near_miss_keeps_most_of_the_answer(answer: str, seed: int) -> None:
    for wrong in near_misses(answer, "What is it?", OTHERS, random.Random(seed)):
        assert wrong != answer
        assert len(set(words(answer)) - set(words(wrong))) <= 3  # a phrase, a word or the parts of a span of code


def test_near_misses_come_first_and_no_more_than_asked_for() -> None:
    pairs = [
        QAPair("a", "Which port is used?", "The server uses port 7411.", "c1", doc_id="d", fact_id="f1"),
        QAPair("b", "Which port has the mirror?", "It listens on port 8080 there.", "c1", doc_id="d", fact_id="f2"),
        QAPair("c", "How long is a session?", "A session lasts thirty minutes.", "c1", doc_id="d", fact_id="f3"),
    ]
    wrong = WrongAnswers(pairs).of(pairs[0], 2, random.Random(1), altered=1)
    assert len(wrong) == 2
    assert wrong[0].startswith("The server uses port ")
    assert normal(wrong[0]) != normal(pairs[0].answer)
    assert wrong[1] in {pairs[1].answer, pairs[2].answer}
    assert WrongAnswers(pairs).of(pairs[0], 2, random.Random(1)) == WrongAnswers(pairs).of(
        pairs[0], 2, random.Random(1), altered=0
    )
