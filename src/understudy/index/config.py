"""The settings of the index."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from understudy.config import StageConfig

PACKAGED = "minilm"


class IndexConfig(StageConfig):
    """How passages are found. Everything runs offline by default."""

    NAME: ClassVar[str] = "index"
    VERSION: ClassVar[int] = 1
    NOT_IN_KEY: ClassVar[frozenset[str]] = frozenset({"batch_size"})
    USES_SEED: ClassVar[bool] = False

    retriever: Literal["bm25", "dense", "hybrid"] = Field(
        "hybrid", description="bm25 needs no model; dense embeds chunks; hybrid joins both"
    )
    top_k: int = Field(5, ge=1, le=1000, description="passages that a reader gets at most")
    embedder: str = Field(
        PACKAGED,
        description="minilm (all-MiniLM-L6-v2, installed, no network), hf:org/name@revision such as "
        "hf:BAAI/bge-base-en-v1.5, or ./folder; anything that sentence-transformers loads",
    )
    query_instruction: str | None = Field(
        None, description="text put before a question; default what the model's own card asks for"
    )
    passage_instruction: str | None = Field(
        None, description="text put before a passage; default what the model's own card asks for"
    )
    candidates: int = Field(50, ge=1, le=10_000, description="hits taken from each half before they are joined")
    fusion: Literal["convex", "rrf"] = Field(
        "convex", description="hybrid: weighted sum of strengths, or reciprocal rank fusion"
    )
    bm25_weight: float = Field(0.6, ge=0, le=1, description="convex: BM25's weight; the rest is the cosine's")
    rrf_k: int = Field(60, ge=1, description="rrf: its constant")
    reranker: str | None = Field(
        None, description="a cross-encoder, hf:org/name or ./folder, that orders the first hits anew"
    )
    rerank: int = Field(20, ge=1, le=1000, description="how many hits the reranker reads")
    k1: float = Field(1.2, ge=0, description="BM25: how soon repetitions of a word stop to count")
    b: float = Field(0.75, ge=0, le=1, description="BM25: how much a passage's length counts")
    ann_above: int = Field(
        100_000, ge=256, description="from so many chunks on, dense search is approximate instead of exact"
    )
    batch_size: int = Field(32, ge=1, description="chunks embedded at once")

    @field_validator("embedder", "reranker")
    @classmethod
    def _names_a_model(cls, value: str | None) -> str | None:
        if value is None or value == PACKAGED or value.startswith(("hf:", "./", "../", "/", "~")):
            return value
        raise ValueError(f"is not a model: write 'hf:org/name', './folder' or '{PACKAGED}'")

    @field_validator("reranker")
    @classmethod
    def _is_a_cross_encoder(cls, value: str | None) -> str | None:
        if value == PACKAGED:
            raise ValueError(f"'{PACKAGED}' embeds and cannot rerank; name a cross-encoder such as 'hf:org/name'")
        return value

    @model_validator(mode="after")
    def _enough_candidates(self) -> IndexConfig:
        if self.candidates < self.top_k:
            raise ValueError(f"candidates ({self.candidates}) must not be below top_k ({self.top_k})")
        return self

    @property
    def uses_dense(self) -> bool:
        return self.retriever != "bm25"

    @property
    def uses_bm25(self) -> bool:
        return self.retriever != "dense"

    def models(self) -> dict[str, str]:
        found = {}
        if self.uses_dense and self.embedder != PACKAGED:
            found["embedder"] = self.embedder
        if self.reranker is not None:
            found["reranker"] = self.reranker
        return found
