"""`understudy mcp`: a run's search and answers as tools of other programs."""

from __future__ import annotations

from typing import Annotated

import typer

from understudy.cli.console import DEFAULT_STORE, RunArgument, StoreOption


def mcp(
    run: RunArgument,
    arm: Annotated[str | None, typer.Option("--arm", help="Which arm answers; else the best one.")] = None,
    store: StoreOption = DEFAULT_STORE,
    device: Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")] = "auto",
) -> None:
    """Serve a run to a program that speaks the Model Context Protocol, over standard input and output."""
    from understudy import api, network
    from understudy.serve.mcp import speak
    from understudy.serve.served import Served
    from understudy.serve.tools import tools_of
    from understudy.served import chosen

    opened = api.open_run(chosen(store, run), store=store, device=device)
    served = Served(opened, arm or opened.best_arm, device)
    network.allow(opened.recipe.contacts())
    served.answerer(served.default)  # what cannot be opened is said now, not to the first call
    speak(served.name, tools_of(served))
