"""`understudy extract`: what one model changed of another, as a LoRA adapter."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from understudy import network
from understudy.cli.console import console, error_console, size


def extract(
    base: Annotated[str, typer.Argument(help="The model that was changed: a model reference.")],
    model: Annotated[str, typer.Argument(help="The changed model, such as a whole fine-tune of it.")],
    out: Annotated[Path, typer.Argument(help="The folder to create for the adapter.")],
    rank: Annotated[int, typer.Option("--rank", "-r", min=1, help="Directions kept of each matrix.")] = 32,
) -> None:
    """Write what MODEL changed of BASE as a LoRA adapter of low rank."""
    from understudy.merge.extract import extract as make
    from understudy.merge.schema import normal_reference
    from understudy.models.hosts import contacts
    from understudy.models.resolve import local_folder

    old, new = normal_reference(base), normal_reference(model)
    network.allow(contacts([], {old: old, new: new}))
    status = error_console.status(Text("comparing"))
    with status if error_console.is_terminal else nullcontext():
        found = make(
            old,
            new,
            out,
            rank=rank,
            resolve=local_folder,
            progress=lambda what, done, total: status.update(Text(f"{what}: {done:.0f} of {total or 0:.0f}")),
        )
    kept = "nothing changed" if found.kept is None else f"{found.kept:.1%} of their squared change kept"
    console.print(f"{out}: {found.matrices} matrices, {kept}; {size(found.nbytes)}", soft_wrap=True)
    if found.whole:
        console.print(f"kept whole: {', '.join(found.whole)}", soft_wrap=True)
