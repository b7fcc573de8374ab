"""Work kept by content: what a stage computed of one page or one passage, found again when a neighbour changed.

One SQLite file a kind below `.understudy/kept`, shared by all runs of a store. It only saves time: a file that is
missing, damaged or cannot be written costs the work that it would have saved, and nothing else.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path

logger = logging.getLogger(__name__)

_AT_ONCE = 500  # keys in one question; SQLite takes 32,766


class Kept:
    """Bytes by key. A key names everything that decides them (`understudy.artifact.digest_json`)."""

    def __init__(self, root: Path, kind: str) -> None:
        self.file = root / "kept" / f"{kind}.sqlite"
        self._database: sqlite3.Connection | None = None

    def get(self, keys: Iterable[str]) -> dict[str, bytes]:
        """What is kept of these keys."""
        wanted = list(dict.fromkeys(keys))
        found: dict[str, bytes] = {}
        if self._database is None and not self.file.is_file():
            return found
        try:
            database = self._open()
            for start in range(0, len(wanted), _AT_ONCE):
                part = wanted[start : start + _AT_ONCE]
                marks = ",".join("?" * len(part))
                found |= dict(database.execute(f"SELECT key, value FROM kept WHERE key IN ({marks})", part))
        except sqlite3.Error as error:
            self._set_aside(error)
        return found

    def put(self, values: Mapping[str, bytes]) -> None:
        """Keep these."""
        if not values:
            return
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with self._open() as database:
                database.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?)", values.items())
        except (sqlite3.Error, OSError) as error:
            self._set_aside(error)

    def _open(self) -> sqlite3.Connection:
        if self._database is None:
            database = sqlite3.connect(self.file, timeout=30, isolation_level="IMMEDIATE")
            try:
                database.execute("PRAGMA journal_mode=WAL")
                database.execute("PRAGMA synchronous=NORMAL")  # what a crash of the machine loses is computed again
                database.execute("CREATE TABLE IF NOT EXISTS kept (key TEXT PRIMARY KEY, value BLOB NOT NULL)")
            except sqlite3.Error:
                database.close()
                raise
            self._database = database
        return self._database

    def _set_aside(self, error: Exception) -> None:
        logger.info("%s: not used: %s", self.file, error)
        if self._database is not None:
            self._database.close()
            self._database = None
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
            with contextlib.suppress(OSError):  # damaged: the next run begins a new one
                self.file.unlink()
