"""Cloze scoring: how likely is the text of each option as the answer to the question?

The options are not shown, so there is no order to shift. Normalisations as OLMES (2406.08446) defines them:
raw, per character, per byte, and less the log-likelihood of the option after a prompt that asks nothing (the
pointwise mutual information of Holtzman et al. 2104.08315).
"""

from __future__ import annotations

from collections.abc import Sequence

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


class Bare:
    """Log-likelihoods of options after a prompt that asks nothing: those of an item when it is first asked for."""

    def __init__(self, reader: LanguageModel) -> None:
        self._reader = reader
        self._known: dict[str, list[float]] = {}

    def of(self, items: Sequence[MCQItem]) -> dict[str, list[float]]:
        """By item_id, in nats."""
        new = [item for item in items if item.item_id not in self._known]
        if new:
            messages = prompts.closed_book(NEUTRAL)
            rows = self._reader.loglikelihoods([messages] * len(new), [item.options for item in new])
            self._known |= {item.item_id: list(row) for item, row in zip(new, rows, strict=True)}
        return {item.item_id: self._known[item.item_id] for item in items}


class Cloze:
    """Chooses the option with the highest normalised log-likelihood.

    bare: of the same reader; without it pmi is undefined.
    """

    name = "cloze"

    def __init__(self, normalise: str, bare: Bare | None = None) -> None:
        self.normalise = normalise
        self.bare = bare

    def score(self, arm: str, answerer: Answerer, questions: Sequence[Question]) -> list[ItemResult]:
        prepared = [prepare(answerer, question, [None]) for question in questions]
        asked = [k for k, p in enumerate(prepared) if p.prompts]
        rows = answerer.reader.loglikelihoods(
            [prepared[k].messages[0] for k in asked], [questions[k].item.options for k in asked]
        )
        raw = dict(zip(asked, rows, strict=True))
        alone = self.bare.of([questions[k].item for k in asked]) if self.bare else {}
        found = []
        for k, question in enumerate(questions):
            item = question.item
            if k not in raw:
                found.append(result(arm, question, prepared[k], acc=None, predicted=None))
                continue
            detail: dict[str, object] = {"raw": list(raw[k])}
            blank = alone.get(item.item_id)
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
