"""One number for one model: its accuracy on development questions, by which a search chooses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from understudy.errors import InputError
from understudy.evaluation.cloze import Cloze
from understudy.evaluation.interchange.read import read_questions
from understudy.evaluation.items import clean
from understudy.evaluation.question import Question
from understudy.types import Answerer, MCQItem


def load_development(path: Path, key: str) -> list[MCQItem]:
    """Usable questions of a file. Raises InputError naming the recipe's key where there are none."""
    found, _ = read_questions(path.expanduser())
    kept, _ = clean(found)
    if not kept:
        raise InputError(f"{key}: {path} holds no usable question")
    return kept


def scores(answerer: Answerer, items: Sequence[MCQItem]) -> list[float | None]:
    """Accuracy question by question, cloze scoring per character; None where one could not be asked."""
    results = Cloze("char").score(answerer.name, answerer, [Question(item) for item in items])
    return [r.acc for r in results]


def accuracy(answerer: Answerer, items: Sequence[MCQItem]) -> float | None:
    """Mean of `scores`; None without a defined answer."""
    defined = [acc for acc in scores(answerer, items) if acc is not None]
    return sum(defined) / len(defined) if defined else None
