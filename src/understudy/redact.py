"""Secrets never reach a log, a manifest or a report: their values are replaced wherever text leaves the program."""

from __future__ import annotations

import logging
import os
import re

_SECRET_NAME = re.compile(r"(API_?KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL)", re.IGNORECASE)
_SHORTEST_SECRET = 8  # shorter values ("true", "1") would redact ordinary words


def redact(text: str) -> str:
    """The text with the value of every environment variable that names a secret replaced by its name."""
    for name, value in os.environ.items():
        if len(value) >= _SHORTEST_SECRET and _SECRET_NAME.search(name) and value in text:
            text = text.replace(value, f"<{name}>")
    return text


class RedactFilter(logging.Filter):
    """A logging filter that redacts the formatted message."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = redact(record.getMessage())
        record.args = None
        return True
