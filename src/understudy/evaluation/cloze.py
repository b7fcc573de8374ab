"""Cloze scoring: how likely is the text of each option as the answer to the question?

The options are not shown, so there is no order to shift. Normalisations as OLMES (2406.08446) defines them:
raw, per character, per byte, and less the log-likelihood of the option after a prompt that asks nothing (the
pointwise mutual information of Holtzman et al. 2104.08315).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from understudy import prompts
from understudy.evaluation.question import Question, choose, prepare, result
from understudy.types import Answerer, ItemResult, LanguageModel, MCQItem

NEUTRAL = "Which of the answers is right?"
NORMALISATIONS = ("raw", "char", "byte", "pmi")


def normalised(
    raw: Sequence[float], options: Sequence[str], how: str, unconditional: Sequence[float] | None = None
) -> list[float] | None:
    """Scores by one of NORMALISATIONS; None where pmi lacks its unconditional values."""
    if how == "raw":
        return list(raw)
    if how == "char":
        return [score / max(1, len(option)) for score, option in zip(raw, options, strict=True)]
    if how == "byte":
        return [score / max(1, len(option.encode())) for score, option in zip(raw, options, strict=True)]
    if unconditional is None:
        return None
    return [score - base for score, base in zip(raw, unconditional, strict=True)]


def unconditional(reader: LanguageModel, items: Sequence[MCQItem]) -> dict[str, list[float]]:
    """Log-likelihood of each option after a prompt that asks nothing, by item_id."""
    messages = prompts.closed_book(NEUTRAL)
    rows = reader.loglikelihoods([messages] * len(items), [item.options for item in items])
    return {item.item_id: list(row) for item, row in zip(items, rows, strict=True)}


class Cloze:
    """Chooses the option with the highest normalised log-likelihood.

    blank: `unconditional` of the same reader by item_id; without it pmi is undefined.
    """

    name = "cloze"

    def __init__(self, normalise: str, blank: Mapping[str, Sequence[float]] | None = None) -> None:
        self.normalise = normalise
        self.blank = blank or {}

    def score(self, arm: str, answerer: Answerer, questions: Sequence[Question]) -> list[ItemResult]:
        prepared = [prepare(answerer, question, [None]) for question in questions]
        asked = [k for k, p in enumerate(prepared) if p.prompts]
        rows = answerer.reader.loglikelihoods(
            [prepared[k].messages[0] for k in asked], [questions[k].item.options for k in asked]
        )
        raw = dict(zip(asked, rows, strict=True))
        found = []
        for k, question in enumerate(questions):
            item = question.item
            if k not in raw:
                found.append(result(arm, question, prepared[k], acc=None, predicted=None))
                continue
            detail: dict[str, object] = {"raw": list(raw[k])}
            blank = self.blank.get(item.item_id)
            if blank is not None:
                detail["unconditional"] = list(blank)
            scores = normalised(raw[k], item.options, self.normalise, blank)
            assert scores is not None  # pmi is only configured together with its unconditional values
            predicted, acc = choose(scores, item.correct)
            found.append(
                result(
                    arm, question, prepared[k], acc=acc, predicted=predicted,
                    option_scores=(tuple(scores),), detail=detail,
                )
            )  # fmt: skip
        return found
