"""The settings of the generate stage."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from understudy.config import StageConfig

Share = Annotated[float, Field(ge=0.0, lt=1.0)]


class Paraphrases(BaseModel):
    """Shares of a fact's paraphrases that are held out; what is left is trained on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dev: Share = 0.2
    test: Share = 0.2

    @model_validator(mode="after")
    def _leaves_some(self) -> Paraphrases:
        if self.dev + self.test >= 1.0:
            raise ValueError("dev and test together must leave paraphrases to train on; keep their sum below 1")
        return self


class Price(BaseModel):
    """What a remote teacher costs, in US dollars per million tokens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: Annotated[float, Field(ge=0.0)]
    output: Annotated[float, Field(ge=0.0)]


class RemoteTeacher(BaseModel):
    """How an OpenAI-compatible teacher is asked.

    rounds, pairs_per_round: the published experiment asked for ten pairs a chunk in three rounds.
    wordings: questions for each fact; with one, whole facts are held out instead of wordings.
    round_trip: a second call answers each chunk's questions from the chunk; pairs that disagree are dropped.
    price, max_usd: a hard cap; asking stops before a request that could exceed it. The cap needs the price.
    temperature: None leaves it to the endpoint (some reasoning models accept no other).
    concurrency: the most requests at once; the number adapts to what the endpoint takes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rounds: Annotated[int, Field(ge=1, le=20)] = 3
    pairs_per_round: Annotated[int, Field(ge=1, le=50)] = 10
    wordings: Annotated[int, Field(ge=1, le=20)] = 3
    round_trip: bool = False
    temperature: Annotated[float, Field(ge=0.0, le=2.0)] | None = 0.7
    max_tokens: Annotated[int, Field(ge=64)] = 4096
    price: Price | None = None
    max_usd: Annotated[float, Field(gt=0.0)] | None = None
    concurrency: Annotated[int, Field(ge=1, le=256)] = 8
    timeout_seconds: Annotated[float, Field(gt=0.0)] = 120.0
    max_retries: Annotated[int, Field(ge=0, le=50)] = 6

    @model_validator(mode="after")
    def _cap_needs_price(self) -> RemoteTeacher:
        if self.max_usd is not None and self.price is None:
            raise ValueError("max_usd needs the price; add `price: {input: USD, output: USD}` per million tokens")
        return self


class GenerateConfig(StageConfig):
    """What is taught and what is asked.

    teacher: `extractive` (no model), or `openai:model` / `openai:model@http://host/v1`.
    pairs: a CSV or JSONL of your own pairs (question, answer); they replace the teacher's for training.
    keep_generated: with `pairs`, train on the pairs made from the documentation too.
    dev_share: share of imported questions held out for early stop.
    product: the name of what is documented, for questions that need it; found by itself where left out.
    heldout_documents, heldout_chunks: share of documents, and of the other chunks, never trained on.
    n_items: how many multiple-choice items to make (as many as the corpus gives, if fewer). n_options: of each.
    """

    NAME: ClassVar[str] = "generate"
    VERSION: ClassVar[int] = 2
    NOT_IN_KEY: ClassVar[frozenset[str]] = frozenset({"pairs"})  # its content is, whatever its path

    teacher: str = "extractive"
    pairs: str | None = None
    keep_generated: bool = False
    dev_share: Share = 0.1
    product: str | None = None
    paraphrases: Paraphrases = Paraphrases()
    heldout_documents: Share = 0.0
    heldout_chunks: Share = 0.0
    n_items: Annotated[int, Field(ge=0)] = 300
    n_options: Annotated[int, Field(ge=2, le=10)] = 4
    remote: RemoteTeacher = RemoteTeacher()

    @model_validator(mode="before")
    @classmethod
    def _renamed(cls, given: Any) -> Any:
        if isinstance(given, dict) and "wordings" in given:
            raise ValueError("wordings is now called paraphrases; write `paraphrases: {dev: 0.2, test: 0.2}`")
        return given

    @field_validator("teacher")
    @classmethod
    def _known(cls, value: str) -> str:
        if value != "extractive" and not value.startswith("openai:"):
            raise ValueError("is 'extractive' or 'openai:MODEL' (with '@http://HOST/v1' for your own endpoint)")
        return value

    def identity(self) -> dict[str, Any]:
        """Without what cannot change the result: pace and patience, and the remote settings of a local teacher."""
        kept = super().identity()
        if self.teacher == "extractive":
            del kept["remote"]
        else:
            for name in ("concurrency", "timeout_seconds", "max_retries"):
                del kept["remote"][name]
        return kept

    def files(self) -> dict[str, str]:
        return {"pairs": self.pairs} if self.pairs else {}
