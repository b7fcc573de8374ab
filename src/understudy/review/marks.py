"""Answers that readers of a served run marked as bad: lines of `feedback.jsonl` in the run's folder."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from understudy.errors import InputError
from understudy.generate.decisions import digest_id

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
    """The answers marked as bad in a run's folder, each once, in the order of their first mark. Raises InputError
    naming file and line for one that is no mark."""
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
        mark = _mark(f"{path}:{number}", line)
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


def _mark(where: str, line: str) -> MarkedAnswer | None:
    """One line; None for an answer that was praised."""
    try:
        plain: Any = json.loads(line)
        if plain["verdict"] != "bad":
            return None
        passages = tuple(str(p) for p in plain["passages"])
        note = " ".join(str(plain["note"]).split())
        return MarkedAnswer(
            question=str(plain["question"]),
            answer=_CITED.sub("", str(plain["answer"]).strip()),
            model=str(plain["model"]),
            passages=passages,
            notes=(note,) if note else (),
            when=str(plain["when"]),
            chunk_id=passages[0] if passages else "",
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{where}: not a marked answer: {error}; take the line out") from error
