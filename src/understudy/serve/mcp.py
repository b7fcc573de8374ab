"""A Model Context Protocol server: JSON-RPC 2.0, one message a line, over standard input and output.

It offers the tools of `tools.py` and answers initialize, ping, tools/list and tools/call (modelcontextprotocol.io,
versions below). Tools run one after the other beside the reading, so that a ping is answered while a model writes.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any

from understudy import __version__
from understudy.redact import redact
from understudy.serve.tools import Tool, told

logger = logging.getLogger(__name__)
VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
"""Versions of the protocol that are spoken, the newest first."""
PARSE_ERROR, INVALID_REQUEST, NO_METHOD, INVALID_PARAMS, INTERNAL = -32700, -32600, -32601, -32602, -32603
_MOST_BYTES = 4_000_000  # of one message
_MOST_BATCH = 100  # messages of one batch
_MOST_WAITING = 100  # calls that wait for their turn

Answer = dict[str, Any]
Send = Callable[[Any], None]


class Refused(Exception):
    """A request that is answered with an error of JSON-RPC."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Session:
    """One client. tools: what it may call. send: takes each message that goes out, from any thread."""

    def __init__(self, name: str, tools: Sequence[Tool], send: Send) -> None:
        self._name = name
        self._tools = {tool.name: tool for tool in tools}
        self._send = send
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="tools")
        self._open: set[str] = set()
        self._cancelled: set[str] = set()

    def listen(self, lines: Iterable[bytes]) -> None:
        """Answer every line until there are no more; what was asked before the end is answered."""
        for line in lines:
            if line.strip():
                self.take(line)
        self._worker.shutdown(wait=True)

    def take(self, line: bytes) -> None:
        """Answer a message, or each of a batch. A notification has no answer."""
        try:
            if len(line) > _MOST_BYTES:
                raise ValueError(f"it has more than {_MOST_BYTES:,} bytes")
            message = json.loads(line)
        except (ValueError, RecursionError) as error:
            said = "too deep" if isinstance(error, RecursionError) else str(error)
            self._send(_failure(None, PARSE_ERROR, f"not JSON: {said}"))
            return
        batch = message if isinstance(message, list) and message else [message]
        if len(batch) > _MOST_BATCH:
            self._send(_failure(None, INVALID_REQUEST, f"a batch holds at most {_MOST_BATCH} messages"))
            return
        for one in batch:
            self._one(one)

    def _one(self, message: Any) -> None:
        if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
            self._send(_failure(None, INVALID_REQUEST, 'a message is an object with "jsonrpc": "2.0"'))
            return
        number, method, params = message.get("id"), message.get("method"), message.get("params") or {}
        if method is None and ("result" in message or "error" in message):
            return  # an answer: nothing was asked of the client
        if (
            not isinstance(method, str)
            or not isinstance(params, dict)
            or not isinstance(number, (str, int, type(None)))
        ):
            self._send(_failure(None, INVALID_REQUEST, "a request has a method, named params and an id"))
            return
        if "id" not in message:
            if method == "notifications/cancelled":
                self._cancel(params.get("requestId"))
            return
        try:
            if method == "tools/call":
                self._call(number, params)
            else:
                self._send(_success(number, self._answer(method, params)))
        except Refused as refused:
            self._send(_failure(number, refused.code, str(refused)))

    def _answer(self, method: str, params: Mapping[str, Any]) -> Answer:
        if method == "initialize":
            asked = params.get("protocolVersion")
            return {
                "protocolVersion": asked if asked in VERSIONS else VERSIONS[0],
                "capabilities": {"tools": {"listChanged": False}},
                "serverInfo": {"name": "understudy", "title": f"Understudy: {self._name}", "version": __version__},
                "instructions": f"search finds passages of the documentation '{self._name}'; ask answers from them.",
            }
        if method == "ping":
            return {}
        if method == "tools/list":
            listed = [
                {"name": t.name, "description": t.description, "inputSchema": t.schema(),
                 "annotations": {"readOnlyHint": True, "openWorldHint": False}}
                for t in self._tools.values()
            ]  # fmt: skip
            return {"tools": listed}
        raise Refused(NO_METHOD, f"no method '{method}'; there are: initialize, ping, tools/list, tools/call")

    def _call(self, number: str | int | None, params: Mapping[str, Any]) -> None:
        tool = self._tools.get(str(params.get("name")))
        arguments = params.get("arguments") or {}
        if tool is None:
            raise Refused(INVALID_PARAMS, f"no tool '{params.get('name')}'; there are: {', '.join(self._tools)}")
        if not isinstance(arguments, dict):
            raise Refused(INVALID_PARAMS, "arguments must be an object")

        if len(self._open) >= _MOST_WAITING:
            raise Refused(INTERNAL, f"{_MOST_WAITING} calls are waiting; try again")
        key = _key(number)

        def work() -> None:
            if key not in self._cancelled:
                answer = _success(number, _called(tool, arguments))
                if key not in self._cancelled:
                    self._send(answer)
            self._open.discard(key)
            self._cancelled.discard(key)

        self._open.add(key)
        self._worker.submit(work)

    def _cancel(self, number: Any) -> None:
        """A call that has not begun is not made; one that runs ends by itself, and its answer is not sent."""
        key = _key(number) if isinstance(number, (str, int)) else ""
        if key in self._open:
            self._cancelled.add(key)


def _called(tool: Tool, arguments: Mapping[str, Any]) -> Answer:
    """The result of a tool; an error that the caller can mend is a result, too, so that a model reads it."""
    try:
        text, data = tool(arguments)
    except Exception as error:
        said = told(error)
        if said is None:
            logger.exception("%s failed", tool.name)
            said = "the tool failed; the server's log says why"
        return {"content": [{"type": "text", "text": redact(said)}], "isError": True}
    return {"content": [{"type": "text", "text": text}], "structuredContent": data, "isError": False}


def _key(number: Any) -> str:
    return json.dumps(number)


def _success(number: Any, result: Answer) -> Answer:
    return {"jsonrpc": "2.0", "id": number, "result": result}


def _failure(number: Any, code: int, message: str) -> Answer:
    return {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": redact(message)}}


def speak(name: str, tools: Sequence[Tool]) -> None:
    """Serve the client at this process's standard input until it closes it.

    Standard output belongs to the protocol from here on: whatever else prints there goes to standard error.
    """
    sys.stdout.flush()
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    lock = threading.Lock()

    def send(message: Any) -> None:
        line = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"
        with lock:
            out.write(line)
            out.flush()

    Session(name, tools, send).listen(_lines(sys.stdin.buffer))


def _lines(read: IO[bytes]) -> Iterator[bytes]:
    """Lines, of one that is longer than a message may be its beginning alone, which is refused."""
    while line := read.readline(_MOST_BYTES + 2):
        yield line
        while not line.endswith(b"\n") and line:
            line = read.readline(_MOST_BYTES + 2)
