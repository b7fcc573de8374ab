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


def accuracy(answerer: Answerer, items: Sequence[MCQItem]) -> float | None:
    """Mean closed-book accuracy, cloze scoring per character; None without a defined answer."""
    results = Cloze("char", None).score("development", answerer, [Question(item) for item in items])
    defined = [r.acc for r in results if r.acc is not None]
    return sum(defined) / len(defined) if defined else None
