"""`understudy plan`: what a recipe will run and cost, before anything is spent."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from understudy.cli.console import DEFAULT_STORE, SetOption, StoreOption, console, count, duration, size

if TYPE_CHECKING:
    from understudy.stage import Estimate


def plan(
    recipe: Annotated[Path, typer.Argument(help="The recipe's YAML file.")],
    set_: SetOption = [],  # noqa: B006 - typer copies it
    store: StoreOption = DEFAULT_STORE,
    explain: Annotated[bool, typer.Option("--explain", help="Name every field that changed a key.")] = False,
) -> None:
    """Say what will run, what is cached and why, with counts, tokens, money, time and memory."""
    from understudy import api

    planned = api.plan(recipe, set=set_, store=store)
    lines = planned.lines
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("stage", "status", "makes", "tokens", "usd", "time", "memory"):
        table.add_column(heading, justify="left" if heading in ("stage", "status", "makes") else "right")
    for line in lines:
        made = line.artifact.counts if line.artifact else line.estimate.counts
        table.add_row(
            line.step.name,
            line.status,
            _made(made, sure=line.artifact is not None),
            count(line.estimate.tokens),
            _money(line.estimate),
            duration(line.estimate.seconds),
            size(line.estimate.memory_bytes),
        )
    console.print(table)
    for line in lines:
        shown = line.why if explain else line.why[:1]
        for why in shown:
            console.print(f"{line.step.name}: {why}", soft_wrap=True)
        if len(line.why) > len(shown):
            console.print(f"{line.step.name}: and {len(line.why) - len(shown)} more; see --explain")
        if line.estimate.note:
            console.print(f"{line.step.name}: {line.estimate.note}", soft_wrap=True)
        for what in line.estimate.missing:
            console.print(f"{line.step.name}: cannot run yet: {what}", soft_wrap=True)
    unpriced = planned.unpriced
    money = f"{planned.usd:.2f} USD" if planned.usd or not unpriced else ""
    if unpriced:
        money += (" and " if money else "") + f"a price that is not known ({', '.join(unpriced)})"
    cost = f"about {duration(planned.seconds)} and {money}"
    console.print(f"{len(planned.to_do)} of {len(lines)} stages to run, {cost}", soft_wrap=True)


def _money(estimate: Estimate) -> str:
    if estimate.usd is not None and not estimate.unpriced:
        return f"{estimate.usd:.2f}"
    return "unknown" if estimate.unpriced else "–"


def _made(counts: Mapping[str, Any], *, sure: bool) -> str:
    """The counts of a stage in a few words; estimates are marked with a tilde."""
    numbers = [(k, v) for k, v in counts.items() if isinstance(v, (int, float)) and not isinstance(v, bool)]
    return ", ".join(f"{'' if sure else '~'}{v:,.0f} {k}" for k, v in numbers[:3]) or "–"
