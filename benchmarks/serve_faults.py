"""Clients that ask a served run for minutes, most of them badly: what `serve.py load` sends, and what it counts.

Each client is a thread that draws its next request by chance: an answer whole or streamed, raw text to be scored, a
stream that is left after a piece, a body that is broken off, a reader that waits between pieces, bytes that are no
JSON, a prompt beyond the window, a body beyond the limit, an address that is not there.
"""

from __future__ import annotations

import http.client
import json
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

QUESTIONS = (
    "Which port does the server listen on?", "What does export write?", "How are passages found?",
    "What is a verdict?", "How is a model merged?", "Which formats are read?", "What does the gate check?",
)  # fmt: skip


@dataclass
class Seen:
    """Counts by (kind of request, status), seconds to the first and the last piece, and what broke."""

    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    first: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    broken: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, kind: str, status: int, first: float | None = None, whole: float | None = None) -> None:
        with self.lock:
            self.statuses[kind, status] += 1
            if first is not None:
                self.first.append(first)
            if whole is not None:
                self.whole.append(whole)


class Client:
    """One client. url: the server's address. model: the name it asks for. seen: where it counts."""

    def __init__(self, url: str, model: str, seen: Seen, seed: int) -> None:
        parts = urlsplit(url)
        self._host, self._port = str(parts.hostname), int(parts.port or 80)
        self._model, self._seen, self._random = model, seen, random.Random(seed)

    def run(self, until: float) -> None:
        """Ask until a time (`time.monotonic`)."""
        kinds: dict[Callable[[], None], int] = {
            self.whole: 6, self.streamed: 6, self.scored: 3, self.left: 5, self.cut: 2, self.slow: 3, self.no_json: 3,
            self.too_long: 3, self.too_large: 1, self.nowhere: 1,
        }  # fmt: skip
        while time.monotonic() < until:
            kind = self._random.choices(list(kinds), list(kinds.values()))[0]
            try:
                kind()
            except (OSError, http.client.HTTPException) as error:
                with self._seen.lock:
                    self._seen.broken[f"{kind.__name__}: {type(error).__name__}"] += 1

    def whole(self) -> None:
        began = time.monotonic()
        status, body = self._post("whole", self._chat())
        if status == 200:
            assert json.loads(body)["choices"][0]["finish_reason"] in ("stop", "length")
            self._seen.add("whole", status, whole=time.monotonic() - began)
        else:
            self._seen.add("whole", status)

    def streamed(self) -> None:
        self._stream("streamed", pieces=None, wait=0.0)

    def slow(self) -> None:
        """Reads a piece, waits, reads the next."""
        self._stream("slow reader", pieces=None, wait=self._random.uniform(0.05, 0.5))

    def left(self) -> None:
        """Goes away after a few pieces."""
        self._stream("left in mid-stream", pieces=self._random.randint(0, 5), wait=0.0)

    def cut(self) -> None:
        """Sends a part of a body, or asks for a whole answer, and goes away without reading."""
        with socket.create_connection((self._host, self._port), timeout=30) as connection:
            body = json.dumps(self._chat()).encode()
            sent = body if self._random.random() < 0.5 else body[: len(body) // 2]
            head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {self._host}\r\nContent-Length: {len(body)}\r\n\r\n"
            connection.sendall(head.encode() + sent)
            time.sleep(self._random.uniform(0, 0.3))
        self._seen.add("gone without reading", 0)

    def scored(self) -> None:
        prompt = [self._question() for _ in range(self._random.randint(1, 4))]
        body = {"model": self._model, "prompt": prompt, "max_tokens": 1, "echo": True, "logprobs": 1}
        self._seen.add("scored", self._post("scored", body, "/v1/completions")[0])

    def no_json(self) -> None:
        rows = [b"{", b"\xff\xfe", b"[]", b'{"model": 3}', b"[" * 50_000, b'{"model": "x", "messages": "y"}']
        self._seen.add("malformed", self._post("malformed", self._random.choice(rows))[0])

    def too_long(self) -> None:
        self._seen.add("beyond the window", self._post("long", self._chat("port " * 20_000))[0])

    def too_large(self) -> None:
        self._seen.add("beyond the limit", self._post("large", b" " * 4_100_000)[0])

    def nowhere(self) -> None:
        self._seen.add("no such address", self._post("nowhere", {}, f"/v1/{self._random.random()}")[0])

    def _question(self) -> str:
        return f"{self._random.choice(QUESTIONS)} ({self._random.randrange(1000)})"

    def _chat(self, question: str | None = None, **more: Any) -> dict[str, Any]:
        turns = [{"role": "user", "content": question or self._question()}]
        return {"model": self._model, "messages": turns, "max_tokens": self._random.choice((4, 16, 48)), **more}

    def _post(self, kind: str, body: Any, path: str = "/v1/chat/completions") -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=120)
        try:
            sent = body if isinstance(body, bytes) else json.dumps(body).encode()
            try:
                connection.request("POST", path, sent, {"Content-Type": "application/json"})
            except (BrokenPipeError, ConnectionResetError):
                if kind != "large":  # a server need not read what it refuses
                    raise
                return 413, b""
            answer = connection.getresponse()
            return answer.status, answer.read()
        except ConnectionResetError:
            if kind != "large":
                raise
            return 413, b""
        finally:
            connection.close()

    def _stream(self, kind: str, *, pieces: int | None, wait: float) -> None:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=120)
        began, first, last, count = time.monotonic(), None, b"", 0
        try:
            body = json.dumps(self._chat(stream=True)).encode()
            connection.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            if answer.status != 200:
                answer.read()
                self._seen.add(kind, answer.status)
                return
            for line in answer:
                if not line.startswith(b"data: "):
                    continue
                if b'"error"' in line:
                    self._seen.add(kind + ": error in mid-stream", 200)
                last, count = line.strip(), count + 1
                if b'"content": "' in line and b'"role"' not in line and first is None:
                    first = time.monotonic() - began
                if pieces is not None and count > pieces:
                    self._seen.add(kind, 200, first)
                    return
                if wait:
                    time.sleep(wait)
            if last != b"data: [DONE]":
                raise http.client.HTTPException(f"{kind}: the stream ended without [DONE]")
            self._seen.add(kind, 200, first, time.monotonic() - began if not wait else None)
        finally:
            connection.close()
