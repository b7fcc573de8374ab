"""Build an index of all chunks, once."""

from __future__ import annotations

import time
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from understudy import prompts
from understudy.artifact import read_record, write_json
from understudy.engine import map_shards
from understudy.errors import InputError
from understudy.index.config import IndexConfig
from understudy.retrieval.bm25_build import Postings, analyse, blocks
from understudy.retrieval.chunks import write_starts
from understudy.retrieval.open import BM25_FILE, CHUNKS_FILE, SETTINGS_FILE, STARTS_FILE
from understudy.stage import Inputs, RunContext, StageOutput
from understudy.types import Chunk

_AT_ONCE = 1000  # passages whose terms are counted together


def run(config: IndexConfig, inputs: Inputs, ctx: RunContext) -> StageOutput:
    """Index the chunk artifact's chunks into `ctx.out`.

    Writes `chunks.jsonl` and where its lines begin, `settings.json`, and `bm25.safetensors` and `vectors.safetensors`
    as the retriever needs them; equal chunks and settings give equal bytes. The cells of many vectors lie in a hidden
    file, out of the content digest; they are made again from the vectors if lost.
    Raises InputError where there are no chunks.
    """
    source = inputs["chunk"].path / CHUNKS_FILE
    total = inputs["chunk"].counts.get("chunks")
    counts: dict[str, Any] = {}
    metrics: dict[str, Any] = {}
    settings: dict[str, Any] = {"bm25": config.uses_bm25, "dense": None}
    clock = time.perf_counter()
    passages = _Passages(source, ctx.out / CHUNKS_FILE)
    postings = Postings(ctx.work / "postings")
    counted = map_shards(analyse, blocks(passages, _AT_ONCE), engine=ctx.engine, workers=ctx.workers)
    for block in counted if config.uses_bm25 else ():
        postings.add(block)
        ctx.progress("terms", postings.size, total)
    starts = passages.finish()
    if len(starts) < 2:
        raise InputError("index: there are no chunks to index; check docs.path and its include and exclude patterns")
    write_starts(ctx.out / STARTS_FILE, starts)
    counts["chunks"] = len(starts) - 1
    if config.uses_bm25:
        counts["terms"] = postings.n_terms
        postings.build(k1=config.k1, b=config.b, path=ctx.out / BM25_FILE)
        metrics["bm25_seconds"] = round(time.perf_counter() - clock, 3)
    if config.uses_dense:
        from understudy.retrieval.dense import build_dense  # torch loads only for those who use them

        clock = time.perf_counter()
        texts = map(prompts.passage, inputs["chunk"].stream("chunks", Chunk))
        built = build_dense(texts, counts["chunks"], config.model, config.ann_above, ctx)
        settings["dense"] = built.settings
        counts["split"] = built.split
        metrics["dense_seconds"] = round(time.perf_counter() - clock, 3)
    write_json(ctx.out / SETTINGS_FILE, settings)
    return StageOutput(metrics=metrics, counts=counts)


class _Passages:
    """The passages of a file of chunks, one after the other, while the file is copied."""

    def __init__(self, source: Path, copy: Path) -> None:
        self._source = source
        self._copy = copy
        self._lengths = array("q")
        self._lines = self._copied()

    def _copied(self) -> Iterator[bytes]:
        with open(self._copy, "wb") as copy:
            if not self._source.is_file():
                return
            with open(self._source, "rb") as file:
                for line in file:
                    copy.write(line)
                    self._lengths.append(len(line))
                    yield line

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            yield prompts.passage(read_record(line, Chunk, f"{self._source}:{len(self._lengths)}"))

    def finish(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Copy what nobody asked for. Returns where each line begins, and where the last ends."""
        for _ in self._lines:
            pass
        return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(np.array(self._lengths, dtype=np.int64))])
