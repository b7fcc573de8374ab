"""What kind of thing a value is: the type that an answer and its distractors share."""

from __future__ import annotations

import re
from collections.abc import Iterator

_TIME = r"(?:ms|milliseconds?|s|secs?|seconds?|min|minutes?|h|hours?|days?|weeks?|months?|years?)"
_SIZE = r"(?:bytes?|[KMGT]i?B|[KMGT]b|kilobytes?|megabytes?|gigabytes?|pages|rows|tokens?|lines?|characters?|bits?)"
_MONTH = (
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December"
    r"|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
)
_NUMBER = r"[-+]?\d[\d,_]*(?:\.\d+)?"
_TYPES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("url", r"(?:https?|ftp|ssh|git)://\S+"),
        ("email", r"[\w.+-]+@[\w-]+\.[\w.]+"),
        ("boolean", r"(?i:true|false|yes|no|on|off)"),
        ("date", rf"(?:\d{{4}}-\d\d-\d\d|\d{{1,2}}\.? {_MONTH},? \d{{4}}|{_MONTH} \d{{1,2}},? \d{{4}}|"
                 rf"{_MONTH} \d{{4}})"),
        ("percent", rf"{_NUMBER} ?(?:%|percent|per cent)"),
        ("time", rf"{_NUMBER}[ -]?{_TIME}"),
        ("size", rf"~?{_NUMBER}[ -]?{_SIZE}"),
        ("address", r"(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?|localhost(?::\d+)?|\[?::1?\]?|[\w.-]+:\d{2,5}"),
        ("version", r"v?\d+\.\d+\.\d+(?:[-+.]\w+)*|v\d+(?:\.\d+)+"),
        ("number", _NUMBER),
        ("flag", r"--?[A-Za-z][\w-]*(?:[= ]\S+)?"),
        ("endpoint", r"(?:(?:GET|POST|PUT|PATCH|DELETE|HEAD) )?/(?:v\d+|api|admin|rest|graphql|[a-z]+z)"
                     r"(?:/[\w{}:.*-]+)*/?"),
        ("path", r"(?:~|\.{1,2})?/(?:[\w.@+-]+/)*[\w.@+*-]*|[A-Z]:\\\S+|(?:[\w.-]+/)+[\w.-]*"),
        ("method", r"GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS"),
        ("shortcut", r"(?:Ctrl|Alt|Shift|Cmd|Command|Option|Meta|Super)(?: ?\+ ?\w+)+"),
        ("code", r"(?:E|ERR|W|X)-?\d{2,}|(?=[a-z]*\d)(?=\d*[a-z])[a-z0-9]{3,8}"),
        ("env", r"\$?[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+"),
        ("file", r"[\w.-]+\.(?:conf|toml|ya?ml|json|ini|xml|db|txt|lock|log|py|js|ts|sh|bat|md|"
                 r"html|csv|exe|gguf|cfg|env)"),
        ("key", r"[a-z][\w-]*(?:\.[a-z][\w-]*)+"),
        ("identifier", r"[A-Za-z]+(?:_[A-Za-z0-9]+)+|[a-z]+(?:[A-Z][a-z0-9]*)+(?:\(\))?|[a-z]+(?:-[a-z]+)+|\w+\(\)"),
    )
)  # fmt: skip
PRECISE = frozenset(name for name, _ in _TYPES)
_GAP = re.compile(
    rf"`[^`]{{2,60}}`|(?:https?)://[^\s)\]]+|{_NUMBER} ?(?:%|percent|{_TIME}\b|{_SIZE}\b)"
    r"|(?<![\w.-])--[a-z][\w-]+|(?<![\w/.])\d[\d,.]*\d(?![\w.]*\w)|\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b"
)


def value_type(value: str, attribute: str = "") -> str:
    """The type of a value; `attribute` (`port`, `start command`) decides where the value alone cannot."""
    text = value.replace("`", "").strip().rstrip(".")
    about = attribute.lower()
    for name, pattern in _TYPES:
        if pattern.fullmatch(text):
            if name == "number" and re.search(r"\bports?\b", about):
                return "port"
            if name == "path" and "endpoint" in about:
                return "endpoint"
            return name
    if re.search(r"\bcommand\b", about) and " " in text:
        return "command"
    n = len(text.split())
    if n == 1:
        return "word" if text.islower() else "name"
    return "phrase" if n <= 8 else "sentence"


def precise_values(text: str) -> Iterator[str]:
    """The numbers with units, code spans, addresses, flags and constants of a text, in order."""
    for match in _GAP.finditer(text):
        yield match.group().rstrip(".,").strip("`")
