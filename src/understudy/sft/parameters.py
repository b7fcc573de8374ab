"""What of the model is trained: a LoRA adapter, one on a 4-bit base, or everything."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
from peft import prepare_model_for_kbit_training

from understudy.models.adapter import attach
from understudy.models.load import load_model, pick_device, pick_dtype
from understudy.models.lora import is_large, with_lora
from understudy.models.resolve import local_folder
from understudy.models.weights import count_parameters
from understudy.sft.config import SftConfig
from understudy.sft.hold import without_adapter
from understudy.sft.job import Job


def prepare(job: Job) -> Any:
    """The model with the parameters of `sft.method` set to be trained, on the job's device: new ones, or those of the
    artifact that the job goes on from.

    Adapter weights are float32 whatever the base is stored in; `full` trains float32 weights, also where `sft.bf16`
    computes in bfloat16, since updates of bfloat16 weights are lost to rounding.
    """
    config, device, folder = job.config, pick_device(job.device), local_folder(job.model)
    torch.manual_seed(job.seed)
    if config.method == "full":
        whole = Path(job.start) / "model" if job.start else folder
        return load_model(whole, device=device, dtype=torch.float32).train()
    dtype = pick_dtype(device, count_parameters(folder)) if config.bf16 is not False else None
    model = load_model(folder, device=device, dtype=dtype, four_bit=config.method == "qlora")
    if config.method == "qlora":
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=checkpointing(config, model))
    if job.start:
        return attach(model, Path(job.start) / "adapter", trainable=True).train()
    return with_lora(model, config.r, config.lora_alpha, config.lora_dropout, config.target_modules, config.last_layers)


def before_training(job: Job, model: Any) -> Callable[[], AbstractContextManager[Any]]:
    """A context manager that gives the model as it was before training: a base without its adapter, or a copy.

    The copy of a wholly trained model is loaded when it is first needed, in the type that it computes in.
    """
    if job.config.method != "full":
        return lambda: without_adapter(model)
    device = next(model.parameters()).device
    loaded: list[Any] = []

    def copy() -> AbstractContextManager[Any]:
        if not loaded:
            loaded.append(load_model(local_folder(job.model), device=device).eval())
        return nullcontext(loaded[0])

    return copy


def checkpointing(config: SftConfig, model: Any) -> bool:
    """Whether activations are computed again instead of kept: slower, and much less memory."""
    if config.gradient_checkpointing is not None:
        return config.gradient_checkpointing
    return is_large(model) and next(model.parameters()).device.type == "cuda"
