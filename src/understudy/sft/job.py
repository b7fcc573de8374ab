"""What a training needs to know, as files in one folder: any number of processes can read it and train together."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from understudy.artifact import write_json
from understudy.sft.config import SftConfig

TRAIN, DEV, LOG, RESULT = "train.safetensors", "dev.safetensors", "log.jsonl", "result.json"
CHECKPOINTS, BEST, FINAL = "checkpoints", "best.safetensors", "trained"


@dataclass(frozen=True, slots=True)
class Job:
    """A training ready to start. folder: where its rows lie and its results will. rows: how many there are.

    start: the artifact whose adapter or model it goes on from; None where it starts from the base model.
    """

    folder: Path
    config: SftConfig
    model: str
    seed: int
    device: str
    rows: int
    start: str | None = None

    @property
    def steps(self) -> int:
        """Weight updates in all."""
        return -(-self.rows // self.config.batch_size)

    @property
    def learning_rate(self) -> float:
        """The highest of the training."""
        return self.config.update_learning_rate if self.start else self.config.peak_learning_rate

    @property
    def evaluations(self) -> set[int]:
        """The steps after which the held-out wordings are measured; the last is one of them, and the only one of a
        training that goes on from another: to stop it early would leave it where the learning rate is high, and the
        next one would go on from there."""
        parts = 1 if self.start else self.config.all_epochs * self.config.evals_per_epoch
        return {max(1, round(self.steps * (i + 1) / parts)) for i in range(parts)}

    def save(self) -> None:
        """Write `job.json`, the last of the job's files: where it is, the job can start."""
        values = {**asdict(self), "folder": None, "config": self.config.model_dump(mode="json")}
        write_json(self.folder / "job.json", values)

    @classmethod
    def load(cls, folder: Path) -> Job:
        values = json.loads((folder / "job.json").read_text(encoding="utf-8"))
        return cls(**{**values, "folder": folder, "config": SftConfig.model_validate(values["config"])})
