"""`understudy show RUN/ingest --left-out`: everything that is not in the documents, by reason."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from typer.testing import CliRunner

from understudy.artifact import seal
from understudy.cli.main import app
from understudy.ingest.config import IngestConfig
from understudy.ingest.stage import run
from understudy.stage import Inputs, RunContext


@pytest.fixture
def ingested(tmp_path: Path) -> Path:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "lid.html").write_text("<nav><a href=a>Parts of it</a></nav><main><h1>Lid</h1><p>Made of tin.</p></main>")
    (docs / "log.md").write_text(
        "".join(f"## 1.{n}.0\n\n- Adds lid {n}, and fixes the old spout.\n\n" for n in range(5))
    )
    (docs / "photo.png").write_bytes(b"x")
    out = tmp_path / "made"
    out.mkdir()
    run(IngestConfig(path=str(docs)), Inputs(), RunContext(out, tmp_path, tmp_path, logger=logging.getLogger("test")))
    seal(out, {"stage": "ingest", "key": "k" * 12, "started": "now", "wall_seconds": 1, "peak_memory_bytes": 1})
    return out


def test_every_reason_stands_with_its_count_and_an_example(ingested: Path) -> None:
    done = CliRunner().invoke(app, ["show", str(ingested), "--left-out"])
    assert done.exit_code == 0, done.output
    assert done.output.splitlines() == [
        "files, unknown format: 1",
        "  photo.png: name it in docs.include to read it as plain text",
        "pages searched, not taught, change log: 1",
        "  log.md",
        "words of pages, navigation: 3 in 1 places",
        "  lid.html: Parts of it",
    ]


def test_another_stage_leaves_nothing_out(tmp_path: Path) -> None:
    seal(tmp_path, {"stage": "chunk", "key": "k" * 12})
    done = CliRunner().invoke(app, ["show", str(tmp_path), "--left-out"])
    assert done.exit_code != 0
    assert "RUN/ingest" in str(done.exception) + done.output
