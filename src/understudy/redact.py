"""What must not leave: secrets reach no log, manifest, ledger or report, and control characters no terminal.

A secret is the value of an environment variable whose name says so, and the password in the address of a proxy. It is
known in the forms in which programs repeat it: as it stands, trimmed, escaped as JSON and Python escape it,
percent-encoded in an address, and in base64 as basic authentication carries it.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import re
from collections.abc import Callable
from functools import lru_cache
from urllib.parse import quote, quote_plus, unquote

_SECRET_NAME = re.compile(r"API_?KEY|ACCESS_?KEY|_KEY$|TOKEN|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)
# TOKENIZERS_PARALLELISM, GOOGLE_CREDENTIALS_FILE and their like hold settings and paths.
_NO_SECRET = re.compile(r"TOKENIZER|_FILE$|_PATH$|_DIR$", re.IGNORECASE)
_PASSWORD = re.compile(r"(?:^|//)[^\s/?#@:]*:([^\s/?#]+)@")
_SHORTEST_SECRET = 8  # shorter values ("true", "1") would redact ordinary words

_learned: dict[str, str] = {}
_DRIVES_A_TERMINAL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def learn(name: str, secret: str) -> None:
    """Take a secret that did not come from the environment out of everything, too; `name` stands in its place."""
    _learned[name] = secret


def redact(text: str) -> str:
    """The text with every secret of the environment replaced by its variable's name."""
    return redactor()(text)


def redactor() -> Callable[[str], str]:
    """`redact` with the secrets of this moment, for many texts: to look through the environment takes longer than to
    look through a short text."""
    forms = _forms(_secrets())

    def redacted(text: str) -> str:
        for form, name in forms:
            if form in text:
                text = text.replace(form, f"<{name}>")
        return text

    return redacted


def _secrets() -> tuple[tuple[str, str], ...]:
    """(variable, its secret)."""
    found: list[tuple[str, str]] = []
    for name in os.environ:
        holds_secret, names_proxy = _by_name(name)
        if not (holds_secret or names_proxy):
            continue
        value = os.environ.get(name, "")
        if holds_secret and len(value.strip()) >= _SHORTEST_SECRET:
            found.append((name, value))
        if names_proxy and (password := _PASSWORD.search(value)):
            found += [(name, password[1]), (name, unquote(password[1]))]
    return (*found, *_learned.items())


@lru_cache(maxsize=1024)  # every text that leaves is looked through, while the names stay the same
def _by_name(name: str) -> tuple[bool, bool]:
    """Whether a variable of this name holds a secret, and whether it is the address of a proxy."""
    return bool(_SECRET_NAME.search(name) and not _NO_SECRET.search(name)), name.upper().endswith("_PROXY")


@lru_cache(maxsize=8)
def _forms(secrets: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """(how a secret may be written, its variable), longest first so that no rest of a longer form stays."""
    found: dict[str, str] = {}
    for name, value in secrets:
        for raw in (value, value.strip(), value.strip().strip("'\"")):
            if len(raw) < _SHORTEST_SECRET:
                continue
            octets = raw.encode("utf-8", "surrogateescape")
            written = {
                raw,
                repr(raw)[1:-1],
                json.dumps(raw)[1:-1],
                json.dumps(raw)[1:-1].replace("/", "\\/"),
                json.dumps(raw, ensure_ascii=False)[1:-1],
                quote(octets, safe=""),
                quote(octets),
                quote_plus(octets),
                base64.b64encode(octets).decode().rstrip("="),
                base64.urlsafe_b64encode(octets).decode().rstrip("="),
                base64.b64encode(b":" + octets).decode().rstrip("="),
                base64.b64encode(b"Bearer " + octets).decode().rstrip("="),
            }
            for form in written:
                found.setdefault(form, name)
    return tuple(sorted(found.items(), key=lambda item: -len(item[0])))


def printable(text: str) -> str:
    """The text with what drives a terminal, and does not stand for anything to read, made visible as �.

    Control characters (C0, DEL, C1) but tab and line break, bidirectional overrides, halves of surrogate pairs.
    """
    return _DRIVES_A_TERMINAL.sub("�", text)


class PlainFormatter(logging.Formatter):
    """Formats records, tracebacks too, without secrets and control characters."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(redact(super().format(record)))


class RedactFilter(logging.Filter):
    """A logging filter that redacts the formatted message, and keeps control characters from the terminal."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = printable(redact(record.getMessage()))
        record.args = None
        return True
