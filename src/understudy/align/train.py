"""Direct preference optimisation with TRL's DPOTrainer on a LoRA adapter, from its last checkpoint to its end."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import torch
from datasets import Dataset, disable_progress_bars
from transformers import PrinterCallback, TrainerCallback
from trl import DPOConfig, DPOTrainer

from understudy.align.config import AlignConfig
from understudy.align.data import Preference
from understudy.errors import ModelError, StageError
from understudy.models.lora import is_large, learning_rate_factor, micro_batch, step_seed
from understudy.training.checkpoints import Checkpoints, load_weights, save_weights, trainable

disable_progress_bars()  # the stage shows one of its own

Progress = Callable[[str, float, float | None], None]
_EVALUATIONS = 10
_BEST, _LOG = "best.safetensors", "log.jsonl"


def train(
    model: Any,
    tokenizer: Any,
    pairs: Sequence[Preference],
    held_out: Sequence[Preference],
    config: AlignConfig,
    *,
    seed: int,
    work: Path,
    progress: Progress,
) -> dict[str, Any]:
    """Train the adapter on `model` in place and leave it with its best weights. Returns metrics.

    Best are the weights with the largest reward margin on `held_out` before the chosen answers' log-probability
    fell by more than `stop_when_chosen_falls`; where it fell from the start, the adapter stays as it began.
    """
    work.mkdir(parents=True, exist_ok=True)
    rows = [p for epoch in range(config.epochs) for p in Random(f"{seed}|{epoch}").sample(pairs, len(pairs))]
    steps = -(-len(rows) // config.batch_size)
    parameters = trainable(model)
    optimizer = torch.optim.AdamW(parameters.values(), lr=config.learning_rate, weight_decay=0.0)
    checkpoints = Checkpoints(work / "checkpoints", config.checkpoint_seconds)
    state = checkpoints.state()
    done = int(state["step"])
    if not done:
        save_weights(parameters, work / _BEST)
    watch = _Watch(config, seed, steps, parameters, optimizer, checkpoints, state, work, progress)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda k: learning_rate_factor(config.lr_scheduler_type, config.warmup_ratio, done + k, steps)
    )
    trainer = DPOTrainer(
        model=model,
        args=_arguments(config, model, max(1, steps - done), seed, work),
        train_dataset=Dataset.from_list([p.as_row() for p in rows[done * config.batch_size :] or rows[-1:]]),
        eval_dataset=Dataset.from_list([p.as_row() for p in held_out]),
        processing_class=tokenizer,
        optimizers=(optimizer, schedule),
        callbacks=[watch],
    )
    trainer.remove_callback(PrinterCallback)
    # Only now: the trainer copies the adapter as it is given to it, and that copy is the reference.
    checkpoints.restore(parameters, optimizer)
    began = time.perf_counter()
    try:
        if not done:
            trainer.evaluate()
        if done < steps and not state.get("stopped"):
            trainer.train()
    except torch.cuda.OutOfMemoryError as error:
        raise ModelError(
            "align: the GPU's memory does not suffice; set align.per_device_train_batch_size: 1, then a smaller "
            "align.max_length"
        ) from error
    load_weights(parameters, work / _BEST)
    return {**watch.summary(), "train_seconds": round(time.perf_counter() - began, 1)}


def _arguments(config: AlignConfig, model: Any, steps: int, seed: int, work: Path) -> DPOConfig:
    gpu = next(model.parameters()).device.type == "cuda"
    micro = micro_batch(config.batch_size, config.per_device_train_batch_size, 1, large=is_large(model))
    return DPOConfig(
        output_dir=str(work / "trainer"),
        max_steps=steps,
        beta=config.beta,
        max_length=config.max_length,
        per_device_train_batch_size=micro,
        per_device_eval_batch_size=micro,
        gradient_accumulation_steps=config.batch_size // micro,
        gradient_checkpointing=gpu and is_large(model),
        train_sampling_strategy="sequential",
        bf16=gpu and torch.cuda.is_bf16_supported(),
        fp16=False,
        use_cpu=not gpu,
        dataloader_pin_memory=gpu,
        logging_strategy="steps",
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_strategy="no",
        eval_strategy="no",
        report_to="none",
        disable_tqdm=True,
        log_level="error",
        seed=seed,
    )


class _Watch(TrainerCallback):
    """Seeds, log, evaluation, the rule for stopping, and checkpoints. Steps are counted over the whole training."""

    def __init__(
        self,
        config: AlignConfig,
        seed: int,
        steps: int,
        parameters: dict[str, torch.nn.Parameter],
        optimizer: torch.optim.Optimizer,
        checkpoints: Checkpoints,
        state: dict[str, Any],
        work: Path,
        progress: Progress,
    ) -> None:
        self._config, self._seed, self._steps = config, seed, steps
        self._parameters, self._optimizer, self._checkpoints = parameters, optimizer, checkpoints
        self._work, self._progress = work, progress
        self._done = int(state["step"])
        self._held: dict[str, Any] = {
            name: state.get(name)
            for name in ("first_chosen", "chosen", "best_margin", "margin", "accuracy", "best_step", "loss")
        }
        self._stopped = bool(state.get("stopped", False))
        self._at = {max(1, round(steps * (i + 1) / _EVALUATIONS)) for i in range(_EVALUATIONS)}
        self._line: dict[str, Any] = {}
        log = work / _LOG
        lines = log.read_text(encoding="utf-8").splitlines() if self._done and log.is_file() else []
        kept = [line for line in lines if line.endswith("}") and json.loads(line)["step"] <= self._done]
        log.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        torch.manual_seed(step_seed(self._seed, self._done + state.global_step))

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        control.should_evaluate = self._done + state.global_step in self._at

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        if not logs or "loss" not in logs:
            return
        step, loss = self._done + state.global_step, float(logs["loss"])
        if not math.isfinite(loss):
            raise StageError(f"align: the loss is {loss} at step {step}; lower align.learning_rate and run again")
        self._held["loss"] = loss
        self._line = {"step": step, "loss": round(loss, 6), "lr": logs["learning_rate"]}
        if not control.should_evaluate:
            self._step_finished(step)

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: dict[str, Any] | None = None, **_: Any) -> None:
        step, found = self._done + state.global_step, metrics or {}
        held = self._held
        held["chosen"] = float(found["eval_logps/chosen"])
        held["margin"] = float(found["eval_rewards/margins"])
        held["accuracy"] = float(found["eval_rewards/accuracies"])
        if step == 0:
            held["first_chosen"], self._line = held["chosen"], {"step": 0}
        elif self._fallen():
            self._stopped = control.should_training_stop = True
        elif held["best_margin"] is None or held["margin"] > held["best_margin"]:
            held["best_margin"], held["best_step"] = held["margin"], step
            save_weights(self._parameters, self._work / _BEST)
        self._line |= {name: round(held[name], 6) for name in ("chosen", "margin", "accuracy")}
        self._step_finished(step)

    def _fallen(self) -> bool:
        limit = self._config.stop_when_chosen_falls
        first = self._held["first_chosen"]
        return limit is not None and self._held["chosen"] < first - limit * abs(first)

    def _step_finished(self, step: int) -> None:
        with open(self._work / _LOG, "a", encoding="utf-8") as file:
            file.write(json.dumps(self._line) + "\n")
        if step and (self._checkpoints.due() or self._stopped or step == self._steps):
            self._checkpoints.save(step, {**self._held, "stopped": self._stopped}, self._parameters, self._optimizer)
        shown = "" if self._held["loss"] is None else f"loss {self._held['loss']:.3f}, "
        self._progress(f"{shown}held-out pairs ranked right {self._held['accuracy'] or 0:.0%}", step, self._steps)

    def summary(self) -> dict[str, Any]:
        """How it went on the held-out pairs. `chosen` is the mean log-probability (nats) of the chosen answers."""
        held = self._held
        return {
            "steps": self._line.get("step", self._done),
            "steps_planned": self._steps,
            "best_step": held["best_step"],
            "loss": held["loss"],
            "chosen_logp_before": held["first_chosen"],
            "chosen_logp_last": held["chosen"],
            "margin": held["best_margin"],
            "accuracy_last": held["accuracy"],
            "stopped_because_chosen_fell": self._stopped,
        }
