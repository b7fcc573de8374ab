"""Open a finished index as a Retriever."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from understudy.errors import InputError, StoreError
from understudy.retrieval.base import Ranker
from understudy.retrieval.bm25 import BM25
from understudy.retrieval.chunks import ChunkRows
from understudy.retrieval.config import EmbedderConfig, SearchConfig
from understudy.retrieval.fusion import Convex, ReciprocalRank
from understudy.types import Chunk, Hit

BM25_FILE = "bm25.safetensors"
CHUNKS_FILE = "chunks.jsonl"
STARTS_FILE = "chunks.safetensors"
SETTINGS_FILE = "settings.json"


@dataclass(frozen=True)
class Index:
    """An opened index: chunks in the order of their rows, and a way of ranking them."""

    chunks: Sequence[Chunk]
    config: SearchConfig
    ranker: Ranker
    nearness: Callable[[str, Sequence[str]], list[float]] | None = None

    def search(self, query: str, top_k: int | None = None) -> list[Hit]:
        """The best `top_k` chunks for a question (default: the settings'), best first; fewer where fewer match.

        The score is BM25's, the cosine, the fused score or the cross-encoder's, by the settings; scores of
        different settings cannot be compared. Raises InputError for top_k below 1.
        """
        top_k = self.config.top_k if top_k is None else top_k
        if top_k < 1:
            raise InputError(f"top_k is {top_k}; it must be at least 1")
        if not query.strip():
            return []
        return [Hit(self.chunks[row], score) for row, score in self.ranker.rank(query, top_k)]

    def closeness(self, question: str, texts: Sequence[str]) -> list[float] | None:
        """How near each text is to a question, 1 at most, 0 for what any passage is; None where the index has no
        embedding model."""
        return None if self.nearness is None else self.nearness(question, texts)


def open_index(path: Path, search: SearchConfig | None = None, *, device: str = "auto") -> Index:
    """Open the index in an artifact's folder.

    search: how it is searched (default: SearchConfig's defaults). device: where a dense or reranking model runs;
    models load at the first search, and a bm25 index loads none. Raises StoreError where the folder holds no index
    or a damaged one.
    """
    search = search or SearchConfig()
    settings = _read_settings(path)
    chunks = ChunkRows.open(path / CHUNKS_FILE, path / STARTS_FILE)
    rankers: list[Ranker] = []
    nearness: Callable[[str, Sequence[str]], list[float]] | None = None
    if settings["bm25"]:
        bm25 = BM25.load(path / BM25_FILE)
        _same_size(path, BM25_FILE, bm25.size, len(chunks))
        rankers.append(bm25)
    if settings["dense"] is not None:
        from understudy.retrieval.dense import Dense  # torch loads only for those who use them

        dense = Dense.open(path, settings["dense"], device=device)
        _same_size(path, "vectors", len(dense.vectors), len(chunks))
        rankers.append(dense)
        nearness = dense.closeness
    ranker: Ranker
    if len(rankers) == 1:
        ranker = rankers[0]
    elif search.fusion == "rrf":
        ranker = ReciprocalRank(rankers, search.candidates, search.rrf_k)
    else:
        ranker = Convex(rankers, (search.bm25_weight, 1.0 - search.bm25_weight), search.candidates)
    if search.reranker is not None:
        from understudy.retrieval.rerank import Reranked

        ranker = Reranked(ranker, chunks, search.reranker, search.rerank, device)
    return Index(chunks, search, ranker, nearness)


def _read_settings(path: Path) -> Mapping[str, Any]:
    file = path / SETTINGS_FILE
    try:
        settings: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if settings["dense"] is not None:
            EmbedderConfig.model_validate(settings["dense"]["model"])
        return {"bm25": settings["bm25"], "dense": settings["dense"]}
    except FileNotFoundError as error:
        raise StoreError(f"{path}: holds no index ({SETTINGS_FILE} is missing); run the index stage again") from error
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise StoreError(f"{file}: damaged ({error}); delete the folder and run the index stage again") from error


def _same_size(path: Path, what: str, size: int, chunks: int) -> None:
    if size != chunks:
        raise StoreError(f"{path}: {what} has {size} rows for {chunks} chunks; delete the folder and run again")
