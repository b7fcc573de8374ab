"""The exam sat again: the same answers are one thing, the same verdict against the base model another."""

from __future__ import annotations

from collections.abc import Sequence

from understudy.answer import ModelAnswerer
from understudy.evaluation.question import Question
from understudy.export.exam import Exam
from understudy.types import Arm, Completion, MCQItem, Message

QUESTIONS = [Question(MCQItem(f"q{n}", f"Question {n}?", ("a", "b", "c", "d"), n % 4, doc_id="d")) for n in range(20)]


class Knows:
    """A model that is right about so many of the questions, the first ones first, and wrong about the others."""

    window = 4096

    def __init__(self, name: str, right: int) -> None:
        self.name, self.right, self.asked = name, right, 0

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return 10

    def generate(self, conversations: Sequence[Sequence[Message]], **options: object) -> list[Completion]:
        raise AssertionError("the exam is answered by letter")

    def loglikelihoods(
        self, conversations: Sequence[Sequence[Message]], options: Sequence[Sequence[str]]
    ) -> list[list[float]]:
        self.asked += len(conversations)
        rows = []
        for conversation in conversations:
            n = next(n for n in range(20) if f"Question {n}?" in conversation[-1].content)
            chosen = n % 4 if n < self.right else (n + 1) % 4
            rows.append([0.0 if k == chosen else -5.0 for k in range(4)])
        return rows


def arm(name: str, model: Knows) -> ModelAnswerer:
    return ModelAnswerer(Arm.parse(name), model, None, (), 1, 32)  # type: ignore[arg-type]


def test_a_verdict_that_a_file_does_not_keep_stops_it() -> None:
    """Sixteen of twenty against eight is better; two answers fewer are no other answers that a test can show, and yet
    another verdict."""
    tuned, base = Knows("tuned", 15), Knows("base", 8)
    exam = Exam(arm("sft", tuned), QUESTIONS, arm("base", base))
    same = {c.name: c for c in exam.sit(Knows("written", 15))}  # type: ignore[arg-type]
    assert same["exam"].passed
    assert same["verdict"].passed
    assert same["verdict"].found["written"] == same["verdict"].found["measured"] == "better"
    fewer = {c.name: c for c in exam.sit(Knows("written", 13))}  # type: ignore[arg-type]
    assert fewer["exam"].passed
    assert not fewer["verdict"].passed
    assert fewer["verdict"].found["written"] == "no difference shown"
    assert fewer["verdict"].found["written wrong to right"] == 5
    assert fewer["verdict"].n == 20
    assert (tuned.asked, base.asked) == (20, 20)  # once for both files


def test_without_a_tuned_model_there_is_no_verdict_to_keep() -> None:
    base = Knows("base", 8)
    assert [c.name for c in Exam(arm("base", base), QUESTIONS).sit(Knows("written", 8))] == ["exam"]  # type: ignore[arg-type]
    assert Exam(arm("base", base), []).sit(Knows("written", 8)) == []  # type: ignore[arg-type]
