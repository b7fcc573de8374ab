"""Where commands print: results to standard output, progress and errors to standard error."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

_WIDE = 160  # columns of a file or pipe, where nobody's screen bounds a table
console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)
error_console = Console(stderr=True, highlight=False)

DEFAULT_STORE = Path(".understudy")

StoreOption = Annotated[
    Path, typer.Option("--store", help="The folder of artifacts and runs.", envvar="UNDERSTUDY_STORE")
]
SetOption = Annotated[
    list[str], typer.Option("--set", metavar="KEY=VALUE", help="Change one recipe key, for example sft.r=16.")
]


def size(number: float | None) -> str:
    """Bytes for people: `1.2 GB`; a dash where unknown."""
    if number is None:
        return "–"
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000 or unit == "GB":
            return f"{number:.0f} {unit}" if unit in ("B", "kB") else f"{number:.1f} {unit}"
        number /= 1000
    return "–"


def duration(seconds: float | None) -> str:
    """Seconds for people: `0.4 s`, `3 min 12 s`, `2 h 05 min`; a dash where unknown."""
    if seconds is None:
        return "–"
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 1:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def count(number: float | None) -> str:
    """A count with thousands separated; a dash where unknown."""
    return "–" if number is None else f"{number:,.0f}"


def share(value: float | None) -> str:
    """A share as a percentage with one decimal; a dash where undefined."""
    return "–" if value is None else f"{100 * value:.1f} %"
