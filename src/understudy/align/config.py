"""Settings of preference training (DPO), in the words of TRL and PEFT."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from understudy.config import StageConfig


class AlignConfig(StageConfig):
    """Direct preference optimisation (Rafailov et al., arXiv 2305.18290) on a .jsonl file or a hub data set.

    dataset: rows with `prompt`, `chosen`, `rejected` (text, or lists of messages), or with `system`, `question`,
    `chosen`, `rejected` as Orca pairs have.
    """

    NAME: ClassVar[str] = "align"
    NOT_IN_KEY: ClassVar[frozenset[str]] = frozenset({"checkpoint_seconds"})

    dataset: str
    split: str = "train"
    method: Literal["dpo"] = "dpo"
    beta: Annotated[float, Field(gt=0)] = 0.1
    learning_rate: Annotated[float, Field(gt=0)] = 5e-5
    lr_scheduler_type: Literal["cosine", "linear", "constant"] = "cosine"
    warmup_ratio: Annotated[float, Field(ge=0, lt=1)] = 0.1
    epochs: Annotated[int, Field(ge=1)] = 1
    batch_size: Annotated[int, Field(ge=1)] = 16
    per_device_train_batch_size: Annotated[int | None, Field(ge=1)] = None
    max_length: Annotated[int, Field(ge=16)] = 1024
    """Tokens of prompt and answer together; longer pairs are left out and counted."""
    max_pairs: Annotated[int | None, Field(ge=2)] = None
    length_ratio: tuple[float, float] | None = (0.7, 1.3)
    """Kept are pairs whose chosen answer is between these multiples of the rejected one's length; null: all."""
    r: Annotated[int, Field(ge=1)] = 32
    lora_alpha: Annotated[float, Field(gt=0)] = 32
    lora_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.05
    stop_when_chosen_falls: Annotated[float | None, Field(gt=0)] = 0.1
    """Stop when the chosen answers' mean log-probability has fallen by this share of its size; null: never."""
    probe_prompts: Annotated[int, Field(ge=0)] = 16
    """Prompts answered before and after, to report how answers grew or shrank."""
    checkpoint_seconds: Annotated[float, Field(ge=0)] = 120

    @model_validator(mode="after")
    def _ratio(self) -> AlignConfig:
        if self.length_ratio is not None and not 0 <= self.length_ratio[0] < self.length_ratio[1]:
            raise ValueError("length_ratio: write it as [least, most] with least below most, for example [0.7, 1.3]")
        return self

    def files(self) -> dict[str, str]:
        return {} if self.dataset.startswith("hf:") else {"dataset": str(Path(self.dataset).expanduser())}
