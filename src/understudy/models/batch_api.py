"""The batch APIs of OpenAI and Anthropic, as their public references describe them: many requests in one, answered at
half price within a day.

A protocol writes what is sent and reads what comes back; sending, waiting, paying and keeping are done in batches.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from understudy.models.http import HttpReply
from understudy.models.ledger import NotedBatch
from understudy.models.wire import Garbled, clip, count, read_fault
from understudy.redact import redact

_EARLIER = 600.0  # seconds that the clock of an endpoint may be behind ours
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,199}")
_OURS = "understudy"  # what marks a batch as made here, with its name


@dataclass(frozen=True, slots=True)
class Sending:
    """What is posted: a path, a body and its content type."""

    path: str
    content: bytes
    kind: str = "application/json"


@dataclass(frozen=True, slots=True)
class Look:
    """How far a batch is. done: its requests that are over; None where that is not told. files: paths of the results.

    state: `running`; `over`, its results can be read; `failed`, none of it was run, for `why` (`code`).
    cancelled: somebody ended it before its time.
    """

    state: Literal["running", "over", "failed"]
    done: int | None = None
    files: tuple[str, ...] = ()
    why: str = ""
    code: str = ""
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one request. answer: as if it had been asked alone; None where it was not run, for `why`."""

    custom_id: str
    answer: HttpReply | None
    why: str = ""


class BatchWire(Protocol):
    """A batch protocol. most_requests, most_bytes: what one batch holds."""

    most_requests: int
    most_bytes: int

    def line(self, custom_id: str, body: Mapping[str, Any]) -> bytes:
        """A request as it stands in a batch."""
        ...

    def upload(self, name: str, lines: Sequence[bytes]) -> Sending | None:
        """What is to be uploaded before; None where the batch itself holds its requests."""
        ...

    def create(self, base_url: str, batch: NotedBatch, lines: Sequence[bytes]) -> Sending: ...

    def look_at(self, base_url: str, remote: str) -> str:
        """Where a batch is looked at."""
        ...

    def look(self, base_url: str, body: Any) -> Look:
        """How far a batch is. Raises Garbled."""
        ...

    def listing(self, base_url: str, after: str) -> str:
        """Where batches are listed, newest first, a page after another."""
        ...

    def may_be(self, entry: Mapping[str, Any], batch: NotedBatch) -> bool:
        """Whether a listed batch may be this one of ours."""
        ...

    def row(self, value: Any) -> Row:
        """What became of a request. Raises Garbled."""
        ...


class OpenAIBatches:
    """POST /files, POST /batches, GET /batches/ID, GET /files/ID/content."""

    most_requests = 50_000
    most_bytes = 190 << 20  # of 200 MB

    def line(self, custom_id: str, body: Mapping[str, Any]) -> bytes:
        return _json({"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": body})

    def upload(self, name: str, lines: Sequence[bytes]) -> Sending:
        border = f"understudy-{name}"
        head = (
            f'--{border}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
            f'--{border}\r\nContent-Disposition: form-data; name="file"; filename="{_OURS}-{name}.jsonl"\r\n'
            "Content-Type: application/jsonl\r\n\r\n"
        )
        content = b"".join([head.encode(), *(line + b"\n" for line in lines), f"\r\n--{border}--\r\n".encode()])
        return Sending("/files", content, f"multipart/form-data; boundary={border}")

    def create(self, base_url: str, batch: NotedBatch, lines: Sequence[bytes]) -> Sending:
        asked = {"input_file_id": batch.file, "endpoint": "/v1/chat/completions", "completion_window": "24h",
                 "metadata": {_OURS: batch.name}}  # fmt: skip
        return Sending("/batches", _json(asked))

    def look_at(self, base_url: str, remote: str) -> str:
        return f"/batches/{remote}"

    def look(self, base_url: str, body: Any) -> Look:
        if not isinstance(body, Mapping):
            raise Garbled("no JSON object")
        state, counts = body.get("status"), body.get("request_counts")
        told = [count(counts.get(name)) for name in ("completed", "failed")] if isinstance(counts, Mapping) else [None]
        done = None if None in told else sum(n or 0 for n in told)
        if state in ("validating", "in_progress", "finalizing", "cancelling"):
            return Look("running", done)
        if state == "failed":
            errors = body.get("errors")
            rows = errors.get("data") if isinstance(errors, Mapping) else None
            first = rows[0] if isinstance(rows, list) and rows and isinstance(rows[0], Mapping) else {}
            return Look("failed", 0, why=clip(first.get("message") or "no reason given"), code=clip(first.get("code")))
        if state not in ("completed", "expired", "cancelled"):
            raise Garbled(f"a state that is not known: {clip(state)}")
        named = [read_id(body[n]) for n in ("output_file_id", "error_file_id") if body.get(n)]
        files = tuple(f"/files/{name}/content" for name in named)
        return Look("over", done, files, cancelled=state == "cancelled")

    def listing(self, base_url: str, after: str) -> str:
        return "/batches?limit=100" + (f"&after={after}" if after else "")

    def may_be(self, entry: Mapping[str, Any], batch: NotedBatch) -> bool:
        marks = entry.get("metadata")
        named = isinstance(marks, Mapping) and marks.get(_OURS) == batch.name
        return named or bool(batch.file and entry.get("input_file_id") == batch.file)

    def row(self, value: Any) -> Row:
        custom_id = _custom_id(value)
        response, error = value.get("response"), value.get("error")
        if isinstance(response, Mapping):
            status = response.get("status_code")
            if not isinstance(status, int) or isinstance(status, bool):
                raise Garbled("no status in it")
            return Row(custom_id, HttpReply(status, {}, response.get("body"), ""))
        if not error:
            raise Garbled("neither response nor error in it")
        code = str(error.get("code") if isinstance(error, Mapping) else error).lower()
        for sign, why in (("expired", "expired"), ("cancel", "cancelled")):
            if sign in code:
                return Row(custom_id, None, why)
        return Row(custom_id, HttpReply(502, {}, {"error": error}, ""))


