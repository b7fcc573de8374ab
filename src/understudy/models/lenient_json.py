"""JSON as models write it: strings that hold line breaks, a comma too many, an end that is cut off."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

DEEPEST = 40  # an answer that is asked for has four levels
_SPACE = re.compile(r"[ \t\r\n]*")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_WORDS = {"true": True, "false": False, "null": None, "True": True, "False": False, "None": None}
_STRICT = json.JSONDecoder(strict=False)


@dataclass(frozen=True, slots=True)
class Found:
    """A value, the index after it, whether the text ended within it, and how many members are whole."""

    value: Any
    end: int
    cut: bool
    members: int


class _Broken(Exception):
    """No JSON from here on."""


def read_value(text: str, at: int) -> Found | None:
    """The object or list that begins at `at`; None where what stands there is neither.

    Of a value whose end is cut off, what is whole is kept: members of the outer value, and of the lists and
    objects in it those that are closed. A text without an end is left out.
    """
    if text[at : at + 1] not in ("{", "["):
        return None
    try:
        value, end = _STRICT.raw_decode(text, at)
    except (ValueError, RecursionError):
        pass
    else:
        return Found(value, end, False, len(value))
    reader = _Reader(text)
    try:
        value, end = reader.container(at, DEEPEST)
    except _Broken:
        return None
    return Found(value, end, reader.cut, len(value))


class _Reader:
    """A reader that closes what is cut off. `cut` says whether it had to."""

    def __init__(self, text: str) -> None:
        self.text, self.cut = text, False

    def _skip(self, at: int) -> int:
        found = _SPACE.match(self.text, at)
        return found.end() if found else at

    def container(self, at: int, depth: int) -> tuple[Any, int]:
        if depth == 0:
            raise _Broken
        is_object = self.text[at] == "{"
        close = "}" if is_object else "]"
        members: dict[str, Any] = {}
        items: list[Any] = []
        at = self._skip(at + 1)
        while True:
            if at >= len(self.text):
                self.cut = True
                break
            if self.text[at] == close:
                at += 1
                break
            key = ""
            if is_object:
                key, at = self._string(at)
                at = self._skip(at)
                if self.cut or at >= len(self.text):
                    self.cut = True
                    break
                if self.text[at] != ":":
                    raise _Broken
                at = self._skip(at + 1)
            value, at, whole = self._value(at, depth)
            if whole:
                if is_object:
                    members[key] = value
                else:
                    items.append(value)
            if self.cut:
                break
            at = self._skip(at)
            if at < len(self.text) and self.text[at] == ",":
                at = self._skip(at + 1)
            elif at < len(self.text) and self.text[at] != close:
                raise _Broken
        return (members if is_object else items), at

    def _value(self, at: int, depth: int) -> tuple[Any, int, bool]:
        """(value, end, whether it may be kept): of what is cut, only lists and objects with something whole."""
        text = self.text
        if at >= len(text):
            self.cut = True
            return None, at, False
        if text[at] in "{[":
            value, end = self.container(at, depth - 1)
            # An object whose end is missing lacks members that nobody knows; a list is right as far as it goes.
            return value, end, not self.cut or (isinstance(value, list) and bool(value))
        if text[at] == '"':
            value, end = self._string(at)
            return value, end, not self.cut
        number = _NUMBER.match(text, at)
        if number:
            if number.end() == len(text):
                self.cut = True  # more digits may have followed
                return None, len(text), False
            try:
                return json.loads(number.group()), number.end(), True
            except ValueError:  # more digits than Python reads
                return number.group(), number.end(), True
        for word, value in _WORDS.items():
            if text.startswith(word, at):
                return value, at + len(word), True
            if len(text) - at < len(word) and word.startswith(text[at:]):
                self.cut = True
                return None, len(text), False
        raise _Broken

    def _string(self, at: int) -> tuple[str, int]:
        if self.text[at] != '"':
            raise _Broken
        try:
            value, end = json.decoder.scanstring(self.text, at + 1, False)  # type: ignore[attr-defined]
        except ValueError as error:
            if "Unterminated" in str(error) or "escape" in str(error).lower():
                if "Unterminated" not in str(error) and getattr(error, "pos", 0) < len(self.text) - 8:
                    raise _Broken from error
                self.cut = True
                return "", len(self.text)
            raise _Broken from error
        return str(value), int(end)
