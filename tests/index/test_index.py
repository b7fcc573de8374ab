"""The index without a model: built, opened, searched, refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from understudy.artifact import Artifact
from understudy.errors import InputError, StoreError
from understudy.index.config import IndexConfig
from understudy.index.estimate import estimate
from understudy.retrieval.open import open_index
from understudy.types import Chunk, Retriever

from .conftest import Build


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("cont_batching", "server.md#1"),
        ("What does --port do?", "server.md#0"),
        ("/v1/models", "api.md#2"),
        ("how do I list a model", "api.md#2"),
        ("how many layer goes to the graphics cards", "gpu.md#4"),
        ("batching", "server.md#1"),  # stands in the heading as well as in the identifier
    ],
)
def test_bm25_finds_identifiers_parts_and_inflected_words(
    build: Build, chunks: list[Chunk], question: str, found: str
) -> None:
    path, _ = build(chunks, retriever="bm25")
    index = open_index(path)
    assert isinstance(index, Retriever)
    hits = index.search(question, 5)
    assert hits[0].chunk.chunk_id == found
    assert [h.score for h in hits] == sorted((h.score for h in hits), reverse=True)


def test_the_heading_is_searched_though_it_is_not_in_the_text(build: Build, chunks: list[Chunk]) -> None:
    path, _ = build(chunks, retriever="bm25")
    assert open_index(path).search("memory of the GPU", 1)[0].chunk.chunk_id == "gpu.md#5"


def test_equal_content_has_an_equal_digest_and_every_setting_of_the_search_is_in_it(
    build: Build, chunks: list[Chunk]
) -> None:
    same = [Artifact.open(build(chunks, name, retriever="bm25")[0]).digest for name in ("a", "b")]
    assert same[0] == same[1]
    other = Artifact.open(build(chunks, "c", retriever="bm25", k1=0.9)[0]).digest
    assert other != same[0]


def test_counts_and_metrics(build: Build, chunks: list[Chunk]) -> None:
    _, output = build(chunks, retriever="bm25")
    assert output.counts["chunks"] == len(chunks)
    assert output.counts["terms"] > 20
    assert output.metrics["bm25_seconds"] >= 0


def test_bm25_loads_no_model_library(build: Build, chunks: list[Chunk]) -> None:
    path, _ = build(chunks, retriever="bm25")
    code = (
        "import sys; from pathlib import Path; from understudy.retrieval.open import open_index\n"
        "import understudy.index.stage, understudy.index.estimate\n"
        f"assert open_index(Path({str(path)!r})).search('port', 1)\n"
        "heavy = {'torch', 'transformers', 'sentence_transformers', 'lancedb', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_searches_that_can_find_nothing(build: Build, chunks: list[Chunk]) -> None:
    index = open_index(build(chunks, retriever="bm25")[0])
    assert index.search("   ", 5) == []
    assert index.search("what is the", 5) == []
    with pytest.raises(InputError, match="top_k"):
        index.search("port", 0)


def test_no_chunks_is_a_users_mistake(build: Build) -> None:
    with pytest.raises(InputError, match="no chunks"):
        build([], retriever="bm25")


def test_a_damaged_index_is_named(build: Build, chunks: list[Chunk], tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"settings\.json"):
        open_index(tmp_path / "nothing")
    path, _ = build(chunks, retriever="bm25")
    lines = (path / "chunks.jsonl").read_text().splitlines(keepends=True)
    (path / "chunks.jsonl").write_text("".join(lines[:-1]))
    with pytest.raises(StoreError, match=r"chunks\.jsonl: is not the file"):
        open_index(path)
    (path / "settings.json").write_text('{"config": ')
    with pytest.raises(StoreError, match="damaged"):
        open_index(path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"retriever": "bm26"}, "retriever"),
        ({"search": {"top_k": 0}}, "top_k"),
        ({"top_k": 3}, "write index: {search: {top_k: 3}}"),
        ({"search": {"top_k": 60}}, "candidates"),
        ({"embedder": "BAAI/bge-base-en-v1.5"}, "hf:org/name"),
        ({"search": {"reranker": "minilm"}}, "cross-encoder"),
        ({"topk": 3}, "topk"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        IndexConfig(**settings)  # type: ignore[arg-type]


def test_models_of_the_key() -> None:
    assert IndexConfig().models() == {}
    assert IndexConfig(retriever="bm25", embedder="hf:a/b").models() == {}
    assert IndexConfig(embedder="hf:a/b").models() == {"embedder": "hf:a/b"}


def test_estimate_says_what_it_knows() -> None:
    assert estimate(IndexConfig(), {}).counts == {}
    assert estimate(IndexConfig(), {}).seconds is None
    chunk = {"chunk": {"chunks": 120}}
    lexical, hybrid = estimate(IndexConfig(retriever="bm25"), chunk), estimate(IndexConfig(), chunk)
    assert lexical.counts == hybrid.counts == {"chunks": 120}
    assert lexical.seconds is not None
    assert hybrid.seconds is not None
    assert lexical.seconds < 1 < hybrid.seconds
    slower = estimate(IndexConfig(embedder="hf:BAAI/bge-base-en-v1.5"), chunk).seconds
    assert slower is not None
    assert slower > hybrid.seconds
