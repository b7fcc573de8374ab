"""`understudy lab`: the bundled tiny models, and how they are made."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from understudy import lab
from understudy.cli.console import console

app = typer.Typer(help="The bundled tiny models: list, show, rebuild.", no_args_is_help=True)


@app.command("list")
def list_models() -> None:
    """The bundled models with their size."""
    for name in lab.names():
        folder = lab.path(name)
        size = sum(p.stat().st_size for p in folder.iterdir() if p.is_file())
        console.print(f"lab:{name}  {size / 1e6:.1f} MB  {folder}", soft_wrap=True, highlight=False)


@app.command()
def show(name: str = typer.Argument("reader", help="A name from `understudy lab list`.")) -> None:
    """A model's card: how it was trained, what it scores, its limits."""
    card = lab.path(name) / "README.md"
    console.print(card.read_text(encoding="utf-8"), markup=False, highlight=False)


@app.command()
def world(
    folder: Path = typer.Argument(help="Where the manual's pages are written."),
    seed: int = typer.Option(0, help="The same seed writes the same manual."),
    pages: int = typer.Option(8, min=1),
    facts_per_page: int = typer.Option(25, min=1),
    truth: Path | None = typer.Option(None, help="Also write all facts with their wordings, as JSON lines."),
) -> None:
    """Write a made-up product manual, and its truth where asked."""
    from understudy.lab.worlds import make_world, write_facts, write_world

    made = make_world(seed, pages, facts_per_page)
    write_world(made, folder)
    if truth is not None:
        write_facts(made, truth)
    console.print(f"{made.product}: {len(made.documents)} pages, {len(made.facts)} facts in {folder}", highlight=False)


@app.command()
def build(
    name: str = typer.Argument("reader"),
    packages: Path = typer.Option(help="Folder of extracted documentation packages (see docs/lab.md)."),
    work: Path = typer.Option(Path(".understudy/lab"), help="Checkpoints and log; the same command resumes."),
    out: Path | None = typer.Option(None, help="Where the model goes; by default it stays in the work folder."),
    tokens: float = typer.Option(8.6e6, help="Training tokens in all; raise it to train an ended run further."),
    threads: int = typer.Option(0, help="CPU threads; 0 leaves the choice to torch."),
) -> None:
    """Make a model from nothing, or go on where the last build stopped."""
    from understudy.lab.build import build as build_model

    folder = build_model(name, packages=packages, work=work, out=out, total_tokens=tokens, threads=threads)
    console.print(f"lab:{name} is in {folder}", highlight=False)
    log = work / name / "log.jsonl"
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    for line in lines[-1:]:
        console.print(json.dumps(json.loads(line), indent=2), highlight=False)
