"""Answers that readers of a served run marked as bad: lines of `feedback.jsonl` in the run's folder."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from understudy.errors import InputError
from understudy.generate.decisions import digest_id
from understudy.normal import folded

logger = logging.getLogger(__name__)
FILE = "feedback.jsonl"
_CITED = re.compile(r"\s*\[\d{1,3}\]$")


@dataclass(frozen=True, slots=True)
class MarkedAnswer:
    """An answer that a reader found bad, named like a pair where it is like one.

    model: which arm gave it. passages: ids of what it had read, best first; chunk_id is the first of them.
    notes: what readers said is wrong. when: of the first mark, UTC.
    """

    question: str
    answer: str
    model: str = ""
    passages: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    when: str = ""
    chunk_id: str = ""
    doc_id: str = ""
    quote: str = ""
    fact_id: str = ""
    kind: str = "marked answer"

    @property
    def id(self) -> str:
        """`m-` and a digest of question and answer."""
        return digest_id("m", self.question, self.answer)


def read_marks(folder: Path) -> list[MarkedAnswer]:
    """The answers marked as bad in a run's folder, each once, in the order of their first mark. A line that is no mark,
    such as one that was cut off, is passed over and named in the log. Raises InputError for a file that is no text."""
    path = folder / FILE
    if not path.is_file():
        return []
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as UTF-8 text: {error}") from error
    found: dict[str, MarkedAnswer] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            mark = _mark(line)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            logger.warning("%s:%d: not a marked answer, passed over: %s", path, number, error)
            continue
        if mark is None:
            continue
        before = found.get(mark.id)
        if before is not None:
            notes = tuple(dict.fromkeys([*before.notes, *mark.notes]))
            mark = MarkedAnswer(
                before.question, before.answer, before.model, before.passages or mark.passages, notes, before.when,
                before.chunk_id or mark.chunk_id,
            )  # fmt: skip
        found[mark.id] = mark
    return list(found.values())


def _mark(line: str) -> MarkedAnswer | None:
    """One line; None for an answer that was praised. Raises ValueError, KeyError, TypeError or RecursionError."""
    plain: Any = json.loads(line)
    if plain["verdict"] != "bad":
        return None
    passages = tuple(str(p) for p in plain["passages"])
    note = folded(plain["note"])
    mark = MarkedAnswer(
        question=str(plain["question"]),
        answer=_CITED.sub("", str(plain["answer"]).strip()),
        model=str(plain["model"]),
        passages=passages,
        notes=(note,) if note else (),
        when=str(plain["when"]),
        chunk_id=passages[0] if passages else "",
    )
    "".join((mark.question, mark.answer, mark.model, *passages, *mark.notes, mark.when)).encode()  # no half characters
    return mark
