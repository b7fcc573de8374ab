"""The request ledger: every paid answer of a remote model is kept, so that nothing is paid twice.

One SQLite file (write-ahead log) shared by all runs of a store. An answer is committed before it is handed on:
a run killed at any moment finds everything it was given again.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from understudy.artifact import digest_json
from understudy.errors import StoreError
from understudy.types import Message

_SCHEMA = """
CREATE TABLE IF NOT EXISTS replies (
    key TEXT PRIMARY KEY, model TEXT NOT NULL, text TEXT NOT NULL, finish_reason TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, created TEXT NOT NULL
)
"""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a remote model answered and what it counted. cached: found in the ledger, nothing was sent."""

    text: str
    finish_reason: str = "stop"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached: bool = False


def request_key(model: str, messages: Sequence[Message], params: Mapping[str, Any], schema: Any, template: str) -> str:
    """sha256 over all that decides an answer. `model` includes the endpoint; nothing in it is secret."""
    asked = [[m.role, m.content] for m in messages]
    return digest_json([model, asked, dict(params), schema, template])


class Ledger:
    """Replies by request key. Safe for threads, and for processes that share the file.

    Raises StoreError where the file cannot be opened, read or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        with self._errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=60.0, check_same_thread=False, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute(_SCHEMA)

    def get(self, key: str) -> Reply | None:
        """The reply kept under a key, marked as cached, or None."""
        with self._lock, self._errors():
            row = self._db.execute(
                "SELECT text, finish_reason, prompt_tokens, completion_tokens FROM replies WHERE key = ?", (key,)
            ).fetchone()
        return Reply(row[0], row[1], row[2], row[3], cached=True) if row else None

    def put(self, key: str, model: str, reply: Reply) -> None:
        """Keep a reply; when this returns it is on disk. The first reply of a key wins."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        row = (key, model, reply.text, reply.finish_reason, reply.prompt_tokens, reply.completion_tokens, now)
        with self._lock, self._errors():
            self._db.execute("INSERT OR IGNORE INTO replies VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def __len__(self) -> int:
        with self._lock, self._errors():
            return int(self._db.execute("SELECT COUNT(*) FROM replies").fetchone()[0])

    def close(self) -> None:
        """Close the file; the ledger cannot be used afterwards."""
        with self._lock:
            self._db.close()

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"{self.path}: the request ledger cannot be used: {error}. Free disk space or permissions; "
                "if the file is damaged, move it away (its answers would be paid for again)."
            ) from error
