"""What happens between the steps of every training: seeds, a finite loss, the log, checkpoints, progress."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback

from understudy.artifact import write_text
from understudy.errors import StageError
from understudy.memory import give_back
from understudy.models.lora import step_seed
from understudy.training.checkpoints import Checkpoints

_GIVEN_BACK = 30.0  # seconds between two times that freed memory is given back to the system

Progress = Callable[[str, float, float | None], None]


@dataclass(frozen=True, slots=True)
class Course:
    """One training as it is followed. Steps are counted over all of it, also after a resume.

    stage: whose training, for messages. steps: weight updates in all. log: a line a step, as JSON.
    state: what the last checkpoint said, or `{"step": 0}`. parameters: those that are trained, by name.
    """

    stage: str
    seed: int
    steps: int
    learning_rate: float
    log: Path
    checkpoints: Checkpoints
    state: Mapping[str, Any]
    parameters: Mapping[str, torch.nn.Parameter]
    optimizer: torch.optim.Optimizer
    progress: Progress


class Watch(TrainerCallback):
    """Follows a training. A room says when it evaluates, what an evaluation means and what a line of the log holds."""

    def __init__(self, course: Course) -> None:
        self.course = course
        self.done = int(course.state["step"])
        self.loss: float | None = course.state.get("loss")
        self.stopped = bool(course.state.get("stopped", False))
        self.line: dict[str, Any] = {}
        self._given_back = time.monotonic()

    # ── what a room fills in ────────────────────────────────────────────────────────────────────────────

    def evaluates_at(self, step: int) -> bool:
        """Whether the held-out part is looked at after this step."""
        raise NotImplementedError

    def describe(self, step: int, logs: Mapping[str, Any]) -> dict[str, Any]:
        """The log's line of a step, from what the trainer says of it."""
        raise NotImplementedError

    def judge(self, step: int, metrics: Mapping[str, Any], state: Any, control: Any) -> None:
        """What an evaluation means: keep these weights as the best, stop, or go on. Fills `line`."""
        raise NotImplementedError

    def words(self, step: int) -> str:
        """How it goes, in a few words."""
        raise NotImplementedError

    def kept(self) -> dict[str, Any]:
        """What a checkpoint has to say besides loss and step."""
        raise NotImplementedError

    # ── the trainer's events ────────────────────────────────────────────────────────────────────────────

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        torch.manual_seed(step_seed(self.course.seed, self.done + state.global_step, args.process_index))

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        control.should_evaluate = self.evaluates_at(self.done + state.global_step)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        if not logs or "loss" not in logs:
            return
        step = self.done + state.global_step
        self.loss = float(logs["loss"])
        if not math.isfinite(self.loss):
            stage = self.course.stage
            raise StageError(
                f"{stage}: the loss is {self.loss} at step {step}; lower {stage}.learning_rate "
                f"(it is {self.course.learning_rate:g}) and run again"
            )
        self.line = self.describe(step, logs)
        if not control.should_evaluate:
            self._finish_step(step, state)

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: dict[str, Any] | None = None, **_: Any) -> None:
        step = self.done + state.global_step
        self.judge(step, metrics or {}, state, control)
        self._finish_step(step, state)

    def _finish_step(self, step: int, state: Any) -> None:
        """The step's line is complete: write it, and a checkpoint where one is due."""
        course = self.course
        if state.is_world_process_zero:
            with open(course.log, "a", encoding="utf-8") as file:
                file.write(json.dumps(self.line) + "\n")
            if step and (course.checkpoints.due() or self.stopped or step == course.steps):
                said = {**self.kept(), "loss": self.loss, "stopped": self.stopped}
                course.checkpoints.save(step, said, course.parameters, course.optimizer)
        if time.monotonic() - self._given_back > _GIVEN_BACK:
            give_back()
            self._given_back = time.monotonic()
        course.progress(self.words(step), step, course.steps)


def cut_log(log: Path, step: int) -> None:
    """Leave out of a log what was written after the checkpoint that training goes on from."""
    lines = log.read_text(encoding="utf-8").splitlines() if step and log.is_file() else []
    kept: list[str] = []
    for line in lines:
        try:
            if json.loads(line)["step"] <= step:
                kept.append(line)
        except (ValueError, KeyError):
            continue  # the line that was being written when the process was killed
    write_text(log, "".join(f"{line}\n" for line in kept))
