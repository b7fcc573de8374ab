"""Start the server and keep it going."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn

from understudy import network
from understudy.errors import UsageError
from understudy.opened import Run
from understudy.serve.app import create_app
from understudy.serve.served import Served
from understudy.serve.settings import ServeSettings


def serve_run(
    run: Run,
    settings: ServeSettings,
    *,
    arm: str | None = None,
    device: str = "auto",
    say: Callable[[str], None] = print,
) -> None:
    """Serve until interrupted. Raises UsageError for a port that is taken, InputError for an arm that is not there."""
    settings.check()
    served = Served(run, arm or run.best_arm, device)
    served.answerer(served.default)  # what cannot be opened is said now, not to the first client
    network.allow(run.recipe.contacts())
    listening = _listen(settings.host, settings.port)
    host, port = listening.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    say(f"serving {run.label} at http://{shown}:{port}/  (API: http://{shown}:{port}/v1)")
    say(f"models: {', '.join(served.models())}")
    config = uvicorn.Config(
        create_app(served, settings), log_level="warning", access_log=False, timeout_graceful_shutdown=10
    )
    uvicorn.Server(config).run(sockets=[listening])


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises UsageError naming what is in the way."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(128)
    except OSError as error:
        raise UsageError(f"cannot listen on {host}:{port}: {error.strerror or error}; name another --port") from error
    return listening
