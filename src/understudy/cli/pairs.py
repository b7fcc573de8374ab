"""`understudy pairs`: a run's questions and answers for other programs, with a card that says what they are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from understudy.cli.console import DEFAULT_STORE, StoreOption, console


def pairs(
    run: Annotated[str, typer.Argument(help="NAME (the newest finished run) or NAME@NUMBER.")],
    out: Annotated[Path, typer.Argument(help="The folder to write; files of an earlier time are replaced.")],
    format: Annotated[
        str, typer.Option("--format", help="messages, sharegpt, alpaca, jsonl, csv or parquet.")
    ] = "messages",
    open: Annotated[
        bool, typer.Option("--open", help="In their place the questions without options, to be asked again.")
    ] = False,
    licence: Annotated[str, typer.Option("--licence", help="Of the documentation, for the card, as cc-by-4.0.")] = "",
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Write a run's pairs, a file for each split, and README.md: counts, sources, what was left out, licence."""
    from understudy import api

    written = api.open_run(run, store=store).write_pairs(out, format=format, licence=licence, open_questions=open)
    for name, rows in written.items():
        console.print(f"{out / name}: {rows:,} {'questions' if open else 'pairs'}", soft_wrap=True, markup=False)
    console.print(f"{out / 'README.md'}: what they are", soft_wrap=True, markup=False)
