"""`understudy lab`: the bundled tiny models, and how they are made."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from understudy import lab
from understudy.cli.console import DEFAULT_STORE, StoreOption, console, error_console

app = typer.Typer(help="The bundled tiny models: list, show, rebuild.", no_args_is_help=True)


@app.command("list")
def list_models() -> None:
    """The bundled models with their size."""
    for name in lab.names():
        folder = lab.shipped(name)
        size = sum(p.stat().st_size for p in folder.iterdir() if p.is_file())
        console.print(f"lab:{name}  {size / 1e6:.1f} MB  {folder}", soft_wrap=True, highlight=False)


@app.command()
def show(name: str = typer.Argument("reader", help="A name from `understudy lab list`.")) -> None:
    """A model's card: how it was trained, what it scores, its limits."""
    card = lab.shipped(name) / "README.md"
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
    name: str = typer.Argument("reader", help="reader, or a specialist made from it: math, code, chat."),
    packages: Path | None = typer.Option(
        None, help="For the reader: folder of extracted documentation packages (see docs/lab.md)."
    ),
    work: Path = typer.Option(Path(".understudy/lab"), help="Checkpoints and log; the same command resumes."),
    out: Path | None = typer.Option(
        None, help="Where the model goes; the reader stays in the work folder, a specialist goes where lab: finds it."
    ),
    tokens: float = typer.Option(0, help="Training tokens in all; 0 takes the model's own number."),
    threads: int = typer.Option(0, help="CPU threads; 0 leaves the choice to torch."),
    seed: int = typer.Option(0, min=0, help="What a specialist practises, and in which order."),
) -> None:
    """Make a model: the reader from nothing (or on from the last build), a specialist from the bundled reader."""
    from understudy.errors import UsageError
    from understudy.lab import build as reader
    from understudy.lab import specialists

    if name in specialists.NAMES:
        folder = specialists.build(name, out, seed=seed, threads=threads, tokens=tokens)
        console.print(f"lab:{name} is in {folder}", highlight=False, soft_wrap=True)
        return
    if name not in reader.NAMES:
        known = [*reader.NAMES, *specialists.NAMES]
        raise UsageError(f"lab:{name}: no recipe of that name. Known: {', '.join(known)}.")
    if packages is None:
        raise UsageError(f"lab build {name}: needs --packages, a folder of documentation packages (see docs/lab.md)")
    total = {"total_tokens": tokens} if tokens else {}
    folder = reader.build(name, packages=packages, work=work, out=out, threads=threads, **total)
    console.print(f"lab:{name} is in {folder}", highlight=False)
    log = work / name / "log.jsonl"
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    for line in lines[-1:]:
        console.print(json.dumps(json.loads(line), indent=2), highlight=False)


@app.command()
def study(
    file: Path = typer.Argument(help="The study, for example recipes/lab-study.yaml."),
    out: Path = typer.Option(Path("study"), help="Where study.md and study.json go, beside the material of each seed."),
    seeds: int | None = typer.Option(None, min=2, help="How many; replaces the file's own number."),
    jobs: int = typer.Option(1, min=1, help="Seeds that run at the same time."),
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Run the published experiment in miniature over several seeds, and compare it with the published claims."""
    from understudy.study import load
    from understudy.study.study import study as run_study

    config = load(file, seeds)
    found = run_study(config, out, store, jobs=jobs, say=lambda text: error_console.print(text, highlight=False))
    for claim in found.claims:
        console.print(f"{claim.verdict}: {claim.question} {claim.sentence}", highlight=False, soft_wrap=True)
    console.print(f"study: {out / 'study.md'}", soft_wrap=True, highlight=False)
