"""What a model wrote, read: thoughts set aside, JSON found among words, cut ends closed.

Thoughts are what stands between tags (`<think>…</think>` and their like) outside the strings of a JSON value, and
all that stands before a lone closing tag, as models write it whose template opened the thought for them.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from understudy.models.lenient_json import read_value
from understudy.redact import redactor

T = TypeVar("T", bound=BaseModel)
_NAMES = "think|thinking|thought|thoughts|reasoning|reflection"
_TAG = re.compile(rf"<(?P<close>/?)(?P<name>{_NAMES})\s*>", re.IGNORECASE)
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")
_BRACE = re.compile(r"[{\[]")
_LOOP = re.compile(r"(?:[{\[]\s*){40,}")  # a small model that repeats itself
_TRIES = 1000  # braces that begin no value; a text with more of them holds no answer


def scrub(text: str) -> str:
    """The text as it can be stored: lone surrogates become U+FFFD, NUL is left out, secrets give way to names."""
    return scrubbed([text])[0]


def scrubbed(texts: Iterable[str]) -> list[str]:
    """The same for several texts, with one look at the secrets."""
    redacted = redactor()
    return [_scrubbed(text, redacted) for text in texts]


def _scrubbed(text: str, redacted: Callable[[str], str]) -> str:
    if _LONE_SURROGATE.search(text):
        # Two halves that belong together are one character.
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return redacted(text.replace("\x00", ""))


def scrub_value(value: Any, depth: int = 40) -> Any:
    """The same for every text in a JSON value. Raises ValueError for one nested deeper than `depth`."""
    redacted = redactor()  # an answer may hold a hundred thousand texts

    def within(value: Any, depth: int) -> Any:
        if depth == 0:
            raise ValueError("nested too deeply")
        if isinstance(value, str):
            return _scrubbed(value, redacted)
        if isinstance(value, list):
            return [within(item, depth - 1) for item in value]
        if isinstance(value, dict):
            return {_scrubbed(str(key), redacted): within(item, depth - 1) for key, item in value.items()}
        return value

    return within(value, depth)


def to_json(value: Any) -> str:
    """JSON for people and models: no escapes of letters."""
    return json.dumps(value, ensure_ascii=False)


def without_thoughts(text: str) -> str:
    """What a model says, less what it thought. A tag in a string of a JSON value is part of the value."""
    kept: list[str] = []
    at = start = 0  # what stands in text[start:at] is said
    tries = iter(range(_TRIES))
    last = {t.group("name").lower(): t.start() for t in _TAG.finditer(text) if t.group("close")}
    while (tag := _next_tag(text, at, tries)) is not None:
        if tag.group("close"):
            rest = text[tag.end() :]
            if rest.strip():
                kept, start = [], tag.end()  # all before it was thought
            else:
                kept.append(text[start : tag.start()])
                start = len(text)
            at = tag.end()
            continue
        end = _closing(text, tag) if last.get(tag.group("name").lower(), -1) > tag.start() else None
        if end is None and not _opens_a_line(text, tag.start()):
            at = tag.end()  # a word about the tag
            continue
        kept.append(text[start : tag.start()])
        start = at = len(text) if end is None else end
    return "".join([*kept, text[start:]]).strip()


def _next_tag(text: str, at: int, tries: Iterator[int]) -> re.Match[str] | None:
    """The next tag of a thought at or after `at` that stands in no JSON value."""
    while (tag := _TAG.search(text, at)) is not None:
        while (brace := _BRACE.search(text, at, tag.start())) is not None:
            loop = _LOOP.match(text, brace.start(), tag.start())
            value = None if loop else read_value(text, brace.start())
            # Words in braces are no value, nor is a draft that breaks off before anything in it is whole.
            at = value.end if value and not (value.cut and not value.members) else (loop or brace).end()
            if at > tag.start():
                break
            if value is None and next(tries, None) is None:
                return tag
        else:
            return tag
    return None


def _closing(text: str, tag: re.Match[str]) -> int | None:
    """Where the thought ends that `tag` opens: at its own closing tag (thoughts may stand in thoughts), or at the
    first one where there are fewer closing than opening tags. None where there is none."""
    depth, first = 1, None
    for found in _TAG.finditer(text, tag.end()):
        if found.group("name").lower() != tag.group("name").lower():
            continue
        depth += -1 if found.group("close") else 1
        first = first or (found.end() if found.group("close") else None)
        if depth == 0:
            return found.end()
    return first


def _opens_a_line(text: str, at: int) -> bool:
    return not text[:at].rpartition("\n")[2].strip()


def json_values(text: str) -> Iterator[tuple[Any, bool]]:
    """The outermost JSON objects and lists of a text, in order, each with whether its end was cut off.

    Texts in them are scrubbed. What is nested too deeply is passed over.
    """
    at = tries = 0
    while tries < _TRIES and (brace := _BRACE.search(text, at)) is not None:
        loop = _LOOP.match(text, brace.start())
        value = None if loop else read_value(text, brace.start())
        if value is None:
            at = (loop or brace).end()
            tries += 1
            continue
        with contextlib.suppress(ValueError):
            yield scrub_value(value.value), value.cut
        at = max(value.end, brace.end())


def parse_json(text: str, kind: type[T]) -> T:
    """The last object in a reply that fits `kind`; thoughts, fences and words around it are passed over.

    Raises ValueError saying what does not fit.
    """
    problem = "no JSON object in it"
    found: T | None = None
    for value, cut in json_values(without_thoughts(text)):
        if cut or not isinstance(value, dict):
            continue
        try:
            found = kind.model_validate(value)
        except ValidationError as error:
            first = error.errors()[0]
            problem = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    if found is None:
        raise ValueError(problem)
    return found


def strict_schema(kind: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of `kind` as strict endpoints want it: every property required, none beyond them; the caller's
    own to change."""
    return dict(json.loads(_strict_schema(kind)))


@lru_cache(maxsize=16)  # to make it takes longer than all else that a request needs
def _strict_schema(kind: type[BaseModel]) -> str:
    def tighten(node: Any) -> Any:
        if isinstance(node, list):
            return [tighten(n) for n in node]
        if not isinstance(node, dict):
            return node
        kept = {k: tighten(v) for k, v in node.items() if k not in ("default", "title") or not isinstance(v, str)}
        if kept.get("type") == "object" and "properties" in kept:
            kept |= {"required": list(kept["properties"]), "additionalProperties": False}
        return kept

    return json.dumps(tighten(kind.model_json_schema()))
