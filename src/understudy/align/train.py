"""Direct preference optimisation with TRL's DPOTrainer on a LoRA adapter, from its last checkpoint to its end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import torch
from datasets import Dataset, disable_progress_bars
from transformers import PrinterCallback
from trl import DPOConfig, DPOTrainer

from understudy.align.config import AlignConfig
from understudy.align.data import Preference
from understudy.align.watch import PreferenceWatch
from understudy.errors import ModelError
from understudy.models.lora import is_large, learning_rate_factor, micro_batch
from understudy.training.checkpoints import Checkpoints, load_weights, save_weights, trainable
from understudy.training.watch import Course, Progress

disable_progress_bars()  # the stage shows one of its own

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
    optimizer = torch.optim.AdamW(parameters.values(), lr=config.learning_rate, weight_decay=0.0, fused=True)
    checkpoints = Checkpoints(work / "checkpoints", config.checkpoint_seconds)
    state = checkpoints.state()
    done = int(state["step"])
    if not done:
        save_weights(parameters, work / _BEST)
    course = Course(
        "align", seed, steps, config.learning_rate, work / _LOG, checkpoints, state, parameters, optimizer, progress
    )
    watch = PreferenceWatch(course, config, best=work / _BEST)
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
