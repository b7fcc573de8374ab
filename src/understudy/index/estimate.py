"""What building an index will take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from understudy.index.config import IndexConfig
from understudy.retrieval.config import PACKAGED
from understudy.stage import FRESH, Estimate

# Measured on one idle processor core with chunks of about 170 word pieces (benchmarks/index.py).
_ANALYSED = 3_000  # passages a second for BM25
_EMBEDDED = 15  # passages a second for all-MiniLM-L6-v2, 22 million parameters
_BASE_MODEL = 8  # times slower: bge-base, by its parameters outside the vocabulary; not measured
_START = 15.0  # seconds to import and load the embedding library
_LIBRARY = 780_000_000  # bytes of torch and the embedding library
_PROCESS = 20_000_000  # bytes of memory whatever is indexed
_BEGUN = 0.2  # seconds whatever is indexed
_POSTINGS = 400  # bytes of memory a passage while BM25 is built: 256 MB in all at 2·10⁵, 874 at 2·10⁶ passages


def estimate(config: IndexConfig, upstream: Mapping[str, Mapping[str, Any]]) -> Estimate:
    """Chunks, seconds and memory on one processor core, from the chunk stage's counts."""
    chunks = upstream.get("chunk", {}).get("chunks")
    if chunks is None:
        return Estimate(note="depends on the number of chunks, which is not known yet")
    seconds, memory = _BEGUN + chunks / _ANALYSED, FRESH + _PROCESS + chunks * float(_POSTINGS)
    if config.uses_dense:
        slower = 1 if config.embedder == PACKAGED else _BASE_MODEL
        seconds += _START + slower * chunks / _EMBEDDED
        memory += _LIBRARY + chunks * 4.0 * 768 * 2
    return Estimate(counts={"chunks": chunks}, seconds=seconds, memory_bytes=memory)
