"""Who may ask, and what passes: keys in constant time, sizes, request ids, counts.

Plain ASGI, so that answers stream.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from understudy.serve.origin import is_here
from understudy.serve.problems import Problem
from understudy.serve.settings import ServeSettings, is_loopback

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
logger = logging.getLogger(__name__)
_ALWAYS = ((b"x-content-type-options", b"nosniff"),)
_OPEN = ("/health", "/")
_OPEN_BELOW = "/static/"  # like the page itself, its files hold nothing of the documentation


class Gate:
    """Around the application: refuses strangers and bodies that are too large, gives every answer a request id."""

    def __init__(self, app: Any, settings: ServeSettings, counts: Counter[str]) -> None:
        self.app = app
        self._settings = settings
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        number = uuid.uuid4().hex
        began = time.perf_counter()
        status = 500
        receive = self._bounded(receive)

        async def tagged(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
                message["headers"] = [*message.get("headers", []), (b"x-request-id", number.encode()), *_ALWAYS]
            await send(message)

        try:
            self._check(scope, headers)
            await self.app(scope, receive, tagged)
        except Problem as problem:
            await _refuse(problem, tagged)
        finally:
            route = getattr(scope.get("route"), "path", "unknown")  # as declared: a path may be anything, without end
            self._counts[f"{route} {status}"] += 1
            logger.info("%s %s %s %.3f s", number, scope["path"], status, time.perf_counter() - began)

    def _check(self, scope: Scope, headers: MutableMapping[str, str]) -> None:
        key, path = self._settings.key, scope["path"]
        if key is None and not is_loopback(_name(headers.get("host", ""))):
            raise Problem(403, "without a key only this machine's own names are answered (a page may have renamed it)")
        origin = headers.get("origin")
        if key is None and origin is not None and not is_here(origin):
            raise Problem(
                403,
                "without a key only pages of this machine are answered; use --api-key-file",
                code="other_origin",
            )
        length = headers.get("content-length") or "0"
        if not length.isdecimal() or int(length[:20]) > self._settings.max_bytes:
            raise self._too_large()
        if key is None or scope["method"] == "OPTIONS" or path in _OPEN or path.startswith(_OPEN_BELOW):
            return
        given = headers.get("authorization", "")
        bearer = given[7:].strip() if given.lower().startswith("bearer ") else ""
        if not hmac.compare_digest(bearer.encode(), key.encode()):
            raise Problem(401, "a key is needed: send it as `Authorization: Bearer KEY`", code="invalid_api_key")

    def _bounded(self, receive: Receive) -> Receive:
        """`receive`, counting: a body without a length must not be endless, and none may take for ever to come."""
        seen, whole = 0, False
        end = time.monotonic() + self._settings.slowest

        async def counted() -> MutableMapping[str, Any]:
            nonlocal seen, whole
            if whole:  # what comes now is that the client has gone
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), max(0.0, end - time.monotonic()))
            except TimeoutError:
                raise Problem(
                    408, f"the request did not come within {self._settings.slowest:g} seconds", code="too_slow"
                ) from None
            seen += len(message.get("body", b""))
            if seen > self._settings.max_bytes:
                raise self._too_large()
            whole = not message.get("more_body", False)
            return message

        return counted

    def _too_large(self) -> Problem:
        return Problem(413, f"the request is larger than {self._settings.max_bytes:,} bytes", code="request_too_large")


def _name(host: str) -> str:
    """The name or address in a Host header, without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] or host if host.count(":") == 1 else host


async def _refuse(problem: Problem, send: Send) -> None:
    body = json.dumps(problem.body()).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if problem.retry_after is not None:
        headers.append((b"retry-after", str(problem.retry_after).encode()))
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
