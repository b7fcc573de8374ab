"""What every chat protocol has in common: how a request is described, an answer read, a fault told.

A protocol (chat_completions.py, anthropic.py) writes a request's body and reads an answer's; waiting, paying and
keeping are not its business.
"""

from __future__ import annotations

import email.utils
import math
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from understudy.normal import folded
from understudy.types import Message

Finish = Literal["stop", "length", "refusal", "error"]
_MOST_TOKENS = 1 << 40  # above it a number is no count of tokens
_UNTOLD = 502  # the status of an error that came with status 200
_NAMED = {"rate_limit": 429, "overloaded": 529, "authentication": 401, "invalid_api_key": 401, "permission": 403,
          "insufficient_quota": 402, "not_found": 404, "invalid_request": 400}  # fmt: skip


class Garbled(ValueError):
    """An answer that is not of the protocol. The message says what is missing."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the endpoint counted them; None where it did not, or where the number cannot be one."""

    prompt: int | None = None
    completion: int | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """An error as the endpoint tells it, whatever the HTTP status was. param: the parameter it is about."""

    status: int
    message: str
    code: str = ""
    param: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """What a model said. For a refusal `text` is its words. fault: an error in place of an answer."""

    text: str = ""
    finish: Finish = "stop"
    usage: Usage = Usage()
    fault: Fault | None = None
    thought: bool = False


class Wire(Protocol):
    """A chat protocol. key_variable, url_variable: where the environment holds key and address."""

    scheme: str
    key_variable: str
    url_variable: str
    default_url: str

    def headers(self, key: str) -> dict[str, str]: ...

    def path(self, base_url: str) -> str: ...

    def body(
        self, model: str, messages: Sequence[Message], params: Mapping[str, Any], schema: Any, without: frozenset[str]
    ) -> dict[str, Any]:
        """The request. without: parameters that the endpoint has refused."""
        ...

    def read(self, body: Any) -> Said:
        """The answer. Raises Garbled."""
        ...


def count(value: Any) -> int | None:
    """A number of tokens, or None for what is none: negative, not finite, not a number, beyond belief."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if 0 <= value <= _MOST_TOKENS else None  # which NaN is not


def read_fault(status: int, body: Any, text: str = "") -> Fault:
    """The error that an answer's body tells: `{"error": {...}}`, FastAPI's `detail`, a message, or bare text."""
    told: Any = body
    if isinstance(body, Mapping):
        told = next((body[k] for k in ("error", "detail", "message") if body.get(k)), body)
    if isinstance(told, list) and told:
        told = told[0]
    if not isinstance(told, Mapping):
        return Fault(status, clip(str(told) if told else text or "no reason given"))
    message = told.get("message") or told.get("msg") or told.get("detail") or text
    code = told.get("code") or told.get("type") or ""
    param = told.get("param") or ""
    place = told.get("loc")
    if not param and isinstance(place, (list, tuple)):
        param = next((p for p in reversed(place) if isinstance(p, str) and p != "body"), "")
    within = _number(told.get("code")) or _number(told.get("status"))
    named = next((n for word, n in _NAMED.items() if word in str(code).lower()), None) if status == _UNTOLD else None
    return Fault(within or named or status, clip(message), clip(code), clip(param))


def _number(value: Any) -> int | None:
    """An HTTP status that stands in an error's `code`."""
    return int(value) if isinstance(value, (int, str)) and re.fullmatch(r"[45]\d\d", str(value)) else None


def clip(value: Any) -> str:
    """A value of the endpoint as a short line."""
    return folded(value)[:300]


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that an answer's headers ask to wait: a number, a date, or milliseconds; None where they say none."""
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name)
        if not value:
            continue
        try:
            seconds = float(value) * scale
        except ValueError:
            try:
                date = email.utils.parsedate_tz(value)
                seconds = email.utils.mktime_tz(date) - time.time() if date is not None else math.nan
            except (ValueError, OverflowError, OSError, IndexError, TypeError):
                continue
        if not math.isnan(seconds):
            return max(0.0, seconds)
    return None
