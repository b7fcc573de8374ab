"""`understudy run`: run a recipe to its verdict."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from understudy.cli.console import DEFAULT_STORE, EngineName, SetOption, StoreOption, console
from understudy.cli.verdict import print_verdict
from understudy.cli.watch import Watch
from understudy.errors import UsageError

if TYPE_CHECKING:
    from understudy.api import Plan


def run(
    recipe: Annotated[Path, typer.Argument(help="The recipe's YAML file.")],
    set_: SetOption = [],  # noqa: B006 - typer copies it
    store: StoreOption = DEFAULT_STORE,
    only: Annotated[str | None, typer.Option("--only", metavar="STAGE", help="Run this stage alone.")] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="STAGE", help="Stop after this stage.")] = None,
    device: Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")] = "auto",
    engine: Annotated[
        EngineName, typer.Option("--engine", help="Where shards of the work run: local, or ray (RAY_ADDRESS).")
    ] = EngineName.local,
    workers: Annotated[int, typer.Option("--workers", min=0, help="How many shards at once; 0: one a processor.")] = 1,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Spend the estimated money without asking.")] = False,
) -> None:
    """Run what is not cached, in order; print the verdict and the path of the report."""
    from understudy import api

    planned = api.plan(recipe, set=set_, store=store, closely=False)
    if planned.usd:  # as `understudy plan` says it
        planned = api.plan(recipe, set=set_, store=store)
    _check_spending(planned, only, until, agreed=yes)
    with Watch() as watch:
        done = api.run(
            recipe,
            set=set_,
            store=store,
            only=only,
            until=until,
            device=device,
            engine=engine.value,
            workers=workers or None,
            progress=watch.stage,
            on_stage=watch.on_stage,
            say=watch.say,
            command=shlex.join(["understudy", *sys.argv[1:]]),
        )
    if "benchmark" in done.artifacts:
        print_verdict(done.summary)
    console.print(f"run {done.label}; report: {done.report_path}", soft_wrap=True, markup=False)


def _check_spending(plan: Plan, only: str | None, until: str | None, *, agreed: bool) -> None:
    """Name what is missing before anything runs, and ask before money is spent; without a terminal to ask on,
    refuse and name the option."""
    usd = 0.0
    unpriced: list[str] = []
    for line in plan.lines:
        if only in (None, line.step.name) and line.artifact is None:
            if line.estimate.missing:
                raise UsageError(f"{line.step.name}: {line.estimate.missing[0]}")
            usd += line.estimate.usd or 0.0
            unpriced += [line.step.name] * line.estimate.unpriced
        if line.step.name == until:
            break
    if usd <= 0 or agreed:
        return
    more = f" and what {' and '.join(unpriced)} costs, whose price is not known" if unpriced else ""
    if not sys.stdin.isatty():
        raise UsageError(
            f"this run would spend about {usd:.2f} USD{more}; add --yes to agree, or see `understudy plan`"
        )
    typer.confirm(f"This run will spend about {usd:.2f} USD{more}. Go on?", abort=True)
