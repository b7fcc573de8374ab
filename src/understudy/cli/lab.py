"""`understudy lab`: the bundled tiny models, and made-up manuals with known truth."""

from __future__ import annotations

from pathlib import Path

import typer

from understudy import lab
from understudy.cli.console import console

app = typer.Typer(help="The bundled tiny models, and made-up manuals to try things on.", no_args_is_help=True)


@app.command("list")
def list_models() -> None:
    """The bundled models with their size."""
    for name in lab.names():
        folder = lab.shipped(name)
        size = sum(p.stat().st_size for p in folder.iterdir() if p.is_file())
        console.print(f"lab:{name}  {size / 1e6:.1f} MB  {folder}", soft_wrap=True)


@app.command()
def show(name: str = typer.Argument("reader", help="A name from `understudy lab list`.")) -> None:
    """A model's card: how it was trained, what it scores, its limits."""
    card = lab.shipped(name) / "README.md"
    console.print(card.read_text(encoding="utf-8"))


@app.command()
def world(
    folder: Path = typer.Argument(help="Where the manual's pages are written."),
    seed: int = typer.Option(0, help="The same seed writes the same manual."),
    pages: int = typer.Option(8, min=1),
    facts_per_page: int = typer.Option(25, min=1),
    truth: Path | None = typer.Option(None, help="Also write all facts with their paraphrases, as JSON lines."),
) -> None:
    """Write a made-up product manual, and its truth where asked."""
    from understudy.lab.worlds import make_world, write_facts, write_world

    made = make_world(seed, pages, facts_per_page)
    write_world(made, folder)
    if truth is not None:
        write_facts(made, truth)
    console.print(f"{made.product}: {len(made.documents)} pages, {len(made.facts)} facts in {folder}")
