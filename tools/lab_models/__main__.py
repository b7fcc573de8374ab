"""`python -m tools.lab_models NAME`: makes a bundled model; run it from the root of the repository."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import typer

from tools.lab_models import build as reader
from tools.lab_models import specialists
from understudy.errors import UnderstudyError, UsageError

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def build(
    name: str = typer.Argument("reader", help="reader, or a specialist made from it: math, code, chat."),
    packages: Path | None = typer.Option(
        None, help="For the reader: folder of extracted documentation packages (see docs/lab-models.md)."
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
    if name in specialists.NAMES:
        folder = specialists.build(name, out, seed=seed, threads=threads, tokens=tokens)
        print(f"lab:{name} is in {folder}")
        return
    if name not in reader.NAMES:
        known = [*reader.NAMES, *specialists.NAMES]
        raise UsageError(f"lab:{name}: no recipe of that name. Known: {', '.join(known)}.")
    if packages is None:
        raise UsageError(f"{name}: needs --packages, a folder of documentation packages (see docs/lab-models.md)")
    total = {"total_tokens": tokens} if tokens else {}
    folder = reader.build(name, packages=packages, work=work, out=out, threads=threads, **total)
    print(f"lab:{name} is in {folder}")
    log = work / name / "log.jsonl"
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    for line in lines[-1:]:
        print(json.dumps(json.loads(line), indent=2))


def main() -> None:
    """Run the command; what is the user's mistake is one line and exit code 2."""
    try:
        app()
    except UnderstudyError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
