"""Train a prepared job with TRL's SFTTrainer, from its last checkpoint to its end.

    accelerate launch -m understudy.sft.train FOLDER

trains it on several devices; `understudy run` does the same in one process, or launches this for each GPU.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import PrinterCallback
from trl import SFTConfig as TrlConfig

from understudy.artifact import write_json
from understudy.errors import ModelError
from understudy.models import gguf
from understudy.models.head import LARGE_VOCABULARY, vocabulary
from understudy.models.load import load_tokenizer, multiplies_bfloat16
from understudy.models.lora import is_large, learning_rate_factor, micro_batch
from understudy.models.ref import ModelRef
from understudy.models.resolve import local_folder
from understudy.models.save import save_adapter, save_model, stored_dtype
from understudy.sft.batches import columns, load_rows
from understudy.sft.bounded import BoundedTrainer
from understudy.sft.hold import HoldingTrainer
from understudy.sft.job import BEST, CHECKPOINTS, DEV, FINAL, LOG, RESULT, TRAIN, Job
from understudy.sft.parameters import before_training, checkpointing, prepare
from understudy.sft.watch import TeachingWatch
from understudy.training.checkpoints import Checkpoints, load_weights, trainable
from understudy.training.watch import Course, Progress

_EVALUATED = 8  # held-out rows of a pass where memory is bounded


def train(job: Job, progress: Progress) -> dict[str, Any]:
    """Train to the end and write `trained/` and `result.json`. Returns the result; a finished job returns at once.

    Raises ModelError where memory does not suffice, StageError where the loss is not a number.
    """
    result = job.folder / RESULT
    if result.is_file():
        finished: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
        return finished
    rows, dev = load_rows(job.folder / TRAIN), load_rows(job.folder / DEV)
    tokenizer = load_tokenizer(local_folder(job.model))
    model = prepare(job)
    parameters = trainable(model)
    optimizer = torch.optim.AdamW(
        parameters.values(), lr=job.learning_rate, weight_decay=job.config.weight_decay, fused=True
    )
    checkpoints = Checkpoints(job.folder / CHECKPOINTS, job.config.checkpoint_seconds)
    state = checkpoints.state()
    checkpoints.restore(parameters, optimizer)
    done = int(state["step"])
    lengths = [len(r.ids) for r in rows]
    course = Course(
        "sft", job.seed, job.steps, job.learning_rate, job.folder / LOG,
        checkpoints, state, parameters, optimizer, progress,
    )  # fmt: skip
    watch = TeachingWatch(course, job, lengths, evaluates=bool(dev))
    kind: type[HoldingTrainer] = HoldingTrainer
    if _bounded(job, model):
        kind = BoundedTrainer
    trainer = kind(
        model=model,
        reference=before_training(job, model),
        contrast=job.config.contrast,
        args=_arguments(job, model, steps=max(1, job.steps - done), measure_first=done == 0 and bool(dev)),
        train_dataset=Dataset.from_dict(columns(rows[done * job.config.batch_size :] or rows[-1:])),
        eval_dataset=Dataset.from_dict(columns(dev)) if dev else None,
        processing_class=tokenizer,
        optimizers=(optimizer, _schedule(job, optimizer, done)),
        callbacks=[watch],
    )
    trainer.remove_callback(PrinterCallback)
    began = time.perf_counter()
    try:
        if done < job.steps and not state.get("stopped"):
            trainer.train()
    except torch.cuda.OutOfMemoryError as error:
        raise ModelError(
            "sft: the GPU's memory does not suffice; set sft.per_device_train_batch_size: 1, then a smaller "
            "sft.max_length, then sft.method: qlora"
        ) from error
    optimizer.zero_grad(set_to_none=True)
    optimizer.state.clear()  # of a whole model three times its weights, while it is written
    if trainer.is_world_process_zero():
        _finish(job, model, tokenizer, parameters, watch, time.perf_counter() - began)
    trainer.accelerator.wait_for_everyone()
    return dict(json.loads(result.read_text(encoding="utf-8")))


def _arguments(job: Job, model: Any, steps: int, *, measure_first: bool) -> TrlConfig:
    config = job.config
    device = next(model.parameters()).device
    world = int(os.environ.get("WORLD_SIZE", 1))
    allowed = config.per_device_train_batch_size
    bounded = _bounded(job, model)
    micro = config.batch_size if bounded else micro_batch(config.batch_size, allowed, world, large=is_large(model))
    gpu = device.type == "cuda"
    return TrlConfig(
        output_dir=str(job.folder / "trainer"),
        max_steps=steps,
        per_device_train_batch_size=micro,
        per_device_eval_batch_size=min(micro, _EVALUATED) if bounded else micro,
        gradient_accumulation_steps=config.batch_size // (micro * world),
        max_grad_norm=config.max_grad_norm,
        gradient_checkpointing=checkpointing(config, model),
        train_sampling_strategy="sequential",  # the rows are in their order already
        dataset_kwargs={"skip_prepare_dataset": True},  # and are tokens already
        max_length=None,
        packing=False,
        bf16=multiplies_bfloat16(device) if config.bf16 is None else config.bf16,
        fp16=False,
        use_cpu=not gpu,
        dataloader_pin_memory=gpu,
        logging_strategy="steps",
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_strategy="no",
        eval_strategy="no",  # Watch asks for it
        # Not by `evaluate` before `train`: a model that has been evaluated is not made to average its gradients
        # over the processes any more, and each would silently train its own.
        eval_on_start=measure_first,
        prediction_loss_only=True,
        report_to="none",
        disable_tqdm=True,
        log_level="error",
        seed=job.seed,
    )


def _bounded(job: Job, model: Any) -> bool:
    """Whether passes are chosen by their tokens and vocabulary: on one processor, for a model of a large vocabulary.

    A smaller vocabulary costs little, and several processes must make the same number of passes.
    """
    one = int(os.environ.get("WORLD_SIZE", 1)) == 1 and next(model.parameters()).device.type == "cpu"
    return one and job.config.per_device_train_batch_size is None and vocabulary(model) >= LARGE_VOCABULARY


def _schedule(job: Job, optimizer: torch.optim.Optimizer, done: int) -> Any:
    config = job.config
    kind, warmup = config.lr_scheduler_type, config.warmup_ratio
    return torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda k: learning_rate_factor(kind, warmup, done + k, job.steps)
    )


def _finish(
    job: Job, model: Any, tokenizer: Any, parameters: dict[str, Any], watch: TeachingWatch, seconds: float
) -> None:
    """Save the best weights and say how it went."""
    best = job.folder / BEST
    if best.is_file():
        load_weights(parameters, best)
    target = job.folder / FINAL
    if job.config.method == "full":
        save_model(model, tokenizer, target / "model", dtype=stored_dtype(local_folder(job.model)))
    else:
        save_adapter(model, target / "adapter", base=_public_name(job.model))
    shutil.rmtree(job.folder / "trainer", ignore_errors=True)
    write_json(job.folder / RESULT, {**watch.summary(), "train_seconds": round(seconds, 1)})


def _public_name(ref: str) -> str | None:
    """What an adapter may say of its base: a name that means the same on every machine, so no folder."""
    parsed = ModelRef.parse(ref)
    if parsed.scheme == "gguf":
        return ref if gguf.in_package(parsed.name) else None
    return parsed.name if parsed.scheme == "hf" else ref if parsed.scheme == "lab" else None


def main(arguments: list[str]) -> None:
    """Entry point of a process started by a launcher."""
    if len(arguments) != 1 or not (Path(arguments[0]) / "job.json").is_file():
        raise SystemExit("usage: accelerate launch -m understudy.sft.train FOLDER   (a prepared job's folder)")
    train(Job.load(Path(arguments[0])), lambda what, done, total: None)


if __name__ == "__main__":
    main(sys.argv[1:])
