"""A generated run of a small manual, on disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from review.kiln import CHUNKS, DOCUMENTS, ITEMS, PAIRS, artifact

from understudy.artifact import Artifact
from understudy.generate.base import Claimed


@pytest.fixture
def artifacts(tmp_path: Path) -> dict[str, Artifact]:
    """ingest, chunk and generate; no benchmark has run."""
    claims = [Claimed("heat", "purpose"), Claimed("cool", "purpose"), Claimed("lid", "why")]
    return {
        "ingest": artifact(tmp_path / "ingest", documents=list(DOCUMENTS)),
        "chunk": artifact(tmp_path / "chunk", chunks=list(CHUNKS)),
        "generate": artifact(tmp_path / "generate", pairs=list(PAIRS), items=list(ITEMS), claims=list(claims)),
    }
