"""The request ledger: every answer of a remote model is kept, so that nothing is paid twice, and every request is
charged, so that a cap on money knows all that was spent.

One SQLite file (write-ahead log) shared by all runs of a store. An answer is committed before it is handed on: a
run killed at any moment finds everything it was given again. A request is charged before it is sent, with the
most that it can cost; its answer puts the real count in the place of that.

    replies   answers by request key
    charges   every request that was sent: what it cost, for which work (`scope`), how it ended
    batches   every batch, noted before it is sent: what the endpoint calls it, and whether its results were taken
    batched   which charges are of which batch, and at which place in it
    aside     answers that cannot be used, with the reason; they were paid, and are asked for again
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, TypeVar

from understudy.artifact import digest_json
from understudy.errors import StoreError
from understudy.types import Message

_SCHEMA = """
CREATE TABLE IF NOT EXISTS replies (
    key TEXT PRIMARY KEY, model TEXT NOT NULL, text TEXT NOT NULL, finish_reason TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, created TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS charges (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL, scope TEXT NOT NULL, model TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, outcome TEXT NOT NULL, created TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS charges_key ON charges (key);
CREATE INDEX IF NOT EXISTS charges_scope ON charges (scope);
CREATE TABLE IF NOT EXISTS batches (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, endpoint TEXT NOT NULL, file TEXT NOT NULL, remote TEXT NOT NULL,
    over INTEGER NOT NULL, created TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS batched (charge INTEGER PRIMARY KEY, batch INTEGER NOT NULL, place INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS batched_batch ON batched (batch);
CREATE TABLE IF NOT EXISTS aside (
    key TEXT NOT NULL, model BLOB, text BLOB, finish_reason BLOB, prompt_tokens BLOB, completion_tokens BLOB,
    created BLOB, reason TEXT NOT NULL
);
"""
_WHOLE = (str, str, int, int)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reply:
    """What a remote model answered and what it counted. cached: found in the ledger, nothing was sent.

    finish_reason: `stop`, `length`, or `refusal`, whose words are the text.
    """

    text: str
    finish_reason: str = "stop"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached: bool = False


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens in and out."""

    prompt: int = 0
    completion: int = 0


@dataclass(frozen=True, slots=True)
class Charge:
    """A request in a batch. tokens: what it is charged with now."""

    number: int
    key: str
    tokens: Tokens


@dataclass(frozen=True, slots=True)
class NotedBatch:
    """A batch as the ledger knows it. name: our own, by which it is found again; file, remote: what the endpoint calls
    its input and itself, empty until it has told. created: seconds since 1970. charges: by their place in it."""

    number: int
    name: str
    file: str
    remote: str
    created: float
    charges: tuple[Charge, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a request of a batch ended: what it cost, its outcome in words, and its reply if that can be used."""

    charge: Charge
    tokens: Tokens
    outcome: str
    reply: Reply | None = None


@dataclass(slots=True)
class _Write(Generic[T]):
    """Something to be written. disk: it must be on the disk when that is done, not with the system alone."""

    run: Callable[[sqlite3.Connection], T]
    disk: bool
    done: Future[T] = field(default_factory=Future)


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
        self._reading = threading.Lock()
        self._waiting: deque[_Write[Any]] = deque()
        self._writer = ThreadPoolExecutor(1, "understudy-ledger")
        with self._errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = self._connect("FULL")
            self._db.executescript(_SCHEMA)
            # A charge must outlive this process, not a power cut: no wait for the disk before each request.
            self._fast = self._connect("NORMAL")
            self._read = self._connect("NORMAL")  # who reads does not wait for the disk behind who writes

    def _connect(self, synchronous: str) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, timeout=60.0, check_same_thread=False, isolation_level=None)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute(f"PRAGMA synchronous={synchronous}")
        return db

    def get(self, key: str) -> Reply | None:
        """The reply kept under a key, marked as cached, or None. One that cannot be read is set aside."""
        query = "SELECT text, finish_reason, prompt_tokens, completion_tokens FROM replies WHERE key = ?"
        try:
            row = self._fetched(query, (key,))
        except UnicodeError:
            self.set_aside(key, "its text is not UTF-8")
            return None
        if row is None:
            return None
        if not all(isinstance(value, kind) for value, kind in zip(row, _WHOLE, strict=True)):
            self.set_aside(key, "a field of it is not of its kind")
            return None
        return Reply(row[0], row[1], max(0, row[2]), max(0, row[3]), cached=True)

    def put(self, key: str, model: str, reply: Reply, charge: int | None = None) -> None:
        """Keep a reply and settle its charge; when this returns both are on disk. The first reply of a key wins."""

        def write(db: sqlite3.Connection) -> None:
            self._keep(db, key, model, reply)
            if charge is not None:
                tokens = Tokens(reply.prompt_tokens, reply.completion_tokens)
                self._settle(db, charge, tokens, reply.finish_reason)

        self._write(write, disk=True)

    def _keep(self, db: sqlite3.Connection, key: str, model: str, reply: Reply) -> None:
        row = (key, model, reply.text, reply.finish_reason, reply.prompt_tokens, reply.completion_tokens, _now())
        db.execute("INSERT OR IGNORE INTO replies VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def charge(self, key: str, scope: str, model: str, most: Tokens) -> int:
        """Note a request that is about to be sent, at the most that it can cost. Gives the number of the charge."""
        return self._write(lambda db: self._charge(db, key, scope, model, most))

    def _charge(self, db: sqlite3.Connection, key: str, scope: str, model: str, most: Tokens) -> int:
        row = (key, scope, model, most.prompt, most.completion, "sent", _now())
        return int(db.execute("INSERT INTO charges VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)", row).lastrowid or 0)

    def settle(self, charge: int, tokens: Tokens, outcome: str) -> None:
        """Put what a request cost in the place of what it could have cost."""
        self._write(lambda db: self._settle(db, charge, tokens, outcome))

    def _settle(self, db: sqlite3.Connection, charge: int, tokens: Tokens, outcome: str) -> None:
        db.execute(
            "UPDATE charges SET prompt_tokens = ?, completion_tokens = ?, outcome = ? WHERE id = ?",
            (tokens.prompt, tokens.completion, outcome[:200], charge),
        )

    def charged(self, scope: str, batched: bool = False) -> Tokens:
        """All that was ever charged for a piece of work, in batches or else; what was lost on the way, at the most it
        can have cost."""
        return self._sum("scope = ?", (scope,), batched)

    def charged_elsewhere(self, key: str, scope: str | None, batched: bool = False) -> Tokens:
        """What a request cost when it was asked for other work (scope None: for any), in batches or else; of an old
        ledger without charges, its reply."""
        if self._fetched("SELECT 1 FROM charges WHERE key = ? LIMIT 1", (key,)):
            return self._sum("key = ? AND scope IS NOT ?", (key, scope), batched)
        kept = None if batched else self.get(key)
        return Tokens(kept.prompt_tokens, kept.completion_tokens) if kept else Tokens()

    # ── batches ─────────────────────────────────────────────────────────────────────────────────────────

    def note_batch(
        self, name: str, endpoint: str, scope: str, model: str, asked: Sequence[tuple[str, Tokens]]
    ) -> NotedBatch:
        """Note a batch that is about to be sent, each request at the most that it can cost; it is on disk when this
        returns. asked: key and most of each. endpoint: all that decides an answer besides the request."""
        now = _now()

        def write(db: sqlite3.Connection) -> NotedBatch:
            into = "INSERT INTO batches VALUES (NULL, ?, ?, '', '', 0, ?)"
            number = int(db.execute(into, (name, endpoint, now)).lastrowid or 0)
            charges = []
            for place, (key, most) in enumerate(asked):
                charges.append(Charge(self._charge(db, key, scope, model, most), key, most))
                db.execute("INSERT INTO batched VALUES (?, ?, ?)", (charges[-1].number, number, place))
            return NotedBatch(number, name, "", "", _seconds(now), tuple(charges))

        return self._write(write, disk=True)

    def batch_is(self, number: int, *, file: str | None = None, remote: str | None = None) -> None:
        """Note what the endpoint calls a batch, or its input; it is on disk when this returns."""
        query = "UPDATE batches SET file = COALESCE(?, file), remote = COALESCE(?, remote) WHERE id = ?"
        self._write(lambda db: db.execute(query, (file, remote, number)), disk=True)

    def settle_batch(self, ended: Sequence[Ended], model: str, over: int | None = None) -> None:
        """Keep replies and settle charges, at one time. over: the batch whose last ones these are."""

        def write(db: sqlite3.Connection) -> None:
            for end in ended:
                if end.reply is not None:
                    self._keep(db, end.charge.key, model, end.reply)
                self._settle(db, end.charge.number, end.tokens, end.outcome)
            if over is not None:
                db.execute("UPDATE batches SET over = 1 WHERE id = ?", (over,))

        self._write(write, disk=True)

    def batches_under_way(self, endpoint: str) -> list[NotedBatch]:
        """The batches whose results have not been taken, oldest first."""
        batches = "SELECT id, name, file, remote, created FROM batches WHERE endpoint = ? AND NOT over ORDER BY id"
        charges = (
            "SELECT charges.id, key, prompt_tokens, completion_tokens FROM batched JOIN charges "
            "ON charges.id = batched.charge WHERE batch = ? ORDER BY place"
        )
        return [
            NotedBatch(
                number, name, file, remote, _seconds(created),
                tuple(Charge(n, key, Tokens(max(0, p), max(0, c))) for n, key, p, c in self._all(charges, number)),
            )
            for number, name, file, remote, created in self._all(batches, endpoint)
        ]  # fmt: skip

    def batches_known(self, endpoint: str) -> set[str]:
        """What the endpoint calls the batches that the ledger knows."""
        return {remote for (remote,) in self._all("SELECT remote FROM batches WHERE endpoint = ?", endpoint)}

    # ── reading and writing ─────────────────────────────────────────────────────────────────────────────

    def _all(self, query: str, value: str | int) -> list[Any]:
        with self._reading, self._errors():
            return self._read.execute(query, (value,)).fetchall()

    def _fetched(self, query: str, values: tuple[str | None, ...]) -> Any:
        """The first row, or None. Raises UnicodeError for a text that is none."""
        with self._reading, self._errors():
            try:
                return self._read.execute(query, values).fetchone()
            except sqlite3.OperationalError as error:
                if "decode" not in str(error).lower():
                    raise
                raise UnicodeError(str(error)) from error

    def _sum(self, where: str, values: tuple[str | None, ...], batched: bool) -> Tokens:
        which = f"{where} AND {'' if batched else 'NOT '}EXISTS (SELECT 1 FROM batched WHERE charge = charges.id)"
        query = f"SELECT SUM(MAX(prompt_tokens, 0)), SUM(MAX(completion_tokens, 0)) FROM charges WHERE {which}"
        prompt, completion = self._fetched(query, values)
        return Tokens(int(prompt or 0), int(completion or 0))

    def set_aside(self, key: str, reason: str) -> None:
        """Keep a reply that cannot be used apart, so that it is asked for again. It stays charged."""

        def write(db: sqlite3.Connection) -> None:
            db.execute(
                "INSERT INTO aside SELECT key, model, CAST(text AS BLOB), finish_reason, prompt_tokens, "
                "completion_tokens, created, ? FROM replies WHERE key = ?",
                (reason[:500], key),
            )
            db.execute("DELETE FROM replies WHERE key = ?", (key,))

        self._write(write, disk=True)

    def set_aside_reasons(self) -> dict[str, int]:
        """How many answers were set aside, by reason."""
        with self._lock, self._errors():
            return dict(self._db.execute("SELECT reason, COUNT(*) FROM aside GROUP BY reason").fetchall())

    def __len__(self) -> int:
        with self._lock, self._errors():
            return int(self._db.execute("SELECT COUNT(*) FROM replies").fetchone()[0])

    def close(self) -> None:
        """Close the file; the ledger cannot be used afterwards."""
        self._writer.shutdown()
        with self._lock, self._reading:
            for db in (self._read, self._fast, self._db):
                db.close()

    def _write(self, run: Callable[[sqlite3.Connection], T], disk: bool = False) -> T:
        """Write, with all that waits to be written when its turn comes, in one transaction: many answers wait for the
        disk once."""
        write = _Write(run, disk)
        self._waiting.append(write)
        with self._errors():
            try:
                self._writer.submit(self._write_all)
            except RuntimeError as error:
                raise sqlite3.ProgrammingError("it is closed") from error
            return write.done.result()

    def _write_all(self) -> None:
        """All that waits, or none of it with the error."""
        writes = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if not writes:
            return  # they went with the ones before
        try:
            with self._lock, self._transaction(self._db if any(w.disk for w in writes) else self._fast) as db:
                results = [w.run(db) for w in writes]
        except BaseException as error:
            for write in writes:
                write.done.set_exception(error)
            return
        for write, result in zip(writes, results, strict=True):
            write.done.set_result(result)

    @contextlib.contextmanager
    def _transaction(self, db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
        db.execute("BEGIN IMMEDIATE")
        try:
            yield db
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"{self.path}: the request ledger cannot be used: {error}. Free disk space or permissions; "
                "if the file is damaged, move it away (its answers would be paid for again)."
            ) from error


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _seconds(written: str) -> float:
    return datetime.fromisoformat(written).timestamp()
