"""Answers that a reader marked: lines of `feedback.jsonl` in the run's folder, to be reviewed."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from understudy.artifact import append_line
from understudy.redact import redact
from understudy.review.marks import FILE
from understudy.serve.problems import Problem

_MOST_BYTES = 50_000_000  # of the file: a page that marks without end must not fill the disk


class Mark(BaseModel):
    """What a reader says of an answer. passages: the ids of what the model had read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: Annotated[str, Field(max_length=500)]
    question: Annotated[str, Field(min_length=1, max_length=20_000)]
    answer: Annotated[str, Field(max_length=100_000)]
    passages: Annotated[list[Annotated[str, Field(max_length=500)]], Field(max_length=100)] = []
    verdict: Literal["bad", "good"] = "bad"
    note: Annotated[str, Field(max_length=5_000)] = ""


class Feedback:
    """The file of marks; one writer at a time."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._lock = threading.Lock()

    def add(self, mark: Mark) -> int:
        """Append a mark; returns how many the file holds. Raises Problem where it is full or cannot be written."""
        row = {"when": datetime.now(UTC).isoformat(timespec="seconds"), **mark.model_dump()}
        line = redact(json.dumps(row, ensure_ascii=False)) + "\n"
        with self._lock:
            try:
                if self.path.is_file() and self.path.stat().st_size > _MOST_BYTES:
                    raise Problem(507, "feedback.jsonl is full; review it and move it away", kind="server_error")
                append_line(self.path, line.encode("utf-8", "replace"))
                with self.path.open("rb") as file:
                    return sum(1 for _ in file)
            except OSError as error:
                said = error.strerror or "it cannot be written"
                raise Problem(507, f"feedback.jsonl: {said}", kind="server_error") from error
