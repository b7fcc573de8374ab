"""Letter scoring: the options are shown, and the model weighs A, B, C, ... in every cyclic shift.

Log-probabilities are averaged by content, so that a taste for a letter cancels (2308.11483); CircularEval
(2307.06281) asks that every single shift be right.
"""

from __future__ import annotations

from collections.abc import Sequence

from understudy import prompts
from understudy.evaluation.question import Question, choose, prepare, result
from understudy.evaluation.shifts import by_content, rotate
from understudy.types import Answerer, ItemResult


def shown_texts(question: Question, shifts: int | None) -> list[str | None]:
    """The question with its options, once a shift."""
    options = question.item.options
    return [
        prompts.multiple_choice(question.item.question, rotate(options, shift))
        for shift in range(min(shifts or len(options), len(options)))
    ]


class Letter:
    """Chooses the option whose letters are likeliest over the shifts."""

    name = "letter"

    def __init__(self, shifts: int | None = None) -> None:
        self.shifts = shifts

    def score(self, arm: str, answerer: Answerer, questions: Sequence[Question]) -> list[ItemResult]:
        prepared = [prepare(answerer, q, shown_texts(q, self.shifts)) for q in questions]
        conversations = [messages for p in prepared for messages in p.messages]
        letters = [
            list(prompts.LETTERS[: len(q.item.options)])
            for q, p in zip(questions, prepared, strict=True)
            for _ in p.prompts
        ]
        rows = iter(answerer.reader.loglikelihoods(conversations, letters))
        found = []
        for question, p in zip(questions, prepared, strict=True):
            item = question.item
            scores = tuple(tuple(by_content(next(rows), shift)) for shift in range(len(p.prompts)))
            if not scores:
                found.append(result(arm, question, p, acc=None, predicted=None))
                continue
            mean = [sum(column) / len(scores) for column in zip(*scores, strict=True)]
            predicted, acc = choose(mean, item.correct)
            each = [choose(row, item.correct) for row in scores]
            found.append(
                result(
                    arm, question, p, acc=acc, predicted=predicted, option_scores=scores,
                    circular=float(all(a == 1.0 for _, a in each)),
                    detail={"chosen": [option for option, _ in each]},
                )
            )  # fmt: skip
        return found
