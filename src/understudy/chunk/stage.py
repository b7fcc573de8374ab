"""The chunk stage: `documents.jsonl` of ingest in, `chunks.jsonl` out."""

from __future__ import annotations

import itertools
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
    documents = inputs["ingest"].stream("documents", Document)
    total = inputs["ingest"].counts.get("documents")
    splitter = Splitter(TokenCounter.open(reference), config.chunk_size, config.chunk_overlap, config.overlap_sections)
    kept = Kept(ctx.root, "chunks")
    how = [config.VERSION, config.identity(), tokenizer_identity(reference)]
    counts = {"documents": 0, "chunks": 0, "tokens": 0}
    longest: int | None = None

    def chunks() -> Iterator[Chunk]:
        nonlocal longest
        while batch := list(itertools.islice(documents, _AT_ONCE)):
            keys = [digest_json([how, to_plain(document)]) for document in batch]
            known = kept.get(keys)
            new = [(key, d) for key, d in zip(keys, batch, strict=True) if key not in known]
            cut = {key: found for (key, _), found in zip(new, splitter.split([d for _, d in new]), strict=True)}
            kept.put({key: json.dumps(to_plain(found)).encode() for key, found in cut.items()})
            for key in keys:
                found = cut[key] if key in cut else from_plain(list[Chunk], json.loads(known[key]))
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
