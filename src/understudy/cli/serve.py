"""`understudy serve`: a run behind OpenAI's API."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from understudy.cli.console import DEFAULT_STORE, RunArgument, StoreOption, console


def serve(
    run: RunArgument,
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="The port to listen on.", min=0, max=65535)] = 8765,
    api_key_file: Annotated[
        Path | None, typer.Option("--api-key-file", help="A file with the key that clients must send.")
    ] = None,
    arm: Annotated[
        str | None, typer.Option("--arm", help="Which arm answers under the run's own name; else the best one.")
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    device: Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")] = "auto",
) -> None:
    """Serve a run (of a bare NAME the promoted one): OpenAI's API with citations, every arm a model, and a web page."""
    from understudy import api
    from understudy.serve.run import serve_run
    from understudy.serve.settings import ServeSettings, read_key
    from understudy.served import chosen

    key = read_key(api_key_file) if api_key_file is not None else None
    settings = ServeSettings(host=host, port=port, key=key)
    opened = api.open_run(chosen(store, run), store=store, device=device)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    serve_run(opened, settings, arm=arm, device=device, say=console.print)
