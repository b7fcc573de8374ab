"""Settings of supervised fine-tuning, in the words of TRL and PEFT. The defaults' reasons are in docs/sft.md."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from understudy.config import StageConfig
from understudy.retrieval.config import SearchConfig

Share = Annotated[float, Field(ge=0, le=1)]
PRACTICE = "lab:practice"
_GENTLER = 0.3  # times the learning rate of a first training: what is known is not to be learned anew


class MixConfig(BaseModel):
    """In which formats the pairs are taught; the shares are of all rows made from pairs and add up to 1."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    closed_book: Share = Field(default=0.25, description="share of rows with the question alone")
    context: Share = Field(default=0.60, description="share of rows with the question after retrieved passages")
    multiple_choice: Share = Field(default=0.10, description="share of rows with options, answered by a letter")
    short: Share = Field(default=0.05, description="share of rows that ask for a short answer")
    documents: Share = Field(
        default=0.0,
        description="share of the documentation's chunks whose own text is taught in each epoch beside the pairs; "
        "they take turns",
    )
    golden: Share = Field(
        default=0.8, description="share of the context rows in which the supporting chunk is among the passages"
    )
    absent: Literal["abstain", "answer"] = Field(
        default="abstain",
        description="what is taught where it is not: to say that the documentation does not say, or the answer by "
        "heart",
    )
    distractors: int = Field(
        default=4,
        ge=0,
        le=20,
        description="most other passages in a context row; each row draws between this and one fewer",
    )
    together: int = Field(
        default=1,
        ge=1,
        le=32,
        description="most questions that are asked about the same passages in one epoch; on a processor the passages "
        "are then read once for all of them",
    )
    quote: bool = Field(
        default=True, description="context answers are followed by the words of the documentation that support them"
    )

    @model_validator(mode="after")
    def _whole(self) -> MixConfig:
        total = self.closed_book + self.context + self.multiple_choice + self.short
        if abs(total - 1) > 1e-6:
            raise ValueError(
                f"the shares closed_book, context, multiple_choice and short add up to {total:g}; make it 1"
            )
        return self


class ReplayConfig(BaseModel):
    """General prompts mixed in against forgetting."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = Field(
        default="self",
        description="`self` (the project's own general prompts), `lab:practice` (questions of the kind that the "
        "bundled models were taught with), `off`, a .jsonl file or a hub data set `hf:org/name`; rows hold `prompt`, "
        "`prompt` and `completion`, or `messages`, and what has no reply is answered by the model before training",
    )

    @field_validator("source", mode="before")
    @classmethod
    def _source(cls, value: object) -> object:
        """YAML reads a bare `off` as false; of what is bundled only the practice is a source."""
        if isinstance(value, str) and value.startswith("lab:") and value != PRACTICE:
            raise ValueError(f"'{value}' is no source of prompts; write {PRACTICE}")
        return "off" if value is False else value

    share: float = Field(default=0.25, ge=0, lt=1, description="share of all training rows")
    loss: Literal["kl", "answer"] = Field(
        default="kl",
        description="`kl`: at every token of the reply the model is regularised towards its own distribution before "
        "training; `answer`: it is taught the reply",
    )
    max_tokens: int = Field(default=200, ge=1, description="tokens of a reply that the model writes itself")


class ContrastConfig(BaseModel):
    """Wrong answers beside the right one: each question is also taught as a choice among them (`contrast.py`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    wrong: int = Field(
        default=0,
        ge=0,
        le=8,
        description="wrong answers that a question is taught against, taken from other questions about the same "
        "passages and page; 0: none",
    )
    weight: float = Field(default=1.0, gt=0, description="weight of the choice beside the right answer's likelihood")
    scale: float = Field(
        default=20.0, gt=0, description="what the mean log-likelihood a character is multiplied by before the choice"
    )


class SweepConfig(BaseModel):
    """After training: how much of what was learned is kept, W0 + λ·ΔW (LM-Cocktail, arXiv 2311.13534).

    Each λ is asked development questions on the documentation and general ones; the one that ships is chosen by
    the rule in docs/sft.md. Off, the model ships as trained: on a small model luck chose, and it cost what was taught.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = Field(default=False, description="measure each strength and ship the one that the rule chooses")
    lambdas: tuple[float, ...] = Field(
        default=(0.4, 0.6, 0.8, 1.0),
        description="strengths to try, from 0 (the model before training) over 1 (as trained) to 1.5",
    )
    margin: float = Field(default=1.0, ge=0, le=100, description="points of general accuracy that one is ready to lose")
    keep: Share = Field(
        default=0.9,
        description="least part of the best gain on the development questions that a λ must have to be chosen",
    )
    dev_items: int = Field(default=200, ge=1, description="most development questions on the documentation")
    general_items: int = Field(default=60, ge=1, description="general questions of each skill")

    @field_validator("lambdas")
    @classmethod
    def _usable(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        if not values:
            raise ValueError("names no strength; write for example [0.4, 0.6, 0.8, 1.0]")
        outside = [v for v in values if not 0 <= v <= 1.5]
        if outside:
            raise ValueError(f"{outside[0]:g} is outside 0 to 1.5 (0: before training, 1: as trained)")
        twice = [v for i, v in enumerate(values) if v in values[:i]]
        if twice:
            raise ValueError(f"{twice[0]:g} stands twice; keep one")
        return tuple(sorted(values))


class UpdateConfig(BaseModel):
    """How a training that goes on from an earlier run's is made of what changed and what did not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    replay: Share = Field(
        default=0.1,
        description="share of the pairs of unchanged facts that are taught again in each epoch, other ones each time, "
        "spread over all passages",
    )
    learning_rate: float | None = Field(
        default=None, gt=0, description="the peak learning rate of an update; null: 0.3 times that of a first training"
    )


