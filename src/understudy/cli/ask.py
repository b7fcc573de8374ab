"""`understudy ask`: put a question to an arm of a run, and see where the answer comes from."""

from __future__ import annotations

from typing import Annotated

import typer

from understudy.cli.answering import (
    introduce,
    open_run_arm,
    reading,
    show_abstention,
    show_answer,
    show_support,
)
from understudy.cli.console import DEFAULT_STORE, StoreOption


def ask(
    run: Annotated[
        str, typer.Argument(help="NAME (the newest finished run) or NAME@NUMBER, as `understudy runs` lists them.")
    ],
    question: Annotated[str, typer.Argument(help="The question.")],
    arm: Annotated[
        str | None, typer.Option("--arm", help="Which arm answers, for example sft+rag; else the best that can cite.")
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    device: Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")] = "auto",
) -> None:
    """Answer a question with a run's best arm, then print the sentence that supports it and the places it read."""
    opened = open_run_arm(run, store, arm, device)
    prompt, pieces = opened.answerer.converse(question)
    read = reading(opened, question, prompt)
    if read.beside:
        show_abstention(prompt.hits)
    else:
        response = read.told("".join(pieces))
        show_answer(response)
        show_support(opened, response, prompt)
    introduce(opened)
