"""The run's exam sat again with what was written: the same answers, and the same verdict against the base model?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from understudy.answer import ModelAnswerer
from understudy.evaluation.intervals import accuracy
from understudy.evaluation.letter import Letter
from understudy.evaluation.question import Question, right
from understudy.evaluation.statistics.significance import mcnemar_p
from understudy.export.config import ALPHA
from understudy.export.parity import Check
from understudy.types import ItemResult, LanguageModel, Retriever


@dataclass
class Exam:
    """Questions with options, answered by letter, in one order of options.

    measured: the arm as it was measured. base: the base model's arm with the same context, where a tuned one is
    written. Both sit the exam once, for every file.
    """

    measured: ModelAnswerer
    questions: Sequence[Question]
    base: ModelAnswerer | None = None

    def sit(self, written: LanguageModel, retriever: Retriever | None = None) -> list[Check]:
        """What the written model answers, beside the measured one and beside the base model."""
        if not self.questions:
            return []
        arm = replace(self.measured, reader=written, retriever=retriever or self.measured.retriever)
        rows = _answers(arm, self.questions)
        found = [self._same_answers(rows)]
        if self.base is not None:
            found.append(self._same_verdict(rows))
        return found

    @cached_property
    def _ours(self) -> list[ItemResult]:
        return _answers(self.measured, self.questions)

    @cached_property
    def _base(self) -> list[ItemResult]:
        assert self.base is not None
        return _answers(self.base, self.questions)

    def _same_answers(self, rows: Sequence[ItemResult]) -> Check:
        """Accuracies, flips, McNemar's exact p."""
        lost, won = _flips(self._ours, rows)
        p = mcnemar_p(lost, won)
        labels = {q.item.item_id: q.item.doc_id for q in self.questions}
        before, after = (accuracy({r.item_id: r for r in each}, labels) for each in (self._ours, rows))
        return Check(
            "exam", p is None or p >= ALPHA, len(self.questions),
            {"measured": before.value, "measured low": before.low, "measured high": before.high, "written": after.value,
             "written low": after.low, "written high": after.high, "right to wrong": lost, "wrong to right": won,
             "other answers": sum(a.predicted != b.predicted for a, b in zip(self._ours, rows, strict=True)),
             "mcnemar p": p},
            f"McNemar's p at least {ALPHA:g}",
        )  # fmt: skip

    def _same_verdict(self, rows: Sequence[ItemResult]) -> Check:
        """Whether the model as written is called better or worse than the base model just as the measured one is."""
        said: dict[str, float | int | str | None] = {}
        for name, each in (("measured", self._ours), ("written", rows)):
            lost, won = _flips(self._base, each)
            p = mcnemar_p(lost, won)
            shown = p is not None and p < ALPHA and lost != won
            said |= {name: ("better" if won > lost else "worse") if shown else "no difference shown",
                     f"{name} right to wrong": lost, f"{name} wrong to right": won, f"{name} p": p}  # fmt: skip
        same = said["measured"] == said["written"]
        return Check("verdict", same, len(self.questions), said, "called better or worse than the base model alike")


def _answers(arm: ModelAnswerer, questions: Sequence[Question]) -> list[ItemResult]:
    return Letter(shifts=1).score(arm.name, arm, questions)


def _flips(first: Sequence[ItemResult], second: Sequence[ItemResult]) -> tuple[int, int]:
    """(right in the first alone, right in the second alone)."""
    cells = [(right(a), right(b)) for a, b in zip(first, second, strict=True)]
    return cells.count((True, False)), cells.count((False, True))
