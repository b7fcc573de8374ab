"""The chunk stage: `documents.jsonl` of ingest in, `chunks.jsonl` out."""

from __future__ import annotations

import json
from collections.abc import Iterator

from understudy.artifact import digest_json, from_plain, to_plain, write_records
from understudy.chunk.config import ChunkConfig
from understudy.chunk.split import Splitter
from understudy.chunk.tokens import TokenCounter
from understudy.errors import InputError
from understudy.kept import Kept
from understudy.models.resolve import tokenizer_identity
from understudy.stage import Inputs, RunContext, StageOutput
from understudy.types import Chunk, Document

_AT_ONCE = 256  # documents cut together


def run(config: ChunkConfig, inputs: Inputs, ctx: RunContext) -> StageOutput:
    """Cut every document. Raises InputError where neither recipe nor settings name a tokenizer's model."""
    reference = config.tokenizer or inputs.model or inputs.base_model
    if not reference:
        raise InputError("chunk.tokenizer: needs a model whose tokens are counted; name one, or set base_model")
    documents = inputs["ingest"].records("documents", Document)
    splitter = Splitter(TokenCounter.open(reference), config.chunk_size, config.chunk_overlap, config.overlap_sections)
    kept = Kept(ctx.root, "chunks")
    how = [config.VERSION, config.identity(), tokenizer_identity(reference)]
    keys = {document.doc_id: digest_json([how, to_plain(document)]) for document in documents}
    sizes: list[int] = []

    def chunks() -> Iterator[Chunk]:
        for start in range(0, len(documents), _AT_ONCE):
            batch = documents[start : start + _AT_ONCE]
            known = kept.get(keys[d.doc_id] for d in batch)
            new = [d for d in batch if keys[d.doc_id] not in known]
            cut = {keys[d.doc_id]: found for d, found in zip(new, splitter.split(new), strict=True)}
            kept.put({key: json.dumps(to_plain(found)).encode() for key, found in cut.items()})
            for number, document in enumerate(batch, start + 1):
                ctx.progress("cutting", number, len(documents))
                key = keys[document.doc_id]
                found = cut[key] if key in cut else from_plain(list[Chunk], json.loads(known[key]))
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
