"""JSON over HTTP to one endpoint: one time for the whole exchange, a bound on what is read, no redirect followed.

The time of a client's socket is per read, and an endpoint that sends a byte a second is never late by it. Here
the exchange runs on an event loop and is cancelled when its time is over, wherever it stands.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import ssl
import threading
from collections.abc import Coroutine, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal, TypeVar

import httpx2

from understudy import network
from understudy.normal import folded

T = TypeVar("T")
LARGEST_ANSWER = 32 << 20  # bytes; an answer of 100,000 tokens has less than one of these
LARGEST_FILE = 4 << 30  # bytes; 50,000 answers of 20,000 tokens
_FILE_SECONDS = 3600.0  # for a file, up or down, which nothing but its length bounds


class NoAnswer(Exception):
    """The endpoint gave nothing that can be read.

    sent: the request may have reached it, so that it may be billed. end: what no repetition can help, if anything.
    """

    def __init__(self, why: str, *, sent: bool, end: Literal["", "request", "endpoint"] = "") -> None:
        super().__init__(why)
        self.sent = sent
        self.end = end


@dataclass(frozen=True, slots=True)
class HttpReply:
    """What came back. body: the JSON, or None where there is none; text: how it begins, for a message."""

    status: int
    headers: Mapping[str, str]
    body: Any
    text: str


class HttpClient:
    """Posts JSON below `base_url`; safe for threads. timeout: seconds for an exchange as a whole."""

    def __init__(self, base_url: str, headers: Mapping[str, str], timeout: float) -> None:
        self.base_url, self.timeout = base_url.rstrip("/"), timeout
        self._headers = {"Accept-Encoding": "identity", "User-Agent": "understudy", **headers}
        self._lock = threading.Lock()
        self._idle: list[httpx2.AsyncClient] = []
        self._verify: ssl.SSLContext | None = None

    def post(self, path: str, body: Mapping[str, Any], seconds: float | None = None) -> HttpReply:
        """seconds: less than `timeout`, where the answer is not worth more. Raises NoAnswer."""
        return self._exchange("POST", path, json.dumps(body).encode(), min(self.timeout, seconds or self.timeout))

    def get(self, path: str) -> HttpReply:
        """Raises NoAnswer."""
        return self._exchange("GET", path, None)

    def upload(self, path: str, content: bytes, kind: str) -> HttpReply:
        """Post bytes of the content type `kind`. Raises NoAnswer."""
        return self._exchange("POST", path, content, kind=kind, seconds=max(self.timeout, _FILE_SECONDS))

    def download(self, path: str, into: BinaryIO) -> HttpReply:
        """Write what is there to a file, unless it is an error. Raises NoAnswer; the file then holds a part."""
        return self._exchange("GET", path, None, into=into, seconds=max(self.timeout, _FILE_SECONDS))

    def _exchange(
        self,
        method: str,
        path: str,
        content: bytes | None,
        seconds: float | None = None,
        *,
        kind: str = "application/json",
        into: BinaryIO | None = None,
    ) -> HttpReply:
        seconds = seconds or self.timeout
        self._certificates()
        began: list[str] = []

        async def trace(event: str, info: Mapping[str, Any]) -> None:
            if event.endswith("send_request_headers.started"):
                began.append(event)

        try:
            return wait_for(self._fetch(method, path, content, kind, into, trace, seconds))
        except TimeoutError:
            raise NoAnswer(f"no answer within {seconds:.3g} seconds", sent=bool(began)) from None
        except httpx2.TransportError as error:
            what = "the connection broke off" if began else "no connection"
            raise NoAnswer(f"{what} ({_cause(error)})", sent=bool(began)) from error
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            # A header or address that cannot be sent: the message may hold it, so only its kind is told.
            raise NoAnswer(f"the request cannot be sent ({type(error).__name__})", sent=False, end="endpoint") from None

    async def _fetch(
        self,
        method: str,
        path: str,
        content: bytes | None,
        kind: str,
        into: BinaryIO | None,
        trace: Any,
        seconds: float,
    ) -> HttpReply:
        async with asyncio.timeout(seconds):
            headers = {"Content-Type": kind} if content is not None else {}
            with self._client() as client:
                async with client.stream(
                    method, self.base_url + path, content=content, headers=headers, extensions={"trace": trace}
                ) as response:
                    if response.is_redirect:
                        raise NoAnswer(_redirected(self.base_url, response.headers), sent=True, end="endpoint")
                    read, size = bytearray(), 0
                    file = into if response.status_code < 400 else None
                    largest = LARGEST_ANSWER if file is None else LARGEST_FILE
                    async for part in response.aiter_bytes():
                        size += len(part)
                        if size > largest:
                            raise NoAnswer(f"an answer of more than {largest >> 20} MB", sent=True, end="request")
                        if file is None:
                            read += part
                        else:
                            file.write(part)
                    return HttpReply(response.status_code, response.headers, _json(read), _begin(read))

    def _certificates(self) -> ssl.SSLContext:
        """The certificates that are trusted, read once: that takes a tenth of a second, and is no time of an answer."""
        with self._lock:
            if self._verify is None:
                self._verify = httpx2.create_ssl_context()
            return self._verify

    @contextlib.contextmanager
    def _client(self) -> Iterator[httpx2.AsyncClient]:
        """A client with one connection, which was used last: a pool of many asks each of them about its state before
        every request."""
        with self._lock:
            client = self._idle.pop() if self._idle else None
        client = client or httpx2.AsyncClient(
            headers=self._headers,
            follow_redirects=False,
            verify=self._certificates(),
            trust_env=not network.is_here(network.host_of(self.base_url)),  # a proxy would be told the text
            timeout=httpx2.Timeout(self.timeout, connect=min(self.timeout, 30.0), pool=None),
        )
        try:
            yield client
        finally:
            with self._lock:
                self._idle.append(client)


def _json(read: bytearray) -> Any:
    try:
        return json.loads(read.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


def _begin(read: bytearray) -> str:
    return folded(read[:1200].decode("utf-8", "replace"))[:300]


def _redirected(asked: str, headers: Mapping[str, str]) -> str:
    there = httpx2.URL(asked).join(headers.get("location") or "")
    place = f"{there.scheme}://{there.netloc.decode('ascii', 'replace').rpartition('@')[2]}"
    return (
        f"it redirects to {place}, and nothing was sent there: text goes only to the address that the reference "
        f"names. If {place} is right, write its whole address into the reference"
    )


def _cause(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error) or type(error).__name__


# ── the event loop ──────────────────────────────────────────────────────────────────────────────────────

_loop_lock = threading.Lock()
_loops: dict[int, asyncio.AbstractEventLoop] = {}  # by process: a fork has no thread that would run its parent's


def wait_for(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the process's own event loop, in a thread that ends with the process."""
    with _loop_lock:
        loop = _loops.get(os.getpid())
        if loop is None:
            loop = _loops[os.getpid()] = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="understudy-http", daemon=True).start()
    running = asyncio.run_coroutine_threadsafe(work, loop)
    try:
        return running.result()
    except BaseException:
        with contextlib.suppress(Exception):
            running.cancel()
        raise
