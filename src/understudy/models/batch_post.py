"""Batches over the network: sent once, found again where that is not sure, looked at, their results read.

A batch is noted in the ledger before it is sent. Where it cannot be said whether the endpoint has taken one (a lost
connection, an error of the server, a process that was killed), the endpoint's list of batches says it.
"""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from understudy.models.batch_api import BatchWire, Look, Row, Sending, before, listed, read_id
from understudy.models.client import Unreachable
from understudy.models.faults import judge
from understudy.models.http import LARGEST_ANSWER, HttpClient, HttpReply, NoAnswer
from understudy.models.ledger import Ledger, NotedBatch
from understudy.models.wire import Fault, Garbled, read_fault, retry_after
from understudy.redact import redact

APPEARS = 30.0  # seconds after which a batch that was made stands in the list
_LOOKS = 3.0  # seconds between two looks into it
_PAGES = 50  # of the list, of a hundred batches each
_LONGEST_WAIT = 120.0
_NO_API = (404, 405, 501)


class NotTaken(Unreachable):
    """The endpoint has not taken the batch, and will not."""


class _Again(Exception):
    """It can be tried again. made: the endpoint may have done what was asked. wait: seconds that it asks for."""

    def __init__(self, why: str, *, made: bool, wait: float | None = None) -> None:
        super().__init__(why)
        self.made, self.wait = made, wait


@dataclass(frozen=True, slots=True)
class _Nothing:
    """A request without parameters."""

    params: Mapping[str, Any] = field(default_factory=dict)
    schema: Any = None


