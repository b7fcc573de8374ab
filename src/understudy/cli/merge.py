"""`understudy merge`: merge models as mergekit's YAML or a recipe's merge section says."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from understudy import network
from understudy.cli.console import console, duration, error_console, size


def merge(
    config: Annotated[Path, typer.Argument(help="A merge as YAML: mergekit's, or a recipe's merge section.")],
    out: Annotated[Path, typer.Argument(help="The folder to create for the merged model.")],
    max_memory: Annotated[str, typer.Option("--max-memory", help="Memory this command may use, such as 2GB.")] = "",
    threads: Annotated[int, typer.Option("--threads", min=0, help="Processors to use; 0 means all.")] = 0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="What DARE and DELLA draw from.")] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and print the plan; write nothing.")] = False,
) -> None:
    """Merge models, streaming: memory stays bounded, and a killed merge goes on where it stopped."""
    from understudy.errors import RecipeError
    from understudy.merge.document import load
    from understudy.merge.preview import describe
    from understudy.merge.schema import model_parts, parse_size
    from understudy.merge.series import merge_series
    from understudy.models.hosts import contacts
    from understudy.models.resolve import local_folder

    try:
        limit = parse_size(max_memory) if max_memory else None
    except ValueError as error:
        raise RecipeError(f"--max-memory: {error}") from error
    documents = load(config)
    network.allow(contacts([d.model_dump(mode="json") for d in documents], model_parts(documents)))
    if dry_run:
        for line in describe(documents, resolve=local_folder, max_memory=limit, threads=threads or None):
            console.print(line, soft_wrap=True)
        return
    status = error_console.status(Text("reading headers"))

    def progress(what: str, done: float, total: float | None) -> None:
        if error_console.is_terminal:
            status.update(Text(f"{what}: {size(done)} of {size(total)}"))

    with status if error_console.is_terminal else nullcontext():  # drawn for nobody, it still costs processor time
        report = merge_series(
            documents,
            out,
            max_memory=limit,
            threads=threads or None,
            seed=seed,
            resolve=local_folder,
            progress=progress,
        )
    for warning in report.warnings:
        error_console.print(f"warning: {warning}", soft_wrap=True)
    speed = (report.bytes_in + report.bytes_out) / max(report.seconds, 1e-9)
    console.print(
        f"{out}: {report.n_tensors} tensors, {size(report.bytes_out)}, by {report.method} "
        f"in {duration(report.seconds)} ({size(speed)}/s read and written)",
        soft_wrap=True,
    )
    if report.resumed:
        console.print(f"{report.resumed} tensors were there from an interrupted merge")
    for other in report.likeness:
        if other.cosine is not None and other.change is not None:
            console.print(f"{other.reference}: cosine {other.cosine:.4f}, change {other.change:.2%} (of a sample)")
    if report.linear_share is not None:
        cosine = f"{report.mean_cosine:.4f}" if report.mean_cosine is not None else "–"
        console.print(f"SLERP took the straight line in {report.linear_share:.0%} of tensors; mean cosine {cosine}")
