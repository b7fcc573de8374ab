"""`understudy export`: write a run's model for other programs, proven to be the one that was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from understudy.cli.console import DEFAULT_STORE, StoreOption, console, error_console


def export(
    run: Annotated[str, typer.Argument(help="NAME (the newest finished run) or NAME@NUMBER.")],
    out: Annotated[Path, typer.Argument(help="The folder to write, which must not be there yet.")],
    format: Annotated[str, typer.Option("--format", help="hf, adapter, gguf, ollama, jan or serve.")] = "hf",
    quant: Annotated[str, typer.Option("--quant", help="Of GGUF files, with commas: f16, q8_0, q6_k, q4_k_m.")] = "",
    arm: Annotated[str | None, typer.Option("--arm", help="Whose model, for example sft; else the best arm's.")] = None,
    questions: Annotated[int, typer.Option("--questions", min=0, help="Exam questions sat again, at most.")] = 60,
    force: Annotated[
        bool, typer.Option("--force", help="Give it out where a check fails, marked as unproven.")
    ] = False,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Write a run's model as safetensors, adapter, GGUF, for Ollama or Jan, or with its index for `understudy serve`;
    without parity it is refused."""
    from understudy import api

    done = api.open_run(run, store=store).export(
        out, format=format, quants=[q for q in quant.split(",") if q], arm=arm, questions=questions, force=force,
        say=lambda text: error_console.print(text, soft_wrap=True),
    )  # fmt: skip
    for file in done.files:
        for check in file.checks:
            found = ", ".join(
                f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in check.found.items() if v is not None
            )
            word = "ok" if check.passed else "FAILS"
            console.print(f"{file.file}  {check.name}: {word}  {found} (n = {check.n}; {check.limit})", soft_wrap=True)
    console.print(f"{'proven' if done.proven else 'UNPROVEN'}: {out}", soft_wrap=True)