class Post:
    """name: of the endpoint, for messages. content: as the ledger calls it. stopped: set where nothing more is to
    be sent."""

    def __init__(
        self,
        name: str,
        content: str,
        client: HttpClient,
        api: BatchWire,
        key_variable: str,
        ledger: Ledger,
        max_retries: int,
        backoff: float,
        stopped: threading.Event,
    ) -> None:
        self.name, self.content, self.client, self.api, self.ledger = name, content, client, api, ledger
        self.key_variable, self.max_retries, self.backoff, self.stopped = key_variable, max_retries, backoff, stopped

    # ── sending ─────────────────────────────────────────────────────────────────────────────────────────

    def deliver(self, batch: NotedBatch, lines: Sequence[bytes]) -> tuple[NotedBatch, list[str]]:
        """Send a noted batch; what the endpoint calls it is in the ledger when this returns, with what else it may
        be called where its answer was lost.

        Raises NotTaken, or Unreachable where the endpoint may have taken it: the next run looks for it.
        """
        sending = self.api.upload(batch.name, lines)
        if sending is not None:
            batch = replace(batch, file=self._repeated(lambda: self._made(sending)))
            self.ledger.batch_is(batch.number, file=batch.file)
        create = self.api.create(self.client.base_url, batch, lines)
        lost: list[str] = []

        def created() -> str:
            try:
                return self._made(create)
            except _Again as error:
                if not error.made:
                    raise
                found = self.find(replace(batch, created=time.time()))
                if found is None:
                    raise Unreachable(
                        f"{self.name}: {redact(str(error))}, and whether the batch was taken is not known; what it can "
                        "cost is counted. Run the same command later."
                    ) from error
                if not found:
                    raise
                lost.extend(found)
                return found[0]

        remote = self._repeated(created)
        self.ledger.batch_is(batch.number, remote=remote)
        return replace(batch, remote=remote), lost

    def _repeated(self, send: Callable[[], str]) -> str:
        """The id of what was made, sent again while that can help. Raises NotTaken."""
        for attempt in range(self.max_retries + 1):
            try:
                return send()
            except _Again as error:
                why = str(error)
                if attempt < self.max_retries:
                    wait = min(_LONGEST_WAIT, self.backoff * 2**attempt) if error.wait is None else error.wait
                    self._pause(min(wait, _LONGEST_WAIT))
        raise NotTaken(
            f"{self.name}: a batch was not taken, after {self.max_retries + 1} attempts: {redact(why)}. "
            "Run the same command later."
        )

    def _made(self, sending: Sending) -> str:
        """Post; gives the id of what was made by that. Raises _Again or NotTaken."""
        try:
            answer = self.client.upload(sending.path, sending.content, sending.kind)
        except NoAnswer as error:
            if error.end == "endpoint":
                raise NotTaken(f"{self.name}: {redact(str(error))}") from error
            raise _Again(str(error), made=error.sent) from error
        if answer.status < 400:
            try:
                return read_id(answer.body.get("id") if isinstance(answer.body, Mapping) else None)
            except Garbled as error:
                raise _Again(f"an answer that is not of the batch protocol ({error})", made=True) from error
        fault = read_fault(answer.status, answer.body, answer.text)
        if answer.status in (408, 409, 429) or (answer.status >= 500 and answer.status not in _NO_API):
            made = answer.status not in (409, 429)
            raise _Again(f"error {answer.status} ({fault.message})", made=made, wait=retry_after(answer.headers))
        raise NotTaken(f"{self.name}: {redact(self._refusal(answer.status, fault, sending.path))}")

    def _refusal(self, status: int, fault: Fault, path: str) -> str:
        if status in _NO_API:
            return (
                f"no batches are taken at {path} ({status}: {fault.message}). Set generate.remote.batch to false, and "
                "each request is asked alone"
            )
        trouble = judge(fault, _Nothing(), frozenset(), True, self.key_variable)
        return f"{trouble.why}; then run the same command again"

    # ── finding ─────────────────────────────────────────────────────────────────────────────────────────

    def find(self, batch: NotedBatch) -> list[str] | None:
        """What the endpoint may call a batch that was noted: nothing where it has none of it; None where it does not
        say. Raises Unreachable where the key is refused."""
        while True:
            found = self._in_list(batch)
            if found or found is None or time.time() >= batch.created + APPEARS:
                return found
            self._pause(min(_LOOKS, APPEARS))

    def _in_list(self, batch: NotedBatch) -> list[str] | None:
        known = self.ledger.batches_known(self.content)
        found: list[str] = []
        after = ""
        for _ in range(_PAGES):
            answer = self._got(self.api.listing(self.client.base_url, after))
            try:
                entries, after = listed(answer.body if answer is not None and answer.status < 400 else None)
                found += [read_id(entry.get("id")) for entry in entries if self.api.may_be(entry, batch)]
            except Garbled:
                return None
            if not after or (entries and before(entries[-1], batch)):
                return [remote for remote in dict.fromkeys(found) if remote not in known]
        return [remote for remote in dict.fromkeys(found) if remote not in known] or None

    # ── looking ─────────────────────────────────────────────────────────────────────────────────────────

    def look(self, batch: NotedBatch) -> Look | None:
        """How far it is; None where nothing is to be heard now. Raises Unreachable where the key is refused."""
        answer = self._got(self.api.look_at(self.client.base_url, batch.remote), tries=1)
        if answer is None:
            return None
        if answer.status == 404:
            return Look("failed", code="gone", why="the endpoint does not know it")
        try:
            return self.api.look(self.client.base_url, answer.body) if answer.status < 400 else None
        except Garbled:
            return None

    def rows(self, look: Look) -> Iterator[Row]:
        """What became of the requests, as far as that can be read."""
        for path in look.files:
            with tempfile.TemporaryFile() as file:
                for attempt in range(self.max_retries + 1):
                    file.seek(0)
                    file.truncate()
                    try:
                        if self.client.download(path, file).status < 400:
                            break
                    except NoAnswer as error:
                        if error.end == "endpoint":
                            raise Unreachable(f"{self.name}: {redact(str(error))}") from error
                    self._pause(min(_LONGEST_WAIT, self.backoff * 2**attempt))
                file.seek(0)  # of a file that broke off each time, what came is read
                while line := file.readline(LARGEST_ANSWER):
                    try:
                        yield self.api.row(json.loads(line))
                    except (ValueError, RecursionError):
                        continue

    def _got(self, path: str, tries: int = 3) -> HttpReply | None:
        for attempt in range(tries):
            if attempt:
                self._pause(min(_LONGEST_WAIT, self.backoff * 2**attempt))
            try:
                answer = self.client.get(path)
            except NoAnswer as error:
                if error.end == "endpoint":
                    raise Unreachable(f"{self.name}: {redact(str(error))}") from error
                continue
            if answer.status in (401, 402, 403):
                fault = read_fault(answer.status, answer.body, answer.text)
                trouble = judge(fault, _Nothing(), frozenset(), False, self.key_variable)
                raise Unreachable(f"{self.name}: {redact(trouble.why)}; then run the same command again.")
            if answer.status < 500 and answer.status not in (408, 409, 429):
                return answer
        return None

    def _pause(self, seconds: float) -> None:
        """Wait. Raises Unreachable where nothing more is to be sent."""
        if self.stopped.wait(seconds):
            raise Unreachable(f"{self.name}: stopped")
