"""The chunk stage: `documents.jsonl` of ingest in, `chunks.jsonl` out."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator

from understudy.artifact import digest_json, from_plain, to_plain, write_records
from understudy.chunk.config import ChunkConfig
from understudy.chunk.split import Splitter
from understudy.chunk.tokens import TokenCounter
from understudy.engine import map_kept
from understudy.errors import InputError
from understudy.kept import Kept
from understudy.models.resolve import tokenizer_identity
from understudy.stage import Inputs, RunContext, StageOutput
from understudy.types import Chunk, Document

_AT_ONCE = 64  # documents cut together

_How = tuple[str, int, int, bool]
"""The tokenizer's reference, the size, the overlap, and whether that goes over sections."""


def run(config: ChunkConfig, inputs: Inputs, ctx: RunContext) -> StageOutput:
    """Cut every document. Raises InputError where neither recipe nor settings name a tokenizer's model."""
    reference = config.tokenizer or inputs.model or inputs.base_model
    if not reference:
        raise InputError("chunk.tokenizer: needs a model whose tokens are counted; name one, or set base_model")
    documents = inputs["ingest"].stream("documents", Document)
    total = inputs["ingest"].counts.get("documents")
    cutting: _How = (reference, config.chunk_size, config.chunk_overlap, config.overlap_sections)
    _splitter(*cutting)  # what is wrong with the tokenizer is told before any work
    how = [config.VERSION, config.identity(), tokenizer_identity(reference)]
    counts = {"documents": 0, "chunks": 0, "tokens": 0}
    longest: int | None = None

    def chunks() -> Iterator[Chunk]:
        nonlocal longest
        cut = map_kept(
            _cut,
            documents,
            ctx,
            shared=lambda some: cutting,
            key=lambda document: digest_json([how, to_plain(document)]),
            kept=Kept(ctx.root, "chunks"),
            at_once=_AT_ONCE,
            name="documents",
        )
        for _, value in cut:
            found = from_plain(list[Chunk], json.loads(value))
            counts["documents"] += 1
            counts["chunks"] += len(found)
            for chunk in found:
                counts["tokens"] += chunk.n_tokens
                longest = max(longest or 0, chunk.n_tokens)
            yield from found
            ctx.progress("cutting", counts["documents"], total)

    write_records(ctx.out / "chunks.jsonl", chunks())
    mean = round(counts["tokens"] / counts["chunks"], 1) if counts["chunks"] else None
    return StageOutput(metrics={"tokens_mean": mean, "tokens_max": longest}, counts=counts)


def _cut(shard: tuple[_How, list[Document]]) -> list[tuple[bytes, bool]]:
    """A shard of the work: the chunks of each document as JSON."""
    cutting, documents = shard
    return [(json.dumps(to_plain(found)).encode(), True) for found in _splitter(*cutting).split(documents)]


@functools.lru_cache(1)
def _splitter(reference: str, size: int, overlap: int, overlap_sections: bool) -> Splitter:
    return Splitter(TokenCounter.open(reference), size, overlap, overlap_sections)
