"""What an endpoint's error means: who is at fault, and what can be done about it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from understudy.models.wire import Fault

_REFUSED = re.compile(
    r"unsupported|not support|unknown|unrecogni[sz]ed|unexpected|not permitted|not allowed|not available|deprecated|"
    r"invalid|instead of|does not (?:accept|take)|extra (?:inputs|fields)",
    re.IGNORECASE,
)
_TOO_LONG = re.compile(
    r"context[ _](?:length|window|size)|too (?:large|long|many tokens)|maximum context|exceeds? the (?:maximum|limit)|"
    r"prompt is too long",
    re.IGNORECASE,
)
_WINDOW = re.compile(r"(?:context length|context window|context size)\D{0,40}?(\d{2,9})", re.IGNORECASE)
_INPUT = re.compile(
    r"(\d{1,9})\s*(?:tokens\s*)?"
    r"(?:input tokens|in the messages|in your (?:prompt|request)|of text input|prompt tokens)",
    re.IGNORECASE,
)
_NO_CREDIT = re.compile(r"insufficient_quota|no credit|credit balance|billing_hard_limit|quota exceeded for", re.I)
_NAMES = {
    "response_format": ("response_format", "json_schema", "tools", "tool_choice", "output_config"),
    "temperature": ("temperature",),
    "max_tokens": ("max_tokens", "max_completion_tokens"),
    "stop": ("stop", "stop_sequences"),
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why an attempt brought no answer.

    end: what it is the end of, if anything. pace: the endpoint asks to slow down. wait: seconds that it asks for.
    again_without: a parameter to leave out; max_tokens: a smaller one to ask for.
    """

    why: str
    end: Literal["", "request", "endpoint"] = ""
    pace: bool = False
    wait: float | None = None
    again_without: str = ""
    max_tokens: int | None = None

    def waiting(self, seconds: float | None) -> Trouble:
        """The same, with what the endpoint asks to wait."""
        return replace(self, wait=seconds)


class Asked(Protocol):
    """What of a request matters to its fault."""

    @property
    def params(self) -> Mapping[str, Any]: ...

    @property
    def schema(self) -> Any: ...


def judge(fault: Fault, asked: Asked, left_out: frozenset[str], answered: bool, key_variable: str) -> Trouble:
    """What to do about a fault. answered: whether this endpoint has answered before.

    What no repetition can mend ends the request; what no request can mend ends the endpoint.
    """
    status, said, key = fault.status, fault.message, f"Set {key_variable} to a key of this endpoint"
    if status in (400, 413, 422):
        adapted = _too_long(fault, asked.params) or _refused_parameter(fault, asked.params, asked.schema, left_out)
        if adapted is not None:
            return adapted
    if status == 402 or "insufficient_quota" in fault.code or _NO_CREDIT.search(said):
        return Trouble(f"{status}: the account has no credit left ({said}). Add credit", end="endpoint")
    if status == 401:
        return Trouble(f"401: not allowed ({said}). {key}", end="endpoint")
    if status == 403:
        why = f"403: not allowed ({said})"
        if answered:  # others were allowed: it is about this text
            return Trouble(why, end="request")
        return Trouble(f"{why}. {key}", end="endpoint")
    if status == 404:
        why = f"404: no such model or address there ({said}). Check the model's name and the address"
        return Trouble(why, end="request" if answered else "endpoint")
    if status == 429:
        return Trouble(f"429: too many requests ({said})", pace=True)
    if status in (408, 409) or status >= 500:
        return Trouble(f"error {status} ({said})", pace=status in (503, 529))
    return Trouble(f"refused with {status}: {said}", end="request")


def _too_long(fault: Fault, params: Mapping[str, Any]) -> Trouble | None:
    """A prompt, or a prompt and its answer, that the model's window does not hold."""
    if not (_TOO_LONG.search(fault.message) or "context_length" in fault.code):
        return None
    if fault.param in _NAMES["temperature"]:
        return None
    window, used = _WINDOW.search(fault.message), _INPUT.search(fault.message)
    if window and used:
        room = int(window.group(1)) - int(used.group(1))
        if 64 <= room < int(params["max_tokens"]):
            return Trouble(fault.message, again_without="max_tokens", max_tokens=room)
    about_answer = fault.param in _NAMES["max_tokens"] or any(name in fault.message for name in _NAMES["max_tokens"])
    step = "Lower max_tokens (generate.remote.max_tokens)" if about_answer else "Ask with smaller chunks or passages"
    return Trouble(f"refused with {fault.status}: {fault.message}. {step}", end="request")


def _refused_parameter(
    fault: Fault, params: Mapping[str, Any], schema: Any, left_out: frozenset[str]
) -> Trouble | None:
    """A parameter that the endpoint does not take and that can be left out.

    The error's own field says which; where an endpoint leaves it empty, its words must say that it is refused.
    """
    for name, signs in _NAMES.items():
        asked = (name in params or (name == "response_format" and schema is not None)) and name not in left_out
        if not asked:
            continue
        root = re.split(r"[.\[]", fault.param, maxsplit=1)[0]
        told = _REFUSED.search(fault.message) or name == "response_format"  # no word of everyday speech
        by_words = not fault.param and told and _names(fault.message, signs)
        if root in signs or by_words:
            return Trouble(fault.message, again_without=name)
    return None


def _names(message: str, signs: tuple[str, ...]) -> bool:
    return any(re.search(rf"(?<![\w-]){re.escape(sign)}(?![\w-])", message) for sign in signs)
