"""A small product with sixteen facts, each asked in four wordings, as the stages before `sft` would leave it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from understudy.artifact import Artifact, seal, write_records
from understudy.stage import Inputs, RunContext
from understudy.types import Chunk, MCQItem, QAPair

WORDINGS = ("What is the {} of Kestrel?", "Kestrel: which {}?", "Name the {} of Kestrel.", "Tell me the {}.")


@pytest.fixture(scope="session")
def chunks() -> list[Chunk]:
    return [
        Chunk(f"c{i}", "a.md", f"The setting s{i} is {100 + i}.", 0, 9, 1, 1, 12, "Kestrel", ("Settings",))
        for i in range(16)
    ]


@pytest.fixture(scope="session")
def pairs() -> list[QAPair]:
    return [
        QAPair(
            f"p{i}-{w}",
            wording.format(f"setting s{i}"),
            f"{100 + i}",
            f"c{i}",
            "a.md",
            f"The setting s{i} is {100 + i}.",
            fact_id=f"f{i}",
            split="dev" if w == 3 else "train",
        )
        for i in range(16)
        for w, wording in enumerate(WORDINGS)
    ]


@pytest.fixture
def artifacts(tmp_path: Path, chunks: list[Chunk], pairs: list[QAPair]) -> dict[str, Artifact]:
    """Finished chunk and generate artifacts."""
    found: dict[str, Artifact] = {}
    content: dict[str, dict[str, list[Any]]] = {"chunk": {"chunks": chunks}, "generate": {"pairs": pairs, "items": []}}
    for stage, files in content.items():
        folder = tmp_path / "artifacts" / stage
        folder.mkdir(parents=True)
        for name, records in files.items():
            write_records(folder / f"{name}.jsonl", records)
        seal(folder, {"stage": stage, "key": stage})
        found[stage] = Artifact.open(folder)
    return found


@pytest.fixture
def inputs(artifacts: dict[str, Artifact], tiny_model: Path) -> Inputs:
    return Inputs(artifacts, model=str(tiny_model), base_model=str(tiny_model))


@pytest.fixture
def context(tmp_path: Path) -> Callable[[str], RunContext]:
    """Contexts with folders of their own; the same name gives the same work folder and an empty `out`."""

    def make(name: str = "run") -> RunContext:
        out = tmp_path / name / "out"
        out.mkdir(parents=True)
        return RunContext(out=out, work=tmp_path / name / "work", root=tmp_path, seed=7, device="cpu")

    return make


@pytest.fixture(scope="session")
def item() -> MCQItem:
    return MCQItem("i0", "What is the setting s0 of Kestrel", ("100", "101", "102", "103"), 0)
