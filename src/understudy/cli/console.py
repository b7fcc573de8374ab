"""Where commands print: results to standard output, progress and errors to standard error.

Documents, models and command lines are printed as they are: no word in them is markup, and no character in them drives
the terminal. Emphasis is a `style`.
"""

from __future__ import annotations

import enum
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from understudy.errors import UsageError
from understudy.redact import printable

_WIDE = 160  # columns of a file or pipe, where nobody's screen bounds a table


class PlainConsole(Console):
    """A console that takes text for text: no markup, no emoji names, no control characters but its own."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **settings)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(printable(segment.text), segment.style)


console = PlainConsole(width=None if sys.stdout.isatty() else _WIDE)
error_console = PlainConsole(stderr=True)

DEFAULT_STORE = Path(".understudy")


def _folder(text: str | Path) -> Path:
    """An empty name would be the current folder."""
    if not str(text).strip():
        raise UsageError("--store: is empty; name the folder of artifacts and runs, such as .understudy")
    if "://" in str(text):
        from understudy.pipeline.remote import place

        return place(str(text))
    return Path(text)


class EngineName(enum.StrEnum):
    """Where shards of the work run."""

    local = "local"
    ray = "ray"


StoreOption = Annotated[
    Path,
    typer.Option(
        "--store",
        help="The folder of artifacts and runs, or s3://BUCKET/PREFIX.",
        envvar="UNDERSTUDY_STORE",
        parser=_folder,
        metavar="FOLDER",
    ),
]
RunArgument = Annotated[
    str, typer.Argument(help="NAME (the newest finished run) or NAME@NUMBER, as `understudy runs` lists them.")
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


def points(value: float | None) -> str:
    """A difference of shares in points, with its sign; a dash where undefined."""
    return "–" if value is None else f"{100 * value:+.1f}"


def share(value: float | None) -> str:
    """A share as a percentage with one decimal; a dash where undefined."""
    return "–" if value is None else f"{100 * value:.1f} %"
