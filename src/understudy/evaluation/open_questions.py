"""Questions without options: out of an exam's questions, or a person's own; and what of an answer to them is right."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from understudy.errors import InputError
from understudy.evaluation.judge import says, states
from understudy.rows import read_rows
from understudy.types import MCQItem, OpenQuestion

TAKEN_OUT = "page taken out"
"""The source of a question whose page is taken out of what is searched."""
NOT_TREATED = "not treated"
"""The source of a question about a thing that the documentation does not treat."""
OWN = "own"
_POINTS_AT_OPTIONS = re.compile(r"\b(of these|of the following|following|which one|option)\b", re.IGNORECASE)
_TERM = re.compile(r"`[^`\n]+`|[^\s;()\"'`]+")
_NAME = re.compile(r"-{1,2}\w|/\w|.*[\d_]|.*\w\.\w\w|.*[a-z][A-Z]")
_TRUE, _FALSE = frozenset({"true", "yes", "1"}), frozenset({"false", "no", "0"})


def right(question: OpenQuestion, text: str) -> bool:
    """Whether a text gives the answer, as far as its words tell."""
    if question.by_must:
        return not missing(question, text)
    return bool(question.answer) and states(text, question.answer, question.wrong, question.question)


def missing(question: OpenQuestion, text: str) -> tuple[str, ...]:
    """What an answer has to say and a text does not."""
    return tuple(term for term in question.must if not any(says(text, form) for form in term.split("|")))


def key_terms(answer: str, question: str) -> tuple[str, ...]:
    """What of an answer cannot be said in other words, beyond the question's own: its numbers, and names in code."""
    found: dict[str, None] = {}
    for written in _TERM.findall(answer):
        term = written.strip("`").rstrip(".,:!?")
        if term and (written[0] == "`" or _NAME.match(term)) and not says(question, term):
            found.setdefault(term)
    return tuple(found)


def without_options(text: str) -> bool:
    """Whether a question can be understood where no options are shown."""
    return not _POINTS_AT_OPTIONS.search(text)


def of_exam(items: Sequence[MCQItem]) -> list[OpenQuestion]:
    """The exam's questions that can be understood without their options."""
    return [
        OpenQuestion(
            item.item_id,
            item.question,
            item.options[item.correct],
            must=key_terms(item.options[item.correct], item.question),
            wrong=tuple(o for k, o in enumerate(item.options) if k != item.correct),
            chunk_id=item.chunk_id,
            doc_id=item.doc_id,
            quote=item.quote,
            kind=item.kind,
            fact_id=item.fact_id,
            source=item.source,
            in_exam=True,
        )
        for item in items
        if without_options(item.question)
    ]


def taken_out(questions: Sequence[OpenQuestion]) -> list[OpenQuestion]:
    """The same questions with their page taken out of what is searched; without those whose page nobody knows."""
    return [replace(q, answerable=False, without=q.doc_id, source=TAKEN_OUT) for q in questions if q.doc_id]


def read_open(path: Path) -> list[OpenQuestion]:
    """Open questions of a file of rows (`rows.py`): `question`, `answer` (or `key`), `must` (or `facts`), `answerable`,
    `doc_id`.

    must: a list, or a text with semicolons; where there is some, it decides what is right. answerable: where it is not
    said, a question has an answer if one is given. All else is read as `understudy pairs --open` writes
    it. Raises InputError for a file that cannot be read, without a question, with one question twice, or with one
    that should have an answer and has none.
    """
    found: dict[tuple[str, str], OpenQuestion] = {}
    for row in read_rows(path).rows:
        values = row.lower()
        question = _text(values.get("question"))
        if not question:
            raise InputError(f"{path}:{row.line}: no `question`; each row needs one, and an `answer` or null")
        asked = _own(values, question, f"{path}:{row.line}")
        if (question, asked.without) in found:
            raise InputError(f"{path}:{row.line}: asked twice: {question}")
        found[question, asked.without] = asked
    if not found:
        raise InputError(f"{path}: no question in it")
    return list(found.values())


def _own(values: Mapping[str, Any], question: str, where: str) -> OpenQuestion:
    answer = _text(values.get("answer")) or _text(values.get("key"))
    must = _terms(values.get("must") or values.get("facts"))
    answerable = _flag(values.get("answerable"), where)
    if answerable and not (answer or must):
        raise InputError(f"{where}: `answerable` is true, and there is neither an `answer` nor a `must`")
    by_must = _flag(values.get("by_must"), where)
    return OpenQuestion(
        item_id=_text(values.get("item_id")) or hashlib.sha256(question.encode()).hexdigest()[:16],
        question=question,
        answer=answer,
        must=must,
        by_must=bool(must) if by_must is None else by_must and bool(must),
        answerable=bool(answer or must) if answerable is None else answerable,
        without=_text(values.get("without")),
        wrong=_terms(values.get("wrong")),
        chunk_id=_text(values.get("chunk_id")),
        doc_id=_text(values.get("doc_id")),
        quote=_text(values.get("quote")),
        kind=_text(values.get("kind")),
        fact_id=_text(values.get("fact_id")),
        source=_text(values.get("source")) or OWN,
    )


def _terms(value: Any) -> tuple[str, ...]:
    """A list, as JSON too, or a text with semicolons."""
    if value is None:
        return ()
    if isinstance(value, str) and value.lstrip().startswith("["):
        with contextlib.suppress(ValueError):
            value = json.loads(value)
    listed = value if isinstance(value, (list, tuple)) else str(value).split(";")
    return tuple(term for term in (str(v).strip() for v in listed) if term)


def _flag(value: Any, where: str) -> bool | None:
    """True, false, or None where nothing is said. Raises InputError for what is neither."""
    said = _text(value).casefold()
    if not said:
        return None
    if said not in _TRUE | _FALSE:
        raise InputError(f"{where}: '{said}' is neither true nor false")
    return said in _TRUE


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()
