"""How a preference training is followed: the margin on held-out pairs, and the rule for stopping."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from understudy.align.config import AlignConfig
from understudy.training.checkpoints import save_weights
from understudy.training.watch import Course, Watch, cut_log

_EVALUATIONS = 10
_FIGURES = ("first_chosen", "chosen", "best_margin", "margin", "accuracy", "best_step")


class PreferenceWatch(Watch):
    """Follows one DPO. best: the file of the weights with the largest margin before the chosen answers fell."""

    def __init__(self, course: Course, config: AlignConfig, *, best: Path) -> None:
        super().__init__(course)
        self._config = config
        self._best = best
        self._figures: dict[str, Any] = {name: course.state.get(name) for name in _FIGURES}
        self._at = {max(1, round(course.steps * (i + 1) / _EVALUATIONS)) for i in range(_EVALUATIONS)}
        cut_log(course.log, self.done)

    def evaluates_at(self, step: int) -> bool:
        return step in self._at

    def describe(self, step: int, logs: Mapping[str, Any]) -> dict[str, Any]:
        return {"step": step, "loss": round(float(logs["loss"]), 6), "lr": logs["learning_rate"]}

    def judge(self, step: int, metrics: Mapping[str, Any], state: Any, control: Any) -> None:
        """Keep the weights with the best margin; stop where the chosen answers have become less likely."""
        figures = self._figures
        figures["chosen"] = float(metrics["eval_logps/chosen"])
        figures["margin"] = float(metrics["eval_rewards/margins"])
        figures["accuracy"] = float(metrics["eval_rewards/accuracies"])
        if step == 0:
            figures["first_chosen"], self.line = figures["chosen"], {"step": 0}
        elif self._fallen():
            self.stopped = control.should_training_stop = True
        elif figures["best_margin"] is None or figures["margin"] > figures["best_margin"]:
            figures["best_margin"], figures["best_step"] = figures["margin"], step
            save_weights(self.course.parameters, self._best)
        self.line |= {name: round(figures[name], 6) for name in ("chosen", "margin", "accuracy")}

    def words(self, step: int) -> str:
        shown = "" if self.loss is None else f"loss {self.loss:.3f}, "
        return f"{shown}held-out pairs ranked right {self._figures['accuracy'] or 0:.0%}"

    def kept(self) -> dict[str, Any]:
        return dict(self._figures)

    def _fallen(self) -> bool:
        limit = self._config.stop_when_chosen_falls
        first = self._figures["first_chosen"]
        return limit is not None and self._figures["chosen"] < first - limit * abs(first)

    def summary(self) -> dict[str, Any]:
        """How it went on the held-out pairs. `chosen` is the mean log-probability (nats) of the chosen answers."""
        figures = self._figures
        return {
            "steps": self.line.get("step", self.done),
            "steps_planned": self.course.steps,
            "best_step": figures["best_step"],
            "loss": self.loss,
            "chosen_logp_before": figures["first_chosen"],
            "chosen_logp_last": figures["chosen"],
            "margin": figures["best_margin"],
            "accuracy_last": figures["accuracy"],
            "stopped_because_chosen_fell": self.stopped,
        }
