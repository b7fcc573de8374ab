"""`understudy runs | report | show`: look at what is in the store."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.table import Table

from understudy.cli.console import DEFAULT_STORE, StoreOption, console, duration, size


def runs(store: StoreOption = DEFAULT_STORE) -> None:
    """List the runs of the store, newest first."""
    from understudy.cli.verdict import headline
    from understudy.pipeline import artifacts_of, list_runs

    found = list_runs(store)
    if not found:
        console.print(f"no runs in {store}; `understudy run RECIPE` makes one")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("run", "when", "stages", "verdict"):
        table.add_column(heading)
    for record in found:
        artifacts = artifacts_of(record, store)
        stages = f"{len(artifacts)}{'' if record.finished else ' (unfinished)'}"
        verdict = headline(artifacts["benchmark"]) if "benchmark" in artifacts else "–"
        table.add_row(record.name, record.created[:16].replace("T", " "), stages, verdict)
    console.print(table)


def report(
    run: Annotated[str, typer.Argument(help="The run's name, as `understudy runs` lists it.")],
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Write a run's report again and print its path."""
    from understudy.cli.verdict import write_report

    console.print(str(write_report(run, store)), soft_wrap=True)


def show(
    artifact: Annotated[str, typer.Argument(help="A folder, STAGE/KEY, the start of a key, or RUN/STAGE.")],
    store: StoreOption = DEFAULT_STORE,
    records: Annotated[int, typer.Option("--records", "-n", min=0, help="Records shown of each file.")] = 2,
) -> None:
    """Show an artifact: what made it, what it holds, and its first records."""
    from understudy.artifact import Artifact
    from understudy.cli.find import find_artifact

    found: Artifact = find_artifact(artifact, store)
    manifest = found.manifest
    console.print(f"{found.stage} {found.key}", soft_wrap=True)
    console.print(str(found.path), soft_wrap=True)
    console.print(
        f"made {manifest['started']} in {duration(manifest['wall_seconds'])}, "
        f"peak {size(manifest['peak_memory_bytes'])}"
    )
    for heading in ("config", "inputs", "counts", "metrics"):
        if manifest.get(heading):
            console.print(f"{heading}: {json.dumps(manifest[heading], ensure_ascii=False)}", soft_wrap=True)
    for entry in manifest["files"]:
        console.print(f"{entry['path']} ({size(entry['bytes'])})")
        if entry["path"].endswith(".jsonl"):
            with open(found.path / entry["path"], encoding="utf-8") as lines:
                for _, line in zip(range(records), lines, strict=False):
                    console.print(f"  {line.rstrip()}", soft_wrap=True)
