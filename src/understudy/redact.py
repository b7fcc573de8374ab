"""What must not leave: secrets never reach a log, a manifest or a report, and control characters no terminal."""

from __future__ import annotations

import logging
import os
import re

_SECRET_NAME = re.compile(r"(API_?KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL)", re.IGNORECASE)
_SHORTEST_SECRET = 8  # shorter values ("true", "1") would redact ordinary words

_DRIVES_A_TERMINAL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def redact(text: str) -> str:
    """The text with the value of every environment variable that names a secret replaced by its name."""
    for name, value in os.environ.items():
        if len(value) >= _SHORTEST_SECRET and _SECRET_NAME.search(name) and value in text:
            text = text.replace(value, f"<{name}>")
    return text


def printable(text: str) -> str:
    """The text with what drives a terminal, and does not stand for anything to read, made visible as �.

    Control characters (C0, DEL, C1) but tab and line break, bidirectional overrides, halves of surrogate pairs.
    """
    return _DRIVES_A_TERMINAL.sub("�", text)


class RedactFilter(logging.Filter):
    """A logging filter that redacts the formatted message, and keeps control characters from the terminal."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = printable(redact(record.getMessage()))
        record.args = None
        return True
