"""Settings of supervised fine-tuning, in the words of TRL and PEFT. The defaults' reasons are in docs/sft.md."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from understudy.config import StageConfig

Share = Annotated[float, Field(ge=0, le=1)]
PRACTICE = "lab:practice"


class MixConfig(BaseModel):
    """In which formats the pairs are taught; the shares are of all rows made from pairs and add up to 1.

    closed_book: the question alone. context: the question after retrieved passages. multiple_choice: options, the
    answer is a letter. short: short answers on demand.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    closed_book: Share = 0.25
    context: Share = 0.60
    multiple_choice: Share = 0.10
    short: Share = 0.05
    golden: Share = 0.8
    """Share of the context rows in which the supporting chunk is among the passages."""
    absent: Literal["abstain", "answer"] = "abstain"
    """What is taught where it is not: to say that the documentation does not say, or the answer by heart."""
    distractors: Annotated[int, Field(ge=0, le=20)] = 4
    """Most other passages in a context row; each row draws between this and one fewer."""
    quote: bool = True
    """Context answers are followed by the words of the documentation that support them."""

    @model_validator(mode="after")
    def _whole(self) -> MixConfig:
        total = self.closed_book + self.context + self.multiple_choice + self.short
        if abs(total - 1) > 1e-6:
            raise ValueError(
                f"the shares closed_book, context, multiple_choice and short add up to {total:g}; make it 1"
            )
        return self


class ReplayConfig(BaseModel):
    """General prompts mixed in against forgetting.

    source: `self` (the project's own general prompts), `lab:practice` (questions of the kind that the bundled models
    were taught with), `off`, a .jsonl file or a hub data set `hf:org/name`. Rows hold `prompt`, `prompt` and
    `completion`, or `messages`; what has no reply is answered by the model as it is before training.
    share: of all training rows.
    loss: `kl` holds the model, at every token of the reply, to its own distribution before training; `answer` teaches
    it the reply.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = "self"

    @field_validator("source", mode="before")
    @classmethod
    def _source(cls, value: object) -> object:
        """YAML reads a bare `off` as false; of what is bundled only the practice is a source."""
        if isinstance(value, str) and value.startswith("lab:") and value != PRACTICE:
            raise ValueError(f"'{value}' is no source of prompts; write {PRACTICE}")
        return "off" if value is False else value

    share: Annotated[float, Field(ge=0, lt=1)] = 0.25
    loss: Literal["kl", "answer"] = "kl"
    max_tokens: Annotated[int, Field(ge=1)] = 200


class SweepConfig(BaseModel):
    """After training: how much of what was learned is kept, W0 + λ·ΔW (LM-Cocktail, arXiv 2311.13534).

    Each λ is asked development questions on the documentation and general ones; the one that ships is chosen by
    the rule in docs/sft.md. Off, the model ships as trained: on a small model luck chose, and it cost what was taught.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = False
    lambdas: tuple[float, ...] = (0.4, 0.6, 0.8, 1.0)
    """Strengths to try, from 0 (the model before training) over 1 (as trained) to 1.5."""
    margin: Annotated[float, Field(ge=0, le=100)] = 1.0
    """Points of general accuracy that one is ready to lose."""
    keep: Share = 0.9
    """Least part of the best gain on the development questions that a λ must have to be chosen."""
    dev_items: Annotated[int, Field(ge=1)] = 200
    general_items: Annotated[int, Field(ge=1)] = 60
    """General questions of each skill."""

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


class SftConfig(StageConfig):
    """Teach the model the documentation's pairs; every step's meaning is in the words of TRL and PEFT."""

    NAME: ClassVar[str] = "sft"
    VERSION: ClassVar[int] = 4
    NOT_IN_KEY: ClassVar[frozenset[str]] = frozenset({"checkpoint_seconds", "devices"})

    method: Literal["lora", "qlora", "full"] = "lora"
    r: Annotated[int, Field(ge=1)] = 32
    lora_alpha: Annotated[float, Field(gt=0)] = 32
    lora_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.05
    target_modules: Literal["all-linear"] | tuple[str, ...] = "all-linear"
    learning_rate: Annotated[float | None, Field(gt=0)] = None
    """None: 2e-4 for lora and qlora, 2e-5 for full."""
    lr_scheduler_type: Literal["cosine", "linear", "constant"] = "cosine"
    warmup_ratio: Annotated[float, Field(ge=0, lt=1)] = 0.03
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    epochs: Annotated[int, Field(ge=1)] = 3
    batch_size: Annotated[int, Field(ge=1)] = 16
    """Rows a weight update, over all devices and accumulation steps together."""
    per_device_train_batch_size: Annotated[int | None, Field(ge=1)] = None
    """Rows a forward pass; None: all of batch_size on a small model, 2 on one above a billion parameters."""
    max_length: Annotated[int, Field(ge=16)] = 2048
    """Tokens of a row; passages are left out, never cut, until it fits."""
    bf16: bool | None = None
    """Compute in bfloat16, whatever the weights are kept in; None: where the device multiplies it itself."""
    gradient_checkpointing: bool | None = None
    """None: on for models above a billion parameters on a GPU."""
    mix: MixConfig = MixConfig()
    replay: ReplayConfig = ReplayConfig()
    sweep: SweepConfig = SweepConfig()
    dev_rows: Annotated[int, Field(ge=0)] = 128
    """Held-out wordings on which early stop and the choice of the best weights look; 0 turns both off."""
    evals_per_epoch: Annotated[int, Field(ge=1)] = 2
    early_stopping_patience: Annotated[int | None, Field(ge=1)] = 3
    """Evaluations without a better loss after which training stops; None: never."""
    checkpoint_seconds: Annotated[float, Field(ge=0)] = 60
    """Least time between checkpoints; what an interruption can cost."""
    devices: Annotated[int | None, Field(ge=0)] = None
    """Processes that train together; None: one for each GPU. 0: prepare, then say the command to launch by hand."""

    @property
    def peak_learning_rate(self) -> float:
        if self.learning_rate is not None:
            return self.learning_rate
        return 2e-5 if self.method == "full" else 2e-4

    def files(self) -> dict[str, str]:
        source = self.replay.source
        local = self.replay.share > 0 and source not in ("self", PRACTICE, "off") and not source.startswith("hf:")
        return {"replay.source": str(Path(source).expanduser())} if local else {}
