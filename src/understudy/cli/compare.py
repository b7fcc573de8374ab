"""`understudy compare`: pair any runs on their common questions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from understudy.cli.console import DEFAULT_STORE, StoreOption, console, points, share


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(
            help="Runs (NAME or NAME@NUMBER), RUN:ARM for one arm, benchmark folders, lm_eval samples_*.jsonl or "
            "inspect_ai logs (JSON).",
        ),
    ],
    store: StoreOption = DEFAULT_STORE,
    json_out: Annotated[Path | None, typer.Option("--json", help="Also write the findings to this file.")] = None,
) -> None:
    """Compare runs, however many weeks apart, question by question: later ones against the first."""
    from understudy import api
    from understudy.artifact import to_plain, write_json

    found = api.compare(*runs, store=store)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("arm", "accuracy", "95 % interval", "n"):
        table.add_column(heading, justify="left" if heading == "arm" else "right")
    for name, acc in found.arms.items():
        table.add_row(name, share(acc.value), f"{share(acc.low)} … {share(acc.high)}", str(acc.n))
    console.print(table)
    console.print()
    for one in found.comparisons:
        console.print(Text.assemble((one.verdict, "bold"), f"  {one.sentence}"), soft_wrap=True)
    for free in found.free:
        d = free.difference
        console.print(
            f"free answers: {free.first} − {free.second}: {points(d.value)} points {free.what} "
            f"({points(d.low)} … {points(d.high)}, n = {d.n})",
            soft_wrap=True,
        )
    for (a, b), n in found.common.items():
        if n == 0:
            console.print(f"{a} and {b} have no question in common", soft_wrap=True)
    if json_out is not None:
        pairs = [{"first": a, "second": b, "questions": n} for (a, b), n in found.common.items()]
        write_json(
            json_out,
            {
                "arms": to_plain(found.arms),
                "comparisons": to_plain(found.comparisons),
                "common": pairs,
                "free": to_plain(found.free),
            },
        )
