"""What cutting will take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from understudy.chunk.config import ChunkConfig
from understudy.stage import FRESH, SAMPLE, Estimate

_CHARACTERS_PER_TOKEN = 3.0  # 2.2 with a vocabulary of 4,096, about 4 with one of 128,000
_FILLED = 0.6  # a chunk ends at a heading or block before it is full
_CHARACTERS_PER_SECOND = 8e5
_CHUNKS_PER_SECOND = 4e3
_START = 0.3  # seconds to load the tokenizer
_TOKENIZER = 10e6  # bytes of memory
_UNPACKED_PER_SECOND = 1.7e6  # parameters of a GGUF file, whose tokenizer is read first
_UNPACKED = 8.5  # bytes of memory for each
_AT_ONCE = 64  # documents cut together, and bytes of memory for each of their characters
_HELD = 100.0


def estimate(config: ChunkConfig, upstream: Mapping[str, Mapping[str, Any]]) -> Estimate:
    """Chunks and tokens from the number of characters: as many as a sample gave, where one was cut."""
    characters = upstream.get("ingest", {}).get("characters")
    documents = upstream.get("ingest", {}).get("documents")
    if not characters or not documents:
        return Estimate(note="known once the documents have been read")
    unpacked = upstream.get("model", {}).get("to_unpack") or 0.0
    sample = upstream.get(SAMPLE, {})
    if sample.get("chunks") and sample.get("characters"):
        whole = characters / sample["characters"]
        tokens, chunks = whole * sample["tokens"], whole * sample["chunks"]
    else:
        tokens = characters / _CHARACTERS_PER_TOKEN
        chunks = max(documents, tokens / (_FILLED * config.chunk_size))
    return Estimate(
        counts={"documents": documents, "chunks": round(chunks), "tokens": round(tokens)},
        seconds=_START
        + characters / _CHARACTERS_PER_SECOND
        + chunks / _CHUNKS_PER_SECOND
        + unpacked / _UNPACKED_PER_SECOND,
        memory_bytes=FRESH
        + _TOKENIZER
        + max(_UNPACKED * unpacked, _HELD * characters * min(1.0, _AT_ONCE / documents)),
        note="the model's file is multiplied out first, once on this machine" if unpacked else "",
    )
