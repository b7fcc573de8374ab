"""The file of decisions is only ever added to: one line a decision, whoever makes it, and from wherever."""

from __future__ import annotations

import getpass
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from understudy.artifact import append_line, canonical_json, to_plain
from understudy.errors import InputError
from understudy.generate.decisions import Decision, read_decisions


def decisions_path(name: str, configured: str | None = None) -> Path:
    """Where the decisions on a recipe's pairs stand: as it says, else `reviews/NAME.jsonl` beside it."""
    return Path(configured) if configured else Path("reviews") / f"{name}.jsonl"


def existing(path: Path) -> list[Decision]:
    """The lines so far; none where there is no file yet."""
    return read_decisions(path) if path.exists() else []


def append(path: Path, decisions: Iterable[Decision]) -> None:
    """Add lines in one write, so that two who review at once lose nothing. Raises InputError where it cannot."""
    lines = [canonical_json({k: v for k, v in to_plain(d).items() if v}) + "\n" for d in decisions]
    if not lines:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        append_line(path, "".join(lines).encode("utf-8", "replace"))
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}; name another file") from error


def now() -> str:
    """The time of a decision, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def whoever() -> str:
    """The name of who is logged in; empty where the system does not say."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""
