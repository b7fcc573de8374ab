"""Settings of the chunk stage."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, model_validator

from understudy.config import StageConfig


class ChunkConfig(StageConfig):
    """How documents are cut. Sizes are tokens of the base model's own tokenizer."""

    NAME: ClassVar[str] = "chunk"
    VERSION: ClassVar[int] = 2
    USES_SEED: ClassVar[bool] = False

    chunk_size: int = Field(300, ge=16, description="no chunk has more tokens than this")
    chunk_overlap: int = Field(30, ge=0, description="at most so many tokens are repeated from the chunk before")
    overlap_sections: bool = Field(
        False, description="repeat text across a heading too; otherwise a section begins clean"
    )
    tokenizer: str | None = Field(
        None,
        description="count in the tokens of this model; default the base model (openai: needs one)",
    )

    @model_validator(mode="after")
    def _overlap_is_smaller(self) -> ChunkConfig:
        if self.chunk_overlap * 2 > self.chunk_size:
            raise ValueError(
                f"chunk_overlap ({self.chunk_overlap}) may be at most half of chunk_size ({self.chunk_size})"
            )
        return self

    def models(self) -> dict[str, str]:
        return {"tokenizer": self.tokenizer} if self.tokenizer else {}
