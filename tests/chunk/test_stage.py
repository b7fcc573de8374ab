"""The whole stage on a real tokenizer, and its errors."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest
from pydantic import ValidationError
from tokenizers import Tokenizer

from understudy.artifact import Artifact, read_records, seal, write_records
from understudy.chunk.config import ChunkConfig
from understudy.chunk.estimate import estimate
from understudy.chunk.stage import run
from understudy.chunk.tokens import TokenCounter
from understudy.errors import InputError, ModelError
from understudy.stage import Inputs, RunContext, StageOutput
from understudy.types import Chunk, Document


def documents(folder: Path, docs: Path) -> Artifact:
    folder.mkdir()
    found = [Document(p.name, p.read_text(), p.stem, "markdown", "") for p in sorted(docs.iterdir())]
    write_records(folder / "documents.jsonl", found)
    seal(folder, {"stage": "ingest", "key": "k"})
    return Artifact.open(folder)


def cut(artifact: Artifact, out: Path, model: str, **settings: object) -> StageOutput:
    out.mkdir()
    context = RunContext(out=out, work=out, root=out, logger=logging.getLogger("test"))
    return run(ChunkConfig(**settings), Inputs({"ingest": artifact}, model=model), context)  # type: ignore[arg-type]


def test_chunks_are_counted_by_the_model_s_own_tokenizer(tiny_model, docs_folder, tmp_path):
    artifact = documents(tmp_path / "ingest", docs_folder)
    output = cut(artifact, tmp_path / "out", str(tiny_model), chunk_size=60, chunk_overlap=6)
    chunks = read_records(tmp_path / "out" / "chunks.jsonl", Chunk)
    tokenizer = Tokenizer.from_file(str(tiny_model / "tokenizer.json"))
    sizes = [len(tokenizer.encode(c.text, add_special_tokens=False).ids) for c in chunks]
    assert [c.n_tokens for c in chunks] == sizes
    assert max(sizes) <= 60
    assert output.counts == {"documents": 3, "chunks": len(chunks), "tokens": sum(sizes)}
    assert output.metrics["tokens_max"] == max(sizes)


def test_the_settings_tokenizer_wins_over_the_model(tiny_model, docs_folder, tmp_path):
    artifact = documents(tmp_path / "ingest", docs_folder)
    output = cut(artifact, tmp_path / "out", "openai:gpt-4o", tokenizer=str(tiny_model))
    assert output.counts["chunks"] > 1
    with pytest.raises(InputError, match=r"chunk\.tokenizer"):
        cut(artifact, tmp_path / "out2", "")


def test_a_damaged_tokenizer_is_named(tiny_model, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    (folder / "tokenizer.json").write_text("{")
    with pytest.raises(ModelError, match=r"tokenizer\.json: not a tokenizer"):
        TokenCounter.open(str(folder))


def test_truncation_set_in_the_tokenizer_is_not_counted(tiny_model, tmp_path):
    tokenizer = Tokenizer.from_file(str(tiny_model / "tokenizer.json"))
    text = "word " * 500
    expected = len(tokenizer.encode(text, add_special_tokens=False).ids)
    tokenizer.enable_truncation(16)
    tokenizer.enable_padding(length=4096)
    assert TokenCounter(tokenizer).counts([text]) == [expected]


def test_overlap_larger_than_half_is_refused():
    with pytest.raises(ValidationError, match="at most half"):
        ChunkConfig(chunk_size=40, chunk_overlap=21)


def test_estimate():
    found = estimate(ChunkConfig(), {"ingest": {"documents": 3, "characters": 60_000}})
    assert 50 < found.counts["chunks"] < 250
    assert estimate(ChunkConfig(), {}).counts == {}
