"""Questions from a file: CSV as published for Nitro, or JSONL in any of the usual shapes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from understudy.errors import InputError
from understudy.evaluation.items import Exclusion, item_id
from understudy.prompts import LETTERS
from understudy.types import MCQItem

KEY_NAMES = ("correct", "answer", "answerkey", "answer_key", "label", "gold", "key", "target")
OPTION_NAMES = ("options", "choices", "endings")
_KNOWN = ("item_id", "chunk_id", "doc_id", "quote", "kind", "fact_id", "source")


def read_questions(path: Path) -> tuple[list[MCQItem], list[Exclusion]]:
    """Read a CSV or JSONL file. Rows without a usable key are excluded and counted, not fatal.

    CSV: columns question, a, b, c, ... and correct. JSONL: question, options (or choices) and correct (or
    answer, label, gold); lm_eval's samples_*.jsonl keep the question in `doc`. The key may be a letter, an
    option's text, or an index, which counts from 0 or 1, whichever fits the whole file.
    Raises InputError naming the file and line, or the columns that are missing.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8") from error
    rows = list(_jsonl(path, text) if path.suffix in (".jsonl", ".json", ".ndjson") else _csv(path, text))
    first = _index_base(path, [row["correct"] for row in rows], [row["options"] for row in rows])
    items: list[MCQItem] = []
    excluded: list[Exclusion] = []
    for row in rows:
        options = tuple(str(option).strip() for option in row["options"])
        name = str(row.get("item_id") or item_id(row["question"], options))
        where = f"{path.name}:{row['line']}"
        key = row["correct"]
        if key is None or str(key).strip() == "":
            excluded.append(Exclusion(name, "no key", where))
            continue
        correct = find_key(key, options, first)
        if correct is None:
            excluded.append(Exclusion(name, "the key is not among the options", f"{where}: {str(key)[:80]!r}"))
            continue
        known = {k: str(row[k]) for k in _KNOWN[1:] if row.get(k)}
        items.append(MCQItem(name, str(row["question"]).strip(), options, correct, **{"source": path.name, **known}))
    return items, excluded


def find_key(key: Any, options: tuple[str, ...], first: int = 0) -> int | None:
    """The index of the option that a key names: by text, by letter, or by index counted from `first`."""
    text = str(key).strip()
    same = [k for k, option in enumerate(options) if option == text]
    if len(same) == 1 and not isinstance(key, int):
        return same[0]
    letter = text.upper().strip("().")
    if len(letter) == 1 and letter in LETTERS:
        place = LETTERS.index(letter)
        return place if place < len(options) else None
    if text.lstrip("-").isdigit():
        place = int(text) - first
        return place if 0 <= place < len(options) else None
    return None


def _index_base(path: Path, keys: list[Any], options: list[list[str]]) -> int:
    """Whether numeric keys count from 0 or from 1. Integers of JSON count from 0, as every data set's do."""
    numbers = [
        (int(str(key)), len(row))
        for key, row in zip(keys, options, strict=True)
        if isinstance(key, str) and key.strip().isdigit() and key.strip() not in row
    ]
    if not numbers or any(n == 0 for n, _ in numbers):
        return 0
    if any(n == k for n, k in numbers):
        return 1
    raise InputError(
        f"{path}: cannot tell whether the numbers of the keys count from 0 or 1; write letters (a, b, ...)"
    )


def _csv(path: Path, text: str) -> Iterator[dict[str, Any]]:
    header = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=header.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    names = {str(name).strip().lower(): name for name in reader.fieldnames or ()}
    question = names.get("question")
    key = next((names[n] for n in KEY_NAMES if n in names), None)
    columns = [names[c] for c in (f"{p}{x}" for x in LETTERS.lower() for p in ("", "option_", "choice_")) if c in names]
    if question is None or key is None or len(columns) < 2:
        raise InputError(
            f"{path}: needs the columns question, a, b, c, d, correct; it has {', '.join(names) or 'none'}"
        )
    for row in reader:
        given = [row[c] for c in columns]
        while given and not (given[-1] or "").strip():
            given.pop()  # questions with fewer options leave the last columns empty
        extra = {n: row[names[n]] for n in _KNOWN if n in names}
        yield {
            "question": row[question] or "", "options": [g or "" for g in given], "correct": row[key],
            "line": reader.line_num, **extra,
        }  # fmt: skip


def _jsonl(path: Path, text: str) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            raise InputError(f"{path}:{number}: not JSON: {error}") from error
        if not isinstance(record, Mapping):
            raise InputError(f"{path}:{number}: expected an object with question, options and correct")
        if isinstance(record.get("doc"), Mapping):
            record = record["doc"]
        lower = {str(k).lower(): v for k, v in record.items()}
        options = next((lower[n] for n in OPTION_NAMES if n in lower), None)
        labels: list[str] = []
        if isinstance(options, Mapping):  # as ARC writes them: {"text": [...], "label": [...]}
            labels, options = [str(x) for x in options.get("label", ())], options.get("text")
        question = lower.get("question", lower.get("query", lower.get("ctx")))
        if not isinstance(question, str) or not isinstance(options, list):
            raise InputError(f"{path}:{number}: needs question and options; it has {', '.join(map(str, record))}")
        key = next((lower[n] for n in KEY_NAMES if n in lower), None)
        if labels and str(key) in labels:
            key = labels.index(str(key))
        known = {n: lower[n] for n in _KNOWN if n in lower}
        yield {"question": question, "options": options, "correct": key, "line": number, **known}
