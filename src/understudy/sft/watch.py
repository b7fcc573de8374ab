"""What happens between the steps of a training: seeds, log, evaluation, early stop, checkpoints, progress."""

from __future__ import annotations

import itertools
import json
import math
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback

from understudy.artifact import write_text
from understudy.errors import StageError
from understudy.models.lora import step_seed
from understudy.sft.hold import METRIC
from understudy.sft.job import BEST, LOG, Job
from understudy.training.checkpoints import Checkpoints, save_weights


class Watch(TrainerCallback):
    """Follows one training. Steps are counted over the whole job, also after a resume.

    state: what the last checkpoint said, or `{"step": 0}`; its keys are the attributes saved in `_state`.
    """

    def __init__(
        self,
        job: Job,
        lengths: Sequence[int],
        evaluates: bool,
        parameters: dict[str, torch.nn.Parameter],
        optimizer: torch.optim.Optimizer,
        checkpoints: Checkpoints,
        state: dict[str, Any],
        progress: Callable[[str, float, float | None], None],
    ) -> None:
        self._job = job
        self._evaluations = job.evaluations if evaluates else set()
        self._parameters = parameters
        self._optimizer = optimizer
        self._checkpoints = checkpoints
        self._progress = progress
        self._done = int(state["step"])
        self._tokens = [0, *itertools.accumulate(lengths)]
        self._first_dev: float | None = state.get("first_dev")
        self._dev: float | None = state.get("dev")
        self._best: float | None = state.get("best")
        self._best_step: int | None = state.get("best_step")
        self._without_gain = int(state.get("without_gain", 0))
        self._stopped = bool(state.get("stopped", False))
        self._loss: float | None = state.get("loss")
        self._line: dict[str, Any] = {}
        self._log = job.folder / LOG
        self._began = time.monotonic()
        if int(os.environ.get("RANK", 0)) == 0:
            _cut(self._log, self._done)

    # ── the trainer's events ────────────────────────────────────────────────────────────────────────────

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        torch.manual_seed(step_seed(self._job.seed, self._done + state.global_step, args.process_index))

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        step = self._done + state.global_step
        control.should_evaluate = step in self._evaluations

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        if not logs or "loss" not in logs:
            return
        step = self._done + state.global_step
        self._loss = float(logs["loss"])
        if not math.isfinite(self._loss):
            raise StageError(
                f"sft: the loss is {self._loss} at step {step}; lower sft.learning_rate "
                f"(it is {self._job.config.peak_learning_rate:g}) and run again"
            )
        self._line = self._describe(step, self._loss, float(logs["learning_rate"]), logs.get(METRIC))
        if not control.should_evaluate:
            self._step_finished(step, state)

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: dict[str, Any] | None = None, **_: Any) -> None:
        step = self._done + state.global_step
        self._dev = float((metrics or {})["eval_loss"])
        if step == 0:
            self._first_dev = self._dev
            self._line = self._describe(0, None, 0.0)
        else:
            self._judge(step, state, control)
        self._line["dev_loss"] = round(self._dev, 6)
        self._line["dev_token_acc"] = round(float((metrics or {})["eval_mean_token_accuracy"]), 6)
        self._step_finished(step, state)

    # ── what they mean ──────────────────────────────────────────────────────────────────────────────────

    def _judge(self, step: int, state: Any, control: Any) -> None:
        """Keep the best weights; stop after `early_stopping_patience` evaluations without a better loss."""
        assert self._dev is not None
        if self._best is None or self._dev < self._best:
            self._best, self._best_step, self._without_gain = self._dev, step, 0
            if state.is_world_process_zero:
                save_weights(self._parameters, self._job.folder / BEST)
            return
        self._without_gain += 1
        patience = self._job.config.early_stopping_patience
        if patience is not None and self._without_gain >= patience:
            self._stopped = control.should_training_stop = True

    def _step_finished(self, step: int, state: Any) -> None:
        """The step's line is complete: write it, and a checkpoint where one is due."""
        if state.is_world_process_zero:
            with open(self._log, "a", encoding="utf-8") as file:
                file.write(json.dumps(self._line) + "\n")
            if step and (self._checkpoints.due() or self._stopped or step == self._job.steps):
                self._checkpoints.save(step, self._state(), self._parameters, self._optimizer)
        self._progress(self._words(step), step, self._job.steps)

    def _describe(self, step: int, loss: float | None, rate: float, kl: float | None = None) -> dict[str, Any]:
        rows = min(len(self._tokens) - 1, step * self._job.config.batch_size)
        return {
            "step": step,
            "epoch": round(self._job.config.epochs * step / self._job.steps, 4),
            "tokens": self._tokens[rows],
            "loss": None if loss is None else round(loss, 6),
            METRIC: None if kl is None else round(kl, 6),
            "dev_loss": None,
            "lr": rate,
        }

    def _words(self, step: int) -> str:
        parts = [] if self._loss is None else [f"loss {self._loss:.3f}"]
        if self._dev is not None:
            parts.append(f"held-out wordings {self._dev:.3f}")
        if step > self._done:
            left = (time.monotonic() - self._began) / (step - self._done) * (self._job.steps - step)
            parts.append(f"{left / 60:.0f} min left" if left >= 90 else f"{left:.0f} s left")
        return ", ".join(parts)

    def _state(self) -> dict[str, Any]:
        return {
            "first_dev": self._first_dev,
            "dev": self._dev,
            "best": self._best,
            "best_step": self._best_step,
            "without_gain": self._without_gain,
            "stopped": self._stopped,
            "loss": self._loss,
        }

    def summary(self) -> dict[str, Any]:
        """How the training went; None where nothing was measured."""
        last = self._line.get("step", self._done)
        rows = min(len(self._tokens) - 1, last * self._job.config.batch_size)
        return {
            "steps": last,
            "steps_planned": self._job.steps,
            "tokens": self._tokens[rows],
            "loss": self._loss,
            "dev_loss_before": self._first_dev,
            "dev_loss": self._best,
            "best_step": self._best_step,
            "stopped_early": self._stopped,
        }


def _cut(log: Path, step: int) -> None:
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