class SftConfig(StageConfig):
    """Teach the model the documentation's pairs; every step's meaning is in the words of TRL and PEFT."""

    NAME: ClassVar[str] = "sft"
    VERSION: ClassVar[int] = 5
    NOT_IN_KEY: ClassVar[frozenset[str]] = frozenset({"checkpoint_seconds", "devices", "start"})

    start: Literal["base", "previous"] = Field(
        default="base",
        description="`base`: train the base model from the start; `previous`: go on from the last finished run of this "
        "name with what changed in the documentation since (docs/updates.md)",
    )
    update: UpdateConfig = Field(
        default=UpdateConfig(), description="what is taught where it goes on from an earlier run"
    )
    method: Literal["lora", "qlora", "full"] = Field(
        default="lora", description="`lora`: an adapter; `qlora`: the same on 4-bit weights; `full`: all weights"
    )
    r: int = Field(default=32, ge=1, description="the rank of the adapter")
    lora_alpha: float = Field(default=32, gt=0, description="the adapter counts lora_alpha / r times")
    lora_dropout: float = Field(default=0.05, ge=0, lt=1, description="dropout before the adapter")
    target_modules: Literal["all-linear"] | tuple[str, ...] = Field(
        default="all-linear", description="the layers that get an adapter: all linear ones but the head, or their names"
    )
    last_layers: int | None = Field(
        default=None,
        ge=1,
        description="only the last so many layers get an adapter, and nothing below them is differentiated; null: all",
    )
    learning_rate: float | None = Field(
        default=None, gt=0, description="the peak learning rate; null: 2e-4 for lora and qlora, 2e-5 for full"
    )
    lr_scheduler_type: Literal["cosine", "linear", "constant"] = Field(
        default="cosine", description="how the learning rate goes on after warming up"
    )
    warmup_ratio: float = Field(
        default=0.03, ge=0, lt=1, description="share of the steps in which the learning rate rises"
    )
    weight_decay: float = Field(default=0.0, ge=0, description="decoupled weight decay (AdamW)")
    max_grad_norm: float = Field(default=1.0, gt=0, description="the norm to which larger gradients are clipped")
    rows: int | None = Field(
        default=None,
        ge=1,
        description="most rows made from pairs, all epochs together; the pairs are spread over pages, passages and "
        "facts; null: all",
    )
    epochs: int = Field(default=3, ge=1, description="passes over the pairs; each deals every pair one row anew")
    by_heart: int = Field(
        default=0,
        ge=0,
        description="epochs after those, in which each pair is asked alone: no passages, options, wrong answers, text "
        "of the pages or replay",
    )
    batch_size: int = Field(
        default=16, ge=1, description="rows a weight update, over all devices and accumulation steps together"
    )
    per_device_train_batch_size: int | None = Field(
        default=None,
        ge=1,
        description="rows a forward pass; null: all of batch_size on a small model, 2 on one above a billion "
        "parameters",
    )
    max_length: int = Field(
        default=2048, ge=16, description="tokens of a row; passages are left out, never cut, until it fits"
    )
    bf16: bool | None = Field(
        default=None,
        description="compute in bfloat16, whatever the weights are kept in; null: where the device multiplies it "
        "itself",
    )
    gradient_checkpointing: bool | None = Field(
        default=None, description="save memory for time; null: on for models above a billion parameters on a GPU"
    )
    mix: MixConfig = Field(default=MixConfig(), description="in which formats the pairs are taught")
    contrast: ContrastConfig = Field(
        default=ContrastConfig(), description="wrong answers that a question is taught against"
    )
    replay: ReplayConfig = Field(default=ReplayConfig(), description="general prompts mixed in against forgetting")
    sweep: SweepConfig = Field(
        default=SweepConfig(), description="how much of the training is kept, chosen by measuring"
    )
    search: SearchConfig = Field(
        default=SearchConfig(),
        description="how the passages of context rows are found; a change of index.search does not retrain",
    )
    dev_rows: int = Field(
        default=128,
        ge=0,
        description="held-out paraphrases on which early stopping and the choice of the best weights look; 0 turns "
        "both off",
    )
    evals_per_epoch: int = Field(default=2, ge=1, description="how often in an epoch they are looked at")
    early_stopping_patience: int | None = Field(
        default=3, ge=1, description="evaluations without a better loss after which training stops; null: never"
    )
    checkpoint_seconds: float = Field(
        default=60, ge=0, description="least time between checkpoints; what an interruption can cost"
    )
    devices: int | None = Field(
        default=None,
        ge=0,
        description="processes that train together; null: one for each GPU; 0: prepare, then say the command to "
        "launch by hand",
    )

    @property
    def pairs_an_epoch(self) -> int | None:
        """Most pairs that `rows` leaves for each epoch; None: all."""
        return None if self.rows is None else max(1, self.rows // self.all_epochs)

    @property
    def all_epochs(self) -> int:
        return self.epochs + self.by_heart

    @property
    def peak_learning_rate(self) -> float:
        if self.learning_rate is not None:
            return self.learning_rate
        return 2e-5 if self.method == "full" else 2e-4

    @property
    def update_learning_rate(self) -> float:
        return self.update.learning_rate or _GENTLER * self.peak_learning_rate

    def inert(self) -> set[str]:
        found = {"search.top_k", *({"search.rerank"} if self.search.reranker is None else ())}
        if self.method == "full":
            found |= {"r", "lora_alpha", "lora_dropout", "target_modules", "last_layers"}
        if self.replay.share == 0 or self.replay.source == "off":
            found |= {"replay.loss", "replay.max_tokens", "replay.share", "replay.source"}
        if self.contrast.wrong == 0:
            found |= {"contrast.weight", "contrast.scale"}
        if not self.sweep.enabled:
            found.add("sweep")
        if self.start == "base":
            found.add("update")
        if self.mix.context == 0:
            found |= {"search", "mix.golden", "mix.absent", "mix.distractors", "mix.quote", "mix.together"}
        if self.dev_rows == 0:
            found |= {"evals_per_epoch", "early_stopping_patience"}
        return found

    def unread(self) -> frozenset[str]:
        return frozenset({"index"} if self.mix.context == 0 else ())

    def models(self) -> dict[str, str]:
        return {"reranker": self.search.reranker} if self.search.reranker else {}

    def files(self) -> dict[str, str]:
        source = self.replay.source
        local = self.replay.share > 0 and source not in ("self", PRACTICE, "off") and not source.startswith("hf:")
        return {"replay.source": str(Path(source).expanduser())} if local else {}