class AnthropicBatches:
    """POST /v1/messages/batches, GET /v1/messages/batches/ID and ID/results.

    A batch has no mark of its own there. Its requests have: their ids begin with its name.
    """

    most_requests = 100_000
    most_bytes = 240 << 20  # of 256 MB

    def line(self, custom_id: str, body: Mapping[str, Any]) -> bytes:
        return _json({"custom_id": custom_id, "params": body})

    def upload(self, name: str, lines: Sequence[bytes]) -> None:
        return None

    def create(self, base_url: str, batch: NotedBatch, lines: Sequence[bytes]) -> Sending:
        return Sending(self._root(base_url), b'{"requests": [' + b",\n".join(lines) + b"]}")

    def look_at(self, base_url: str, remote: str) -> str:
        return f"{self._root(base_url)}/{remote}"

    def look(self, base_url: str, body: Any) -> Look:
        if not isinstance(body, Mapping):
            raise Garbled("no JSON object")
        state = body.get("processing_status")
        counts = _counts(body)
        done = None if counts is None else sum(n for name, n in counts.items() if name != "processing")
        if state in ("in_progress", "canceling"):
            return Look("running", done)
        if state != "ended":
            raise Garbled(f"a state that is not known: {clip(state)}")
        # The results are where the reference says: `results_url` may lead to another host, which gets no key.
        files = (f"{self.look_at(base_url, read_id(body.get('id')))}/results",) if body.get("results_url") else ()
        return Look("over", done, files, cancelled=bool(body.get("cancel_initiated_at")))

    def listing(self, base_url: str, after: str) -> str:
        return f"{self._root(base_url)}?limit=100" + (f"&after_id={after}" if after else "")

    def may_be(self, entry: Mapping[str, Any], batch: NotedBatch) -> bool:
        counts = _counts(entry)
        return counts is not None and sum(counts.values()) == len(batch.charges) and not before(entry, batch)

    def row(self, value: Any) -> Row:
        custom_id = _custom_id(value)
        result = value.get("result")
        if not isinstance(result, Mapping):
            raise Garbled("no result in it")
        kind = result.get("type")
        if kind == "succeeded":
            return Row(custom_id, HttpReply(200, {}, result.get("message"), ""))
        if kind in ("expired", "canceled"):
            return Row(custom_id, None, "expired" if kind == "expired" else "cancelled")
        if kind != "errored":
            raise Garbled(f"a result that is not known: {clip(kind)}")
        error = result.get("error")
        return Row(custom_id, HttpReply(read_fault(502, error).status, {}, error, ""))

    def _root(self, base_url: str) -> str:
        return "/messages/batches" if base_url.endswith("/v1") else "/v1/messages/batches"


BATCHES: dict[str, BatchWire] = {"openai": OpenAIBatches(), "anthropic": AnthropicBatches()}


def read_id(value: Any) -> str:
    """A name that the endpoint gave, as it can stand in an address and in the ledger. Raises Garbled."""
    if not isinstance(value, str) or not _ID.fullmatch(value) or redact(value) != value:
        raise Garbled("no id in it")
    return value


def listed(body: Any) -> tuple[list[Mapping[str, Any]], str]:
    """A page of a list: its entries, and after which one the next page begins, if there is one. Raises Garbled."""
    rows = body.get("data") if isinstance(body, Mapping) else None
    if not isinstance(rows, list):
        raise Garbled("no list in it")
    entries = [row for row in rows if isinstance(row, Mapping)]
    return entries, read_id(entries[-1].get("id")) if entries and body.get("has_more") else ""


def before(entry: Mapping[str, Any], batch: NotedBatch) -> bool:
    """Whether a listed batch is older than one of ours, whatever the two clocks say."""
    made = entry.get("created_at")
    if isinstance(made, str):
        try:
            made = datetime.fromisoformat(made).timestamp()
        except ValueError:
            return False
    return isinstance(made, (int, float)) and made < batch.created - _EARLIER


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def _custom_id(value: Any) -> str:
    if not isinstance(value, Mapping) or not isinstance(value.get("custom_id"), str):
        raise Garbled("no custom_id in it")
    return str(value["custom_id"])


def _counts(body: Mapping[str, Any]) -> dict[str, int] | None:
    told = body.get("request_counts")
    if not isinstance(told, Mapping):
        return None
    counts = {str(name): count(value) for name, value in told.items()}
    known = {name: n for name, n in counts.items() if n is not None}
    return known if known and len(known) == len(counts) else None
