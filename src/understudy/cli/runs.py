"""`understudy runs | report | show`: look at what is in the store."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.table import Table

from understudy.cli.console import DEFAULT_STORE, StoreOption, console, duration, size


def runs(store: StoreOption = DEFAULT_STORE) -> None:
    """List the runs of the store, newest first."""
    from understudy import api

    found = api.list_runs(store=store)
    if not found:
        console.print(f"no runs in {store}; `understudy run RECIPE` makes one")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("run", "when", "stages", "verdict"):
        table.add_column(heading)
    for one in found:
        stages = f"{len(one.artifacts)}{'' if one.record.finished else ' (unfinished)'}"
        verdict = str(one.verdict) if "benchmark" in one.artifacts else "–"
        table.add_row(one.label, one.record.created[:16].replace("T", " "), stages, verdict)
    console.print(table)


def report(
    run: Annotated[
        str, typer.Argument(help="NAME (the newest finished run) or NAME@NUMBER, as `understudy runs` lists them.")
    ],
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Write a run's report again and print its path."""
    from understudy import api

    console.print(str(api.open_run(run, store=store).write_report()), soft_wrap=True)


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
