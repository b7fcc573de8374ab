"""A small corpus of chunks, and a way of building an index over it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from understudy.artifact import Artifact, seal, write_records
from understudy.index import stage
from understudy.index.config import IndexConfig
from understudy.stage import Inputs, RunContext, StageOutput
from understudy.types import Chunk

TEXTS = (
    ("server.md", "Server", ("Start",), "Start the server with `--port 3928`. It listens on 127.0.0.1."),
    ("server.md", "Server", ("Batching",), "Set `cont_batching` to true to serve several requests at once."),
    ("api.md", "API", ("Models",), "GET `/v1/models` lists the loaded models."),
    ("api.md", "API", ("Chat",), "POST `/v1/chat/completions` answers a conversation."),
    ("gpu.md", "GPU", ("Layers",), "`ngl` is the number of layers that are put on the graphics card."),
    ("gpu.md", "GPU", ("Memory",), "A smaller context takes less video memory."),
)


def make_chunks(texts: Sequence[tuple[str, str, tuple[str, ...], str]] = TEXTS) -> list[Chunk]:
    return [
        Chunk(f"{doc}#{i}", doc, text, 0, len(text), i + 1, i + 2, len(text.split()), title, path)
        for i, (doc, title, path, text) in enumerate(texts)
    ]


@pytest.fixture
def chunks() -> list[Chunk]:
    return make_chunks()


Build = Callable[..., tuple[Path, StageOutput]]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Run the stage as the pipeline does: chunk artifact in, sealed index folder out."""

    def run(chunks: Sequence[Chunk], name: str = "index", **settings: Any) -> tuple[Path, StageOutput]:
        source = tmp_path / f"{name}-chunks"
        write_records(source / "chunks.jsonl", chunks)
        seal(source, {"stage": "chunk", "key": "k"})
        out = tmp_path / name
        out.mkdir()
        ctx = RunContext(out=out, work=tmp_path / f"{name}-work", root=tmp_path, device="cpu")
        config = IndexConfig(**settings)
        output = stage.run(config, Inputs(artifacts={"chunk": Artifact.open(source)}), ctx)
        seal(out, {"stage": "index", "key": "k"})
        return out, output

    return run
