"""`understudy plan`: what a recipe will run and cost, before anything is spent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from understudy.cli.console import DEFAULT_STORE, SetOption, StoreOption, console, count, duration, size

if TYPE_CHECKING:
    from understudy.api import Plan
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
            _time(line.estimate.seconds),
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
    for text in _changes(planned, whole=explain):
        console.print(text, soft_wrap=True, markup=False)
    unpriced = planned.unpriced
    money = f"{planned.usd:.2f} USD" if planned.usd or not unpriced else ""
    if unpriced:
        money += (" and " if money else "") + f"a price that is not known ({', '.join(unpriced)})"
    cost = f"about {duration(planned.seconds)} and {money}"
    console.print(f"{len(planned.to_do)} of {len(lines)} stages to run, {cost}", soft_wrap=True)


_SHOWN = 5


def _changes(planned: Plan, *, whole: bool) -> Iterator[str]:
    """What changed in the documentation, pages and facts. whole: every page by name, else the first few."""
    pages = planned.pages
    if pages is not None:
        renamed = tuple(f"{old} → {new}" for old, new in pages.renamed)
        kinds = (("added", pages.added), ("edited", pages.edited), ("removed", pages.removed), ("renamed", renamed))
        told = ", ".join(f"{len(names)} {kind}" for kind, names in kinds if names) or "none changed"
        yield f"pages since {pages.since}: {told}, {pages.unchanged} as they were"
        for kind, names in kinds:
            for name in names if whole else names[:_SHOWN]:
                yield f"  {kind}: {name}"
            if not whole and len(names) > _SHOWN:
                yield f"  {kind}: and {len(names) - _SHOWN} more; see --explain"
    if planned.facts is not None:
        since, facts = planned.facts
        yield f"facts since {since}: " + ", ".join(f"{n} {kind}" for kind, n in facts.counts.items())


def _time(seconds: float | None) -> str:
    """What ends sooner than a second is not told more closely: no plan is as sure."""
    return "under 1 s" if seconds is not None and seconds < 1 else duration(seconds)


def _money(estimate: Estimate) -> str:
    if estimate.usd is not None and not estimate.unpriced:
        return f"{estimate.usd:.2f}"
    return "unknown" if estimate.unpriced else "–"


def _made(counts: Mapping[str, Any], *, sure: bool) -> str:
    """The counts of a stage in a few words; estimates are marked with a tilde."""
    numbers = [(k, v) for k, v in counts.items() if isinstance(v, (int, float)) and not isinstance(v, bool)]
    return ", ".join(f"{'' if sure else '~'}{v:,.0f} {k}" for k, v in numbers[:3]) or "–"
