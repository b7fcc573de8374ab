"""How a fine-tuning is followed: held-out paraphrases, the best weights, early stopping."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

from understudy.sft.hold import METRIC
from understudy.sft.job import BEST, Job
from understudy.training.checkpoints import save_weights
from understudy.training.watch import Course, Watch, cut_log


class TeachingWatch(Watch):
    """Follows one fine-tuning. lengths: tokens of the rows in their order. evaluates: whether rows are held out."""

    def __init__(self, course: Course, job: Job, lengths: Sequence[int], *, evaluates: bool) -> None:
        super().__init__(course)
        state = course.state
        self._job = job
        self._evaluations = job.evaluations if evaluates else set()
        self._tokens = [0, *itertools.accumulate(lengths)]
        self._first_dev: float | None = state.get("first_dev")
        self._dev: float | None = state.get("dev")
        self._best: float | None = state.get("best")
        self._best_step: int | None = state.get("best_step")
        self._without_gain = int(state.get("without_gain", 0))
        self._began = time.monotonic()
        if int(os.environ.get("RANK", 0)) == 0:
            cut_log(course.log, self.done)

    def evaluates_at(self, step: int) -> bool:
        return step in self._evaluations

    def describe(self, step: int, logs: Mapping[str, Any]) -> dict[str, Any]:
        loss, kl = logs.get("loss"), logs.get(METRIC)
        return {
            "step": step,
            "epoch": round(self._job.config.all_epochs * step / self._job.steps, 4),
            "tokens": self._tokens_after(step),
            "loss": None if loss is None else round(float(loss), 6),
            METRIC: None if kl is None else round(kl, 6),
            "dev_loss": None,
            "lr": float(logs["learning_rate"]),
        }

    def judge(self, step: int, metrics: Mapping[str, Any], state: Any, control: Any) -> None:
        """Keep the best weights; stop after `early_stopping_patience` evaluations without a better loss."""
        self._dev = float(metrics["eval_loss"])
        if step == 0:
            self._first_dev = self._dev
            self.line = self.describe(0, {"learning_rate": 0.0})
        elif self._best is None or self._dev < self._best:
            self._best, self._best_step, self._without_gain = self._dev, step, 0
            if state.is_world_process_zero:
                save_weights(self.course.parameters, self._job.folder / BEST)
        else:
            self._without_gain += 1
            patience = self._job.config.early_stopping_patience
            if patience is not None and self._without_gain >= patience:
                self.stopped = control.should_training_stop = True
        self.line["dev_loss"] = round(self._dev, 6)
        self.line["dev_token_acc"] = round(float(metrics["eval_mean_token_accuracy"]), 6)

    def words(self, step: int) -> str:
        parts = [] if self.loss is None else [f"loss {self.loss:.3f}"]
        if self._dev is not None:
            parts.append(f"held-out paraphrases {self._dev:.3f}")
        if step > self.done:
            left = (time.monotonic() - self._began) / (step - self.done) * (self._job.steps - step)
            parts.append(f"{left / 60:.0f} min left" if left >= 90 else f"{left:.0f} s left")
        return ", ".join(parts)

    def kept(self) -> dict[str, Any]:
        return {
            "first_dev": self._first_dev,
            "dev": self._dev,
            "best": self._best,
            "best_step": self._best_step,
            "without_gain": self._without_gain,
        }

    def summary(self) -> dict[str, Any]:
        """How the training went; None where nothing was measured."""
        last = self.line.get("step", self.done)
        return {
            "steps": last,
            "steps_planned": self._job.steps,
            "tokens": self._tokens_after(last),
            "loss": self.loss,
            "dev_loss_before": self._first_dev,
            "dev_loss": self._best,
            "best_step": self._best_step,
            "stopped_early": self.stopped,
        }

    def _tokens_after(self, step: int) -> int:
        return self._tokens[min(len(self._tokens) - 1, step * self._job.config.batch_size)]
