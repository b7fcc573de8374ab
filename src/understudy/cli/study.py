"""`understudy study`: the published experiment in miniature, over several seeds."""

from __future__ import annotations

from pathlib import Path

import typer

from understudy.cli.console import DEFAULT_STORE, EngineName, StoreOption, console, error_console


def study(
    file: Path = typer.Argument(help="The study, for example recipes/lab-study.yaml."),
    out: Path = typer.Option(Path("study"), help="Where study.md and study.json go, beside the material of each seed."),
    seeds: int | None = typer.Option(None, min=2, help="How many; replaces the file's own number."),
    jobs: int = typer.Option(1, min=1, help="Seeds that run at the same time."),
    engine: EngineName = typer.Option(EngineName.local, help="Where seeds run: local, or ray (RAY_ADDRESS)."),
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Run the published experiment in miniature over several seeds, and compare it with the published claims."""
    from understudy.study import load
    from understudy.study.study import study as run_study

    config = load(file, seeds)
    found = run_study(config, out, store, jobs=jobs, engine=engine.value, say=lambda text: error_console.print(text))
    for claim in found.claims:
        console.print(f"{claim.verdict}: {claim.question} {claim.sentence}", soft_wrap=True)
    console.print(f"study: {out / 'study.md'}", soft_wrap=True)
