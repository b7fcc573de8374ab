"""`understudy store`: look after the folder of artifacts."""

from __future__ import annotations

from typing import Annotated

import typer

from understudy.cli.console import DEFAULT_STORE, StoreOption, console, size
from understudy.errors import StoreError

app = typer.Typer(help="The folder of artifacts: find damage, free space.", no_args_is_help=True)


@app.command()
def verify(
    store: StoreOption = DEFAULT_STORE,
    delete: Annotated[
        bool, typer.Option("--delete", help="Remove what is damaged; the next run makes it anew.")
    ] = False,
) -> None:
    """Compare every artifact with the digests in its manifest."""
    from understudy.pipeline.upkeep import verify as look

    good = bad = 0
    for checked in look(store.absolute(), delete=delete):
        good, bad = good + (not checked.problem), bad + bool(checked.problem)
        if checked.problem:
            done = "removed" if delete else "damaged"
            console.print(
                f"{done}: {checked.path.parent.name}/{checked.path.name[:12]}: {checked.problem}", soft_wrap=True
            )
    console.print(f"{good} artifacts are as they were made" + (f", {bad} were not" if bad else ""))
    if bad and not delete:
        raise StoreError(f"{bad} artifacts are damaged; `understudy store verify --delete` removes them")


@app.command()
def gc(
    store: StoreOption = DEFAULT_STORE,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be removed.")] = False,
) -> None:
    """Remove what no run refers to, and what killed runs left behind."""
    from understudy.pipeline.upkeep import gc as remove

    root = store.absolute()
    found = 0
    count = 0
    for removed in remove(root, dry_run=dry_run):
        console.print(f"{removed.path.relative_to(root)}: {removed.why}, {size(removed.size)}", soft_wrap=True)
        found, count = found + removed.size, count + 1
    console.print(f"{'would free' if dry_run else 'freed'} {size(found)} in {count} places")
