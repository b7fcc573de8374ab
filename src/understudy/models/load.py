"""Load a causal language model and its tokenizer from a folder: safetensors only, no code from the folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging as transformers_logging

from understudy.errors import MissingExtraError, ModelError, UsageError
from understudy.failures import first_line
from understudy.models.chat import ensure_template
from understudy.models.resolve import local_folder
from understudy.models.weights import check_model

transformers_logging.disable_progress_bar()  # the stage shows one of its own


SLOW_PARAMETERS = 50_000_000
"""From here on a processor takes hours in float32."""


def pick_device(device: str = "auto") -> torch.device:
    """`auto` is the first GPU (or this process's own under a distributed launcher), else the processor."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise UsageError(f"--device {device}: not a device; write auto, cpu, cuda or cuda:1") from error
    if chosen.type == "cuda":
        if not torch.cuda.is_available():
            raise UsageError(f"--device {device}: this machine or this build of torch has no CUDA; use --device cpu")
        if chosen.index is None:
            chosen = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
    return chosen


def pick_dtype(device: torch.device, parameters: int = 0) -> torch.dtype:
    """The type in which a model of so many parameters computes.

    On a GPU bfloat16, or float16 where it has none. On a processor float32, so that no score of a small model hangs
    on the machine; from SLOW_PARAMETERS on bfloat16 where it multiplies that itself, some four times as fast.
    """
    if device.type == "cuda":
        return torch.bfloat16 if multiplies_bfloat16(device) else torch.float16
    return torch.bfloat16 if parameters >= SLOW_PARAMETERS and multiplies_bfloat16(device) else torch.float32


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 matrices itself; emulated, they are slower than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    found = torch.cpu.get_capabilities()
    return device.type == "cpu" and bool(found.get("avx512_bf16") or found.get("amx_bf16"))


def load_tokenizer(folder: Path) -> Any:
    """The folder's tokenizer, with a pad token and a chat template."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # the library raises many kinds for the one fault
        raise ModelError(f"{folder}: its tokenizer cannot be loaded: {first_line(error)}") from error
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    return ensure_template(tokenizer)


def load_model(
    folder: Path,
    *,
    device: torch.device | None = None,
    dtype: torch.dtype | None = None,
    four_bit: bool = False,
) -> Any:
    """The folder's model in evaluation mode. four_bit: NF4 by bitsandbytes, computing in `dtype`.

    Raises ModelError naming the file that is missing, cut off or not safetensors.
    """
    check_model(folder)
    device = device or pick_device()
    dtype = dtype or pick_dtype(device)
    options: dict[str, Any] = {"dtype": dtype}
    if four_bit:
        options["quantization_config"] = _nf4(dtype)
    if four_bit or device.type == "cuda":
        options["device_map"] = {"": device}  # straight to the device: no second copy in main memory
    try:
        model = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, use_safetensors=True, **options)
        if not four_bit:
            model = model.to(device)
        elif device.type == "cpu":
            _keep_differentiable(model)
    except torch.cuda.OutOfMemoryError as error:
        raise ModelError(
            f"{folder}: does not fit into the GPU's memory; use a smaller model, or sft.method: qlora"
        ) from error
    except Exception as error:
        raise ModelError(f"{folder}: cannot be loaded: {first_line(error)}") from error
    return model.eval()


def open_model(ref: str, *, device: str = "auto", four_bit: bool = False) -> tuple[Any, Any]:
    """(model, tokenizer) of a model reference with weights: folder, hub or bundled."""
    folder = local_folder(ref)
    check_model(folder)
    return load_model(folder, device=pick_device(device), four_bit=four_bit), load_tokenizer(folder)


def to_compute(model: Any) -> Any:
    """A model that is only asked, not trained, in the type that is fastest here (`pick_dtype`); on a GPU as it is."""
    device = next(model.parameters()).device
    if device.type != "cpu" or getattr(model, "is_quantized", False):
        return model
    return model.to(pick_dtype(device, sum(p.numel() for p in model.parameters())))


def _nf4(dtype: torch.dtype) -> Any:
    try:
        import bitsandbytes  # noqa: F401 - an optional extra
    except ImportError as error:
        raise MissingExtraError(
            "4-bit loading needs bitsandbytes; install it with  pip install 'understudy[gpu]'  or use sft.method: lora"
        ) from error
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )


def _keep_differentiable(model: Any) -> None:
    """Keep bitsandbytes from repacking 4-bit weights on a processor at the first evaluation.

    Its repacked product has no gradient, so that layers before a repacked one would silently learn nothing.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
