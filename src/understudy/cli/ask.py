"""`understudy ask`: put a question to an arm of a run, and see where the answer comes from."""

from __future__ import annotations

from typing import Annotated

import typer

from understudy.cli.console import DEFAULT_STORE, StoreOption, console, error_console

_SHOWN = 10  # citations printed; a whole-corpus arm has read every chunk


def ask(
    run: Annotated[
        str, typer.Argument(help="NAME (the newest finished run) or NAME@NUMBER, as `understudy runs` lists them.")
    ],
    question: Annotated[str, typer.Argument(help="The question.")],
    arm: Annotated[
        str | None, typer.Option("--arm", help="Which arm answers, for example sft+rag; else the best one.")
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    device: Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")] = "auto",
) -> None:
    """Answer a question with a run's best arm and print the places in the documentation that it read."""
    from understudy import api
    from understudy.prompts import ABSTAIN

    opened = api.open_run(run, store=store, device=device)
    name = arm or opened.best_arm
    answer = opened.ask(question, name)
    console.print(answer.text or "(the reader answered with nothing)", soft_wrap=True)
    error_console.print(f"answered by {name} of {opened.label}")
    if not answer.citations:
        return
    console.print("\nread, and not found there:" if answer.text == ABSTAIN else "\nsources:")
    for number, citation in enumerate(answer.citations[:_SHOWN], 1):
        console.print(f"{number}. {citation.where}  {citation.breadcrumb}", soft_wrap=True)
    if len(answer.citations) > _SHOWN:
        console.print(f"and {len(answer.citations) - _SHOWN} more")
