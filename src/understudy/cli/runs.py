"""`understudy runs | report | show`: look at what is in the store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from understudy.cli.console import DEFAULT_STORE, StoreOption, console, duration, size
from understudy.errors import InputError

if TYPE_CHECKING:
    from understudy.artifact import Artifact


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
    left_out: Annotated[
        bool, typer.Option("--left-out", help="Of an ingest: what of the documentation is not in it, and why.")
    ] = False,
) -> None:
    """Show an artifact: what made it, what it holds, and its first records."""
    from understudy.cli.find import find_artifact

    found = find_artifact(artifact, store)
    if left_out:
        _show_left_out(found, records)
        return
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


def _show_left_out(found: Artifact, records: int) -> None:
    """Files, parts of pages, and pages that are not taught, by reason, the largest first, with examples of each."""
    if not (found.path / "skipped.jsonl").exists():
        raise InputError(f"{found.stage} {found.key}: only an ingest leaves anything out; name it as RUN/ingest")
    groups: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for line in _lines(found, "skipped.jsonl"):
        detail = f"{line['path']}: {line['detail']}" if line.get("detail") else line["path"]
        groups.setdefault(("files", line["reason"]), []).append((1, detail))
    for line in _lines(found, "left_out.jsonl"):
        shown = f"{line['doc_id']}: {line['text']}"
        groups.setdefault(("words of pages", line["reason"]), []).append((line["words"], shown))
    for line in _lines(found, "documents.jsonl"):
        if line.get("untaught"):
            reason = line["untaught"].partition(":")[0]
            groups.setdefault(("pages searched, not taught", reason), []).append((1, line["doc_id"]))
    if not groups:
        console.print("nothing is left out")
    for (what, reason), entries in sorted(groups.items()):
        total = sum(n for n, _ in entries)
        places = f" in {len(entries)} places" if total != len(entries) else ""
        console.print(f"{what}, {reason}: {total}{places}", soft_wrap=True)
        for _, example in sorted(entries, key=lambda e: -e[0])[:records]:
            console.print(f"  {example}", soft_wrap=True)


def _lines(found: Artifact, name: str) -> Iterator[dict[str, Any]]:
    path = found.path / name
    if path.exists():
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)
