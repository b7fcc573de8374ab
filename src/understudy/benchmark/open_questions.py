"""Questions without options: out of an exam's questions, or a person's own with the facts that an answer must hold."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from understudy.errors import InputError
from understudy.evaluation.judge import says, states
from understudy.rows import read_rows
from understudy.types import MCQItem

_POINTS_AT_OPTIONS = re.compile(r"\b(of these|of the following|following|which one|option)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """A question to be answered in words.

    answer: the reference; empty with `facts` or where the documentation does not answer. facts: strings of which an
    answer must hold each (`a | b`: one of them); where there are some, they decide what is right. wrong: answers that
    it must not give. chunk_id, doc_id, quote: where the answer stands.
    """

    item_id: str
    question: str
    answer: str = ""
    facts: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    chunk_id: str = ""
    doc_id: str = ""
    quote: str = ""

    @property
    def answerable(self) -> bool:
        """Whether it has an answer."""
        return bool(self.answer or self.facts)

    def right(self, text: str) -> bool:
        """Whether a text gives the answer, as far as its words tell."""
        if self.facts:
            return all(any(says(text, form) for form in fact.split("|")) for fact in self.facts)
        return bool(self.answer) and states(text, self.answer, self.wrong, self.question)


def of_exam(items: Sequence[MCQItem]) -> list[OpenQuestion]:
    """The exam's questions that can be understood without their options."""
    return [
        OpenQuestion(
            item.item_id,
            item.question,
            item.options[item.correct],
            wrong=tuple(o for k, o in enumerate(item.options) if k != item.correct),
            chunk_id=item.chunk_id,
            doc_id=item.doc_id,
            quote=item.quote,
        )
        for item in items
        if not _POINTS_AT_OPTIONS.search(item.question)
    ]


def read_open(path: Path) -> list[OpenQuestion]:
    """Open questions of a file of rows: `question`, `answer` (or `key`; empty: not answered), `facts`, `doc_id`.

    Raises InputError for a file that cannot be read, without a question, or with one question twice.
    """
    found: dict[str, OpenQuestion] = {}
    for row in read_rows(path).rows:
        values = row.lower()
        question = _text(values.get("question"))
        if not question:
            raise InputError(f"{path}:{row.line}: no `question`; each row needs one, and an `answer` or null")
        facts = values.get("facts") or ()
        facts = tuple(map(str, facts)) if isinstance(facts, (list, tuple)) else tuple(str(facts).split(";"))
        answer = _text(values.get("answer")) or _text(values.get("key"))
        name = hashlib.sha256(question.encode()).hexdigest()[:16]
        if name in found:
            raise InputError(f"{path}:{row.line}: asked twice: {question}")
        found[name] = OpenQuestion(
            name, question, answer, tuple(f.strip() for f in facts if f.strip()), doc_id=_text(values.get("doc_id"))
        )
    if not found:
        raise InputError(f"{path}: no question in it")
    return list(found.values())


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()
