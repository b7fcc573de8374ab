"""Settings of preference training (DPO), in the words of TRL and PEFT."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from understudy.config import StageConfig


class AlignConfig(StageConfig):
    """Direct preference optimisation (Rafailov et al., arXiv 2305.18290) on a .jsonl file or a hub data set."""

    NAME: ClassVar[str] = "align"
    NOT_IN_KEY: ClassVar[frozenset[str]] = frozenset({"checkpoint_seconds"})

    dataset: str = Field(
        description="a .jsonl file or hf:org/name; rows with `prompt`, `chosen`, `rejected` (text, or lists of "
        "messages), or with `system`, `question`, `chosen`, `rejected` as Orca pairs have"
    )
    split: str = Field(default="train", description="the split of a hub data set")
    method: Literal["dpo"] = Field(default="dpo", description="the loss")
    beta: float = Field(default=0.1, gt=0, description="how strongly the model is held to the one before alignment")
    learning_rate: float = Field(default=5e-5, gt=0, description="the peak learning rate")
    lr_scheduler_type: Literal["cosine", "linear", "constant"] = Field(
        default="cosine", description="how the learning rate goes on after warming up"
    )
    warmup_ratio: float = Field(
        default=0.1, ge=0, lt=1, description="share of the steps in which the learning rate rises"
    )
    epochs: int = Field(default=1, ge=1, description="passes over the pairs")
    batch_size: int = Field(default=16, ge=1, description="pairs a weight update, over all accumulation steps together")
    per_device_train_batch_size: int | None = Field(
        default=None,
        ge=1,
        description="pairs a forward pass; null: all of batch_size on a small model, fewer on a large one",
    )
    max_length: int = Field(
        default=1024, ge=16, description="tokens of prompt and answer together; longer pairs are left out and counted"
    )
    max_pairs: int | None = Field(default=None, ge=2, description="use at most this many pairs; null: all")
    length_ratio: tuple[float, float] | None = Field(
        default=(0.7, 1.3),
        description="kept are pairs whose chosen answer is between these multiples of the rejected one's length; "
        "null: all",
    )
    r: int = Field(default=32, ge=1, description="the rank of the LoRA adapter")
    lora_alpha: float = Field(default=32, gt=0, description="the adapter counts lora_alpha / r times")
    lora_dropout: float = Field(default=0.05, ge=0, lt=1, description="dropout before the adapter")
    stop_when_chosen_falls: float | None = Field(
        default=0.1,
        gt=0,
        description="stop when the chosen answers' mean log-probability has fallen by this share of its size; "
        "null: never",
    )
    probe_prompts: int = Field(
        default=16, ge=0, description="prompts answered before and after, to report how answers grew or shrank"
    )
    checkpoint_seconds: float = Field(
        default=120, ge=0, description="least time between checkpoints; what an interruption can cost"
    )

    @model_validator(mode="after")
    def _ratio(self) -> AlignConfig:
        if self.length_ratio is not None and not 0 <= self.length_ratio[0] < self.length_ratio[1]:
            raise ValueError("length_ratio: write it as [least, most] with least below most, for example [0.7, 1.3]")
        return self

    def files(self) -> dict[str, str]:
        return {} if self.dataset.startswith("hf:") else {"dataset": str(Path(self.dataset).expanduser())}
