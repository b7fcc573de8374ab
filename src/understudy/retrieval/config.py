"""How an index is searched, and which models it is embedded and reranked with."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

PACKAGED = "minilm"


def check_model(value: str | None) -> str | None:
    """The reference of an embedding or reranking model, or None. Raises ValueError where it names none."""
    if value is None or value == PACKAGED or value.startswith(("hf:", "./", "../", "/", "~")):
        return value
    raise ValueError(f"is not a model: write 'hf:org/name', './folder' or '{PACKAGED}'")


class EmbedderConfig(BaseModel):
    """An embedding model and what it reads before a text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    embedder: str = PACKAGED
    query_instruction: str | None = None
    passage_instruction: str | None = None
    batch_size: int = 32


class SearchConfig(BaseModel):
    """What is used only when a question is asked: a change reruns what asks, and neither the index nor a training."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    top_k: int = Field(default=5, ge=1, le=1000, description="passages that a model gets at most")
    candidates: int = Field(default=50, ge=1, le=10_000, description="hits taken from each half before they are joined")
    fusion: Literal["convex", "rrf"] = Field(
        default="convex", description="hybrid: weighted sum of strengths, or reciprocal rank fusion"
    )
    bm25_weight: float = Field(default=0.6, ge=0, le=1, description="convex: BM25's weight; the rest is the cosine's")
    rrf_k: int = Field(default=60, ge=1, description="rrf: its constant")
    reranker: str | None = Field(
        default=None, description="a cross-encoder, hf:org/name or ./folder, that orders the first hits anew"
    )
    rerank: int = Field(default=20, ge=1, le=1000, description="how many hits the reranker reads")

    @field_validator("reranker")
    @classmethod
    def _is_a_cross_encoder(cls, value: str | None) -> str | None:
        if value == PACKAGED:
            raise ValueError(f"'{PACKAGED}' embeds and cannot rerank; name a cross-encoder such as 'hf:org/name'")
        return check_model(value)

    @model_validator(mode="after")
    def _enough_candidates(self) -> SearchConfig:
        if self.candidates < self.top_k:
            raise ValueError(f"candidates ({self.candidates}) must not be below top_k ({self.top_k})")
        return self

    def effective(self, retriever: str) -> SearchConfig:
        """The same search with every setting at its default that cannot matter for an index of this kind."""
        fields = type(self).model_fields
        return self.model_copy(update={name: fields[name].default for name in self._inert(retriever)})

    def _inert(self, retriever: str) -> set[str]:
        found = set() if self.reranker is not None else {"rerank"}
        if retriever != "hybrid":
            return found | {"candidates", "fusion", "bm25_weight", "rrf_k"}
        return found | ({"rrf_k"} if self.fusion == "convex" else {"bm25_weight"})
