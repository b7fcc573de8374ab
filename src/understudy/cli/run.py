"""`understudy run`: run a recipe to its verdict."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from understudy.cli.console import DEFAULT_STORE, SetOption, StoreOption, console, duration, error_console, size
from understudy.cli.verdict import print_verdict
from understudy.errors import UsageError

if TYPE_CHECKING:
    from understudy.api import Plan
    from understudy.artifact import Artifact
    from understudy.pipeline import Planned
    from understudy.stage import ProgressFunction


def run(
    recipe: Annotated[Path, typer.Argument(help="The recipe's YAML file.")],
    set_: SetOption = [],  # noqa: B006 - typer copies it
    store: StoreOption = DEFAULT_STORE,
    only: Annotated[str | None, typer.Option("--only", metavar="STAGE", help="Run this stage alone.")] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="STAGE", help="Stop after this stage.")] = None,
    device: Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")] = "auto",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Spend the estimated money without asking.")] = False,
) -> None:
    """Run what is not cached, in order; print the verdict and the path of the report."""
    from understudy import api

    _check_spending(api.plan(recipe, set=set_, store=store), only, until, agreed=yes)
    with _Watch() as watch:
        done = api.run(
            recipe,
            set=set_,
            store=store,
            only=only,
            until=until,
            device=device,
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


class _Watch:
    """Shows a line per stage, and a bar while one runs and a person is looking."""

    def __init__(self) -> None:
        self._bar = Progress(
            TextColumn("  {task.description}", markup=False),
            BarColumn(bar_width=30),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=error_console,
            transient=True,
            disable=not error_console.is_terminal,
        )
        self._task: Any = None
        self._said = 0.0

    def __enter__(self) -> _Watch:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def say(self, text: str) -> None:
        error_console.print(text, soft_wrap=True)

    def stage(self, name: str) -> ProgressFunction:
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task(name, total=None)
        self._said = time.monotonic()

        def progress(what: str, done: float, total: float | None) -> None:
            self._bar.update(self._task, description=f"{name}: {what}", completed=done, total=total)
            if self._bar.disable and time.monotonic() - self._said > 30:  # a log file wants a sign of life
                self._said = time.monotonic()
                self.say(f"  {name}: {what} {done:,.0f}" + (f" of {total:,.0f}" if total else ""))

        return progress

    def on_stage(self, planned: Planned, artifact: Artifact | None) -> None:
        name = planned.step.name
        if artifact is None:
            why = f" ({planned.why[0]})" if planned.why else ""
            error_console.print(f"{name}: running{why}", soft_wrap=True)
            return
        if self._task is not None:
            self._bar.remove_task(self._task)
            self._task = None
        if planned.artifact is not None:
            error_console.print(f"{name}: cached")
            return
        manifest = artifact.manifest
        took = f"{duration(manifest['wall_seconds'])}, peak {size(manifest['peak_memory_bytes'])}"
        numbers = {k: v for k, v in artifact.counts.items() if isinstance(v, int) and not isinstance(v, bool)}
        made = ", ".join(f"{v:,} {k}" for k, v in list(numbers.items())[:4])
        error_console.print(f"{name}: done in {took}" + (f": {made}" if made else ""), soft_wrap=True)
