"""Free answers, no options shown: does what the model wrote say the same as the key?

`match` compares text and costs nothing; how often a person agrees with it is said in docs/benchmark.md. A model as
judge reads the meaning; it sees question, reference answer and given answer, and may only say yes or no.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from understudy.evaluation.lexical import content
from understudy.evaluation.question import Question, prepare, result
from understudy.evaluation.wording import agree, numbers, without_yes_no, yes_or_no
from understudy.normal import f1
from understudy.prompts import ABSTAIN
from understudy.types import Answerer, ItemResult, LanguageModel, Message

MATCH_F1 = 0.6
MATCH_SAID = 0.8
MATCH_SHARE = 0.5
"""Of an option's telling words beyond the question, how many an answer must say."""
_WORD = re.compile(r"[\w./:-]*\w")


def match(text: str, options: Sequence[str], question: str = "") -> int | None:
    """The option that an answer states, or None where it states none, or several.

    An option is stated where its words stand in the answer in order; an option that lies within another
    stated one does not count. Where none is: the single option of which the answer says most, if it has all its
    numbers, denies what the option denies and no more, and holds half of its telling words beyond the question (or
    overlaps with F1 of MATCH_F1). Of an option that begins with yes or no, the question's words count as well.
    A short answer states the one option that holds nearly all (MATCH_SAID)
    of what it says beyond the question.
    """
    answer = _words(text)
    forms = [_words(option) for option in options]
    stated = [k for k, form in enumerate(forms) if form and _contains(answer, form)]
    stated = [k for k in stated if not any(k != j and _contains(forms[j], forms[k]) for j in stated)]
    if stated:
        return stated[0] if len(stated) == 1 and agree(text, options[stated[0]], question) else None
    said, asked = _stems(text), _stems(question)
    shares = [max(_share(said, option, question), f1(answer, form) - MATCH_F1 + MATCH_SHARE)
              for option, form in zip(options, forms, strict=True)]  # fmt: skip
    best = max(shares, default=0.0)
    if best < MATCH_SHARE and said - asked:
        told = [len((said - asked) & _stems(option)) / len(said - asked) for option in options]
        if max(told) >= MATCH_SAID and told.count(max(told)) == 1:
            k = told.index(max(told))
            return k if agree(text, options[k], question) else None
    if best < MATCH_SHARE or shares.count(best) > 1:
        return None
    found = shares.index(best)
    whole = numbers(options[found]) <= numbers(text) | numbers(question)
    return found if whole and agree(text, options[found], question) else None


def states(text: str, reference: str, wrong: Sequence[str], question: str) -> bool:
    """Whether an answer gives the reference and none of the wrong answers; to a question of yes or no, the word."""
    word = yes_or_no(reference)
    if word and yes_or_no(text):
        return yes_or_no(text) == word
    return match(text, (reference, *wrong), question) == 0


def says(text: str, fact: str) -> bool:
    """Whether the words of a fact stand in a text in order; commas in numbers and marks of code do not count."""
    return _contains(_words(_plain(text)), _words(_plain(fact)))


def _plain(text: str) -> str:
    return re.sub(r"(?<=\d),(?=\d{3})", "", text.replace("`", "").replace("*", ""))


def _share(said: set[str], option: str, question: str) -> float:
    """Of what an option says beyond the question, how much is said; of a yes or no, with the question."""
    own, asked = _stems(without_yes_no(option)), _stems(question)
    wanted = own | asked if without_yes_no(option) != option else own - asked
    return len(wanted & said) / len(wanted) if wanted else 0.0


def _stems(text: str) -> set[str]:
    return {stem.rstrip("e") for stem in content(_plain(text))}


def _words(text: str) -> list[str]:
    return [w.casefold() for w in _WORD.findall(text)]


def _contains(words: list[str], part: list[str]) -> bool:
    return any(words[k : k + len(part)] == part for k in range(len(words) - len(part) + 1))


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
            return {
                k: match(text, question.item.options, question.item.question) for k, (question, text) in answers.items()
            }
        said = judged(
            self.reader, [(q.item.question, q.item.options[q.item.correct], text) for q, text in answers.values()]
        )
        return {k: answers[k][0].item.correct if yes else None for k, yes in zip(answers, said, strict=True)}


def judged(reader: LanguageModel, answers: Sequence[tuple[str, str, str]]) -> list[bool]:
    """Whether a judging model finds that answers state their reference. answers: question, reference, answer given;
    an empty one is not asked about."""
    asked = [k for k, (_, _, given) in enumerate(answers) if given]
    messages = [judge_prompt(*answers[k]) for k in asked]
    replies = reader.generate(messages, max_tokens=4, choices=["yes", "no"]) if asked else []
    yes = {k for k, reply in zip(asked, replies, strict=True) if reply.text.strip().lower().startswith("yes")}
    return [k in yes for k in range(len(answers))]
