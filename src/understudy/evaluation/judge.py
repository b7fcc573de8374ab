"""Free answers, no options shown: does what the model wrote say the same as the key?

`match` compares text and costs nothing; it is strict, and right for values, names and commands. A model as
judge reads the meaning; it sees question, reference answer and given answer, and may only say yes or no.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from understudy.evaluation.question import Question, prepare, result
from understudy.prompts import ABSTAIN
from understudy.types import Answerer, ItemResult, LanguageModel, Message

MATCH_F1 = 0.6
_WORD = re.compile(r"[\w./:-]*\w")


def match(text: str, options: Sequence[str]) -> int | None:
    """The option that an answer states, or None where it states none, or several.

    An option is stated where its words stand in the answer in order; an option that lies within another
    stated one does not count. Where none is stated: the single option whose words overlap best, if the F1 of
    the overlap is at least MATCH_F1.
    """
    answer = _words(text)
    forms = [_words(option) for option in options]
    stated = [k for k, form in enumerate(forms) if form and _contains(answer, form)]
    stated = [k for k in stated if not any(k != j and _contains(forms[j], forms[k]) for j in stated)]
    if stated:
        return stated[0] if len(stated) == 1 else None
    overlaps = [_f1(answer, form) for form in forms]
    best = max(overlaps, default=0.0)
    return overlaps.index(best) if best >= MATCH_F1 and overlaps.count(best) == 1 else None


def _words(text: str) -> list[str]:
    return [w.casefold() for w in _WORD.findall(text)]


def _contains(words: list[str], part: list[str]) -> bool:
    return any(words[k : k + len(part)] == part for k in range(len(words) - len(part) + 1))


def _f1(a: list[str], b: list[str]) -> float:
    common = sum((Counter(a) & Counter(b)).values())
    return 2 * common / (len(a) + len(b)) if common else 0.0


def judge_prompt(question: str, reference: str, given: str) -> tuple[Message, ...]:
    """What a judging model is asked."""
    return (
        Message(
            "user",
            "Compare an answer with the reference.\n\n"
            f"Question: {question.strip()}\nReference answer: {reference.strip()}\n"
            f"Given answer: {given.strip()}\n\n"
            "Does the given answer state the same fact as the reference, without contradicting it? "
            "Reply with yes or no.",
        ),
    )


class Judge:
    """Scores free answers. reader: the judging model, or None for text matching."""

    name = "judge"

    def __init__(self, reader: LanguageModel | None = None, *, max_tokens: int = 64) -> None:
        self.reader = reader
        self.max_tokens = max_tokens

    def score(self, arm: str, answerer: Answerer, questions: Sequence[Question]) -> list[ItemResult]:
        prepared = [prepare(answerer, question, [None]) for question in questions]
        asked = [k for k, p in enumerate(prepared) if p.prompts]
        completions = answerer.reader.generate([prepared[k].messages[0] for k in asked], max_tokens=self.max_tokens)
        texts = {k: completion.text.strip() for k, completion in zip(asked, completions, strict=True)}
        verdicts = self._judge({k: (questions[k], text) for k, text in texts.items()})
        found = []
        for k, question in enumerate(questions):
            predicted = verdicts.get(k)
            text = texts.get(k, "")
            found.append(
                result(
                    arm, question, prepared[k], predicted=predicted, text=text,
                    acc=float(predicted == question.item.correct),
                    format_failure=k in texts and not text,
                    detail={"abstained": text.startswith(ABSTAIN)},
                )
            )  # fmt: skip
        return found

    def _judge(self, answers: dict[int, tuple[Question, str]]) -> dict[int, int | None]:
        if self.reader is None:
            return {k: match(text, question.item.options) for k, (question, text) in answers.items()}
        open_to_doubt = [k for k, (_, text) in answers.items() if text]
        asked = [
            judge_prompt(q.item.question, q.item.options[q.item.correct], text)
            for q, text in (answers[k] for k in open_to_doubt)
        ]
        replies = self.reader.generate(asked, max_tokens=4, choices=["yes", "no"]) if asked else []
        said_yes = {
            k for k, reply in zip(open_to_doubt, replies, strict=True) if reply.text.strip().lower().startswith("yes")
        }
        return {k: answers[k][0].item.correct if k in said_yes else None for k in answers}
