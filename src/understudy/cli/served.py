"""`understudy watch | promote | rollback`: keep what is served fresh, and never worse."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from understudy.cli.console import DEFAULT_STORE, SetOption, StoreOption, console, error_console
from understudy.errors import UsageError

_LONGEST = 365 * 86400.0
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def watch(
    recipe: Annotated[Path, typer.Argument(help="The recipe's YAML file.")],
    set_: SetOption = [],  # noqa: B006 - typer copies it
    store: StoreOption = DEFAULT_STORE,
    every: Annotated[str, typer.Option("--every", help="How often to look: 30s, 10m, 2h, 1d.")] = "10m",
    once: Annotated[bool, typer.Option("--once", help="Look once, for cron.")] = False,
    device: Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")] = "auto",
) -> None:
    """Run a recipe when its documents changed, and serve the run where it is not worse than the one served."""
    from understudy import served

    def say(text: str) -> None:
        error_console.print(text, soft_wrap=True, markup=False)

    found = served.watch(recipe, store, settings=set_, every=seconds(every), once=once, say=say, device=device)
    console.print("nothing changed" if found is None else f"served: {found.served}")


def promote(
    run: Annotated[str, typer.Argument(help="NAME or NAME@NUMBER, as `understudy runs` lists them.")],
    store: StoreOption = DEFAULT_STORE,
    force: Annotated[bool, typer.Option("--force", help="Whatever the comparison says.")] = False,
) -> None:
    """Serve a run unless it is worse than the one served, on their common questions. Exits 1 where it is worse."""
    from understudy import served

    found = served.promote(run, store, force=force)
    console.print(f"{found.run} {'is served' if found.promoted else 'is not promoted'}: {found.why}", soft_wrap=True)
    if not found.promoted:
        raise typer.Exit(1)


def rollback(
    name: Annotated[str, typer.Argument(help="The recipe's name.")], store: StoreOption = DEFAULT_STORE
) -> None:
    """Serve again what was served before."""
    from understudy import served

    found = served.roll_back(name, store)
    console.print(f"{found.run} is served: {found.why}", soft_wrap=True)


def seconds(text: str) -> float:
    """A span of time such as `10m` in seconds. Raises UsageError for anything else."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text.strip())
    span = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if not 0 < span <= _LONGEST:
        raise UsageError(f"--every {text}: write a number and its unit, for example 30s, 10m, 2h or 1d, at most 365d")
    return span
