"""Questions from a file of any form and in any of the usual shapes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from understudy.errors import InputError
from understudy.evaluation.interchange.keys import Keyed, find_keys
from understudy.evaluation.items import Exclusion, item_id
from understudy.prompts import LETTERS
from understudy.rows import Row, Rows, read_rows
from understudy.types import MCQItem

KEY_NAMES = (
    "correct", "answer", "answerkey", "answer_key", "label", "gold", "key", "target", "correct_answer",
    "correct_option", "answer_idx", "answer_index", "correct_idx", "correct_index",
)  # fmt: skip
OPTION_NAMES = ("options", "choices", "endings")
_FROM_ZERO = ("label", "gold")  # fields of data sets whose numbers count from 0
_QUESTION_NAMES = ("question", "query", "ctx", "stem")
_LABEL_NAMES = ("label", "key", "id", "letter", "name", "option")
_TEXT_NAMES = ("text", "value", "content", "answer", "option")
_RIGHT_NAMES = ("correct", "is_correct", "iscorrect", "right")
_COLUMNS = tuple(
    tuple((f"{prefix}{mark}", mark) for mark in marks)
    for marks in (LETTERS.lower(), tuple(map(str, range(1, 11))))
    for prefix in ("", "option_", "option ", "option", "choice_", "choice ", "choice")
)
_KNOWN = ("item_id", "chunk_id", "doc_id", "quote", "kind", "fact_id", "source")


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question as a row tells it, its key not yet read."""

    question: str
    keyed: Keyed
    known: Mapping[str, str]


def read_questions(path: Path) -> tuple[list[MCQItem], list[Exclusion]]:
    """Read CSV, TSV, JSON, JSON lines or Parquet. Rows without a usable key are excluded and counted, not fatal.

    A row has a question, its options and a key. Options: columns a, b, c, ... (or option_1, ...), a list (`options`,
    `choices`, `endings`), objects `{label, text}`, or texts by label; lm_eval's samples_*.jsonl keep all of it in
    `doc`. The key: a letter, an option's text or label, or a number that counts from 0 or 1; which of these is
    decided for the whole file. Raises InputError naming the file and line, the columns that are missing, or the
    two readings of keys that can be read in two ways.
    """
    found = read_rows(path)
    asked = [_asked(found, row) for row in found.rows]
    if not found.rows and found.form == "csv" and not found.left_out:
        raise InputError(_needs(found, found.names))
    excluded = [Exclusion("", item.reason, f"{path.name}:{item.line}: {item.detail}") for item in found.left_out]
    with_key = [a for a in asked if not _blank(a.keyed.key)]
    places = dict(zip(map(id, with_key), find_keys(path, [a.keyed for a in with_key]), strict=True))
    items: list[MCQItem] = []
    for one in asked:
        options, key = one.keyed.options, one.keyed.key
        name = one.known.get("item_id") or item_id(one.question, options)
        if _blank(key):
            excluded.append(Exclusion(name, "no key", one.keyed.where))
            continue
        correct = places[id(one)]
        if correct is None:
            detail = f"{one.keyed.where}: {str(key)[:80]!r}"
            excluded.append(Exclusion(name, "the key is not among the options", detail))
            continue
        known = {k: one.known[k] for k in _KNOWN[1:] if one.known.get(k)}
        items.append(MCQItem(name, one.question.strip(), options, correct, **{"source": path.name, **known}))
    return items, excluded


def _blank(key: Any) -> bool:
    return key is None or str(key).strip() == ""


def _asked(found: Rows, row: Row) -> _Asked:
    values = row.lower()
    within = values.get("doc")
    if isinstance(within, Mapping):
        values = {str(k).strip().lower(): v for k, v in within.items()}
    question = next((values[n] for n in _QUESTION_NAMES if values.get(n) is not None), None)
    if isinstance(question, Mapping):  # as ARC was published: the options stand in the question
        values = {**values, **{str(k).lower(): v for k, v in question.items()}}
        question = values.get("stem") or values.get("text")
    told = next((values[n] for n in OPTION_NAMES if values.get(n) is not None), None)
    texts, labels, right = _columns(values) if told is None else _options(told)
    name = next((n for n in KEY_NAMES if n in values), "")
    if not isinstance(question, str) or len(texts) < 1 or (found.form == "csv" and (not name or len(texts) < 1)):
        raise InputError(_needs(found, tuple(map(str, row.values)), row))
    key = values.get(name) if name else None
    if _blank(key) and right is not None:
        key, labels = right, (*map(str, range(len(texts))),)
    if isinstance(key, (list, tuple)) and len(key) == 1:
        key = key[0]
    counts = name in _FROM_ZERO or isinstance(within, Mapping) or "item_id" in values
    where = f"{found.path.name}:{row.line}"
    known = {n: str(values[n]) for n in _KNOWN if values.get(n) is not None}
    return _Asked(question, Keyed(key, texts, where, labels, counts), known)


def _needs(found: Rows, names: Sequence[str], row: Row | None = None) -> str:
    has = ", ".join(map(str, names)) or "none"
    if found.form in ("csv", "parquet"):
        return f"{found.path}: needs the columns question, a, b, c, d, correct; it has {has}"
    where = row.where if row else str(found.path)
    return f"{where}: needs question and options; it has {has}"


def _columns(values: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...], None]:
    """Options of columns of their own. Questions with fewer options leave the last ones empty."""
    for row in _COLUMNS:
        present = [(values[name], mark) for name, mark in row if name in values]
        if len(present) < 2:
            continue
        while present and _blank(present[-1][0]):
            present.pop()
        texts = tuple("" if v is None else str(v).strip() for v, _ in present)
        marks = tuple(mark for _, mark in present)
        return texts, marks if marks[:1] == ("1",) else (), None
    return (), (), None


def _options(told: Any) -> tuple[tuple[str, ...], tuple[str, ...], int | None]:
    """(texts, labels, the option that is marked as right) of options in any shape."""
    if isinstance(told, str):
        try:
            told = json.loads(told)
        except (ValueError, RecursionError):
            return (), (), None
    if isinstance(told, Mapping):
        lower = {str(k).lower(): v for k, v in told.items()}
        if isinstance(lower.get("text"), (list, tuple)):  # as ARC is kept today: {"text": [...], "label": [...]}
            labels = lower.get("label")
            return _texts(lower["text"]), _texts(labels) if isinstance(labels, (list, tuple)) else (), None
        return _texts(list(told.values())), tuple(map(str, told)), None
    if not isinstance(told, (list, tuple)):
        return (), (), None
    if not any(isinstance(option, Mapping) for option in told):
        return _texts(told), (), None
    texts: list[str] = []
    labels_found: list[str] = []
    right: list[int] = []
    for k, option in enumerate(told):
        lower = {str(n).lower(): v for n, v in option.items()} if isinstance(option, Mapping) else {"text": option}
        text_name = next((n for n in _TEXT_NAMES if isinstance(lower.get(n), (str, int, float))), "")
        label_name = next((n for n in _LABEL_NAMES if n != text_name and lower.get(n) is not None), "")
        texts.append(str(lower.get(text_name, "")).strip())
        labels_found.append(str(lower.get(label_name, "")))
        right += [k] if any(lower.get(n) is True for n in _RIGHT_NAMES) else []
    labels = tuple(labels_found) if all(labels_found) else ()
    return tuple(texts), labels, right[0] if len(right) == 1 else None


def _texts(values: Sequence[Any]) -> tuple[str, ...]:
    return tuple("" if v is None else str(v).strip() for v in values)
