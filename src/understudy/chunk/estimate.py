"""What cutting will take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from understudy.chunk.config import ChunkConfig
from understudy.stage import Estimate

_CHARACTERS_PER_TOKEN = 3.0  # 2.2 with a vocabulary of 4,096, about 4 with one of 128,000
_FILLED = 0.6  # a chunk ends at a heading or block before it is full
_CHARACTERS_PER_SECOND = 8e5
_START = 1.0  # seconds to load the tokenizer


def estimate(config: ChunkConfig, upstream: Mapping[str, Mapping[str, Any]]) -> Estimate:
    """Chunks and tokens from the number of characters."""
    characters = upstream.get("ingest", {}).get("characters")
    documents = upstream.get("ingest", {}).get("documents")
    if not characters or not documents:
        return Estimate(note="known once the documents have been read")
    tokens = characters / _CHARACTERS_PER_TOKEN
    chunks = max(documents, round(tokens / (_FILLED * config.chunk_size)))
    return Estimate(
        counts={"documents": documents, "chunks": chunks, "tokens": round(tokens)},
        seconds=_START + characters / _CHARACTERS_PER_SECOND,
    )
