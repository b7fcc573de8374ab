"""The chunk stage: `documents.jsonl` of ingest in, `chunks.jsonl` out."""

from __future__ import annotations

from collections.abc import Iterator

from understudy.artifact import write_records
from understudy.chunk.config import ChunkConfig
from understudy.chunk.split import Splitter
from understudy.chunk.tokens import TokenCounter
from understudy.errors import InputError
from understudy.stage import Inputs, RunContext, StageOutput
from understudy.types import Chunk, Document


def run(config: ChunkConfig, inputs: Inputs, ctx: RunContext) -> StageOutput:
    """Cut every document. Raises InputError where neither recipe nor settings name a tokenizer's model."""
    reference = config.tokenizer or inputs.model or inputs.base_model
    if not reference:
        raise InputError("chunk.tokenizer: needs a model whose tokens are counted; name one, or set base_model")
    documents = inputs["ingest"].records("documents", Document)
    splitter = Splitter(TokenCounter.open(reference), config.chunk_size, config.chunk_overlap, config.overlap_sections)
    sizes: list[int] = []

    def chunks() -> Iterator[Chunk]:
        for number, found in enumerate(splitter.split(documents), 1):
            ctx.progress("cutting", number, len(documents))
            sizes.extend(chunk.n_tokens for chunk in found)
            yield from found

    write_records(ctx.out / "chunks.jsonl", chunks())
    return StageOutput(
        metrics={
            "tokens_mean": round(sum(sizes) / len(sizes), 1) if sizes else None,
            "tokens_max": max(sizes, default=None),
        },
        counts={"documents": len(documents), "chunks": len(sizes), "tokens": sum(sizes)},
    )
