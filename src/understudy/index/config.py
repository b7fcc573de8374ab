"""Settings of the index, and, under `search`, of searching it."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from understudy.config import StageConfig
from understudy.retrieval.config import PACKAGED, EmbedderConfig, SearchConfig, check_model


class IndexConfig(StageConfig):
    """How passages are indexed and found. Everything runs offline by default."""

    NAME: ClassVar[str] = "index"
    VERSION: ClassVar[int] = 4
    NOT_IN_KEY: ClassVar[frozenset[str]] = frozenset({"batch_size", "search"})
    USES_SEED: ClassVar[bool] = False

    retriever: Literal["bm25", "dense", "hybrid"] = Field(
        "hybrid", description="bm25 needs no model; dense embeds chunks; hybrid joins both"
    )
    search: SearchConfig = Field(SearchConfig(), description="what is used only when a question is asked")
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
    k1: float = Field(1.2, ge=0, description="BM25: how soon repetitions of a word stop to count")
    b: float = Field(0.75, ge=0, le=1, description="BM25: how much a passage's length counts")
    ann_above: int = Field(
        100_000, ge=256, description="from so many chunks on, dense search is approximate instead of exact"
    )
    batch_size: int = Field(32, ge=1, description="chunks embedded at once")

    @model_validator(mode="before")
    @classmethod
    def _moved(cls, values: Any) -> Any:
        """Settings of searching stood here once; say where they are now."""
        if isinstance(values, dict):
            for name in SearchConfig.model_fields:
                if name in values:
                    raise ValueError(
                        f"{name} is a setting of searching now: write index: {{search: {{{name}: {values[name]}}}}}"
                    )
        return values

    @field_validator("embedder")
    @classmethod
    def _names_a_model(cls, value: str) -> str:
        check_model(value)
        return value

    @property
    def uses_dense(self) -> bool:
        return self.retriever != "bm25"

    @property
    def uses_bm25(self) -> bool:
        return self.retriever != "dense"

    @property
    def model(self) -> EmbedderConfig:
        """The embedding model with what it reads before a text."""
        return EmbedderConfig(
            embedder=self.embedder,
            query_instruction=self.query_instruction,
            passage_instruction=self.passage_instruction,
            batch_size=self.batch_size,
        )

    def inert(self) -> set[str]:
        found = set() if self.uses_bm25 else {"k1", "b"}
        return found | (
            set() if self.uses_dense else {"embedder", "query_instruction", "passage_instruction", "ann_above"}
        )

    def models(self) -> dict[str, str]:
        return {"embedder": self.embedder} if self.uses_dense and self.embedder != PACKAGED else {}
