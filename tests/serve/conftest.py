"""A real run, served on a port of this machine."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
import uvicorn

import understudy
from understudy.serve.app import create_app
from understudy.serve.served import Served
from understudy.serve.settings import ServeSettings

SCRIPT = "<script>document.title = 'taken over'</script><img src=x onerror=\"document.title = 'taken over'\">"


@pytest.fixture(scope="session")
def small_run(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> understudy.Run:
    """Ingest to index and a benchmark on a manual of two pages, with the tiny model."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "docs").mkdir()
    rows = "".join(f"| `--flag-{n}` | {100 + n} | The limit number {n} of the server. |\n" for n in range(12))
    (folder / "docs" / "guide <b>.md").write_text(
        f"# Guide\n\n## Options\n\n| Option | Default | Description |\n|---|---|---|\n{rows}"
    )
    (folder / "docs" / "odd <script>.md").write_text(f"# Odd {SCRIPT}\n\n## Markup\n\n```\n{SCRIPT}\n```\n")
    recipe = {
        "name": "handbook",
        "base_model": str(tiny_model),
        "docs": {"path": str(folder / "docs")},
        "chunk": {"chunk_size": 120, "chunk_overlap": 12},
        "generate": {"n_items": 12},
        "index": {"retriever": "bm25", "search": {"top_k": 2}},
        "benchmark": {"arms": ["base", "base+rag"]},
    }
    return understudy.run(recipe, store=folder / "store")


@dataclass(frozen=True)
class Serving:
    """A server that is running. url: where, without a slash at the end."""

    url: str
    served: Served

    def client(self, **headers: str) -> httpx2.Client:
        return httpx2.Client(base_url=self.url, headers=headers, timeout=60)


def serve(run: understudy.Run, **settings: object) -> Iterator[Serving]:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(64)
    served = Served(run, "base+rag", "cpu")
    app = create_app(served, ServeSettings(port=listening.getsockname()[1], **settings))  # type: ignore[arg-type]
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False))
    thread = threading.Thread(target=lambda: server.run(sockets=[listening]), daemon=True)
    thread.start()
    end = time.monotonic() + 30
    while not server.started and time.monotonic() < end:
        time.sleep(0.02)
    yield Serving(f"http://127.0.0.1:{listening.getsockname()[1]}", served)
    server.should_exit = True
    thread.join(timeout=20)


@pytest.fixture(scope="session")
def serving(small_run: understudy.Run) -> Iterator[Serving]:
    yield from serve(small_run)


@pytest.fixture
def with_key(small_run: understudy.Run) -> Iterator[Serving]:
    yield from serve(small_run, key="a-key-of-the-server", max_bytes=20_000)


@pytest.fixture
def apart(small_run: understudy.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serving]:
    """The run in a store of its own, served from a folder of its own: what a test writes stays there."""
    shutil.copytree(small_run.store, tmp_path / "store", symlinks=True, ignore=shutil.ignore_patterns("feedback.jsonl"))
    monkeypatch.chdir(tmp_path)
    yield from serve(understudy.open_run("handbook", store=tmp_path / "store"))
