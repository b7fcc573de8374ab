"""Build an index of all chunks, once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from understudy import prompts
from understudy.artifact import write_json, write_records
from understudy.errors import InputError
from understudy.index.config import IndexConfig
from understudy.retrieval.analyser import terms
from understudy.retrieval.bm25 import BM25
from understudy.retrieval.open import BM25_FILE, CHUNKS_FILE, SETTINGS_FILE
from understudy.stage import Inputs, RunContext, StageOutput
from understudy.types import Chunk


def run(config: IndexConfig, inputs: Inputs, ctx: RunContext) -> StageOutput:
    """Index the chunk artifact's chunks into `ctx.out`.

    Writes `chunks.jsonl`, `settings.json`, and `bm25.safetensors` and `vectors.safetensors` as the retriever
    needs them; equal chunks and settings give equal bytes. The vector table lies in a hidden folder that the
    content digest leaves out, since its files bear random names; it is made again from the vectors if lost.
    Raises InputError where there are no chunks.
    """
    chunks = inputs["chunk"].records("chunks", Chunk)
    if not chunks:
        raise InputError("index: there are no chunks to index; check docs.path and its include and exclude patterns")
    passages = [prompts.passage(chunk) for chunk in chunks]
    counts: dict[str, Any] = {"chunks": len(chunks)}
    metrics: dict[str, Any] = {}
    settings: dict[str, Any] = {"bm25": config.uses_bm25, "dense": None}
    write_records(ctx.out / CHUNKS_FILE, chunks)
    if config.uses_bm25:
        clock = time.perf_counter()
        index = BM25.build(_analysed(passages, ctx), k1=config.k1, b=config.b)
        index.save(ctx.out / BM25_FILE)
        counts["terms"] = len(index.vocabulary)
        metrics["bm25_seconds"] = round(time.perf_counter() - clock, 3)
    if config.uses_dense:
        from understudy.retrieval.dense import build_dense  # torch and LanceDB load only for those who use them

        clock = time.perf_counter()
        built = build_dense(passages, config.model, config.ann_above, ctx)
        settings["dense"] = built.settings
        counts["split"] = built.split
        metrics["dense_seconds"] = round(time.perf_counter() - clock, 3)
    write_json(ctx.out / SETTINGS_FILE, settings)
    return StageOutput(metrics=metrics, counts=counts)


def _analysed(passages: Sequence[str], ctx: RunContext) -> Any:
    for done, passage in enumerate(passages):
        if done % 1000 == 0:
            ctx.progress("terms", done, len(passages))
        yield terms(passage)
