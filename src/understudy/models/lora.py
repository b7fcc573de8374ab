"""New LoRA adapters, and the few rules that every training here shares."""

from __future__ import annotations

import math
from typing import Any

import torch
from peft import LoraConfig, get_peft_model

from understudy.errors import ModelError, UsageError

_LARGE = 1_000_000_000
_SMALL_MICRO_BATCH = 2


def with_lora(
    model: Any,
    r: int,
    lora_alpha: float,
    lora_dropout: float,
    target_modules: str | tuple[str, ...] = "all-linear",
    last_layers: int | None = None,
) -> Any:
    """The model with a new LoRA adapter (Hu et al., arXiv 2106.09685). Raises ModelError for unknown modules.

    last_layers: how many layers, counted from the last, get it; None: all.
    """
    upper = None
    if last_layers is not None:
        layers = int(model.config.get_text_config().num_hidden_layers)
        upper = list(range(max(0, layers - last_layers), layers))
        if target_modules == "all-linear":  # PEFT takes no choice of layers beside that word
            target_modules = _linear(model)
    lora = LoraConfig(
        layers_to_transform=upper,
        r=r,
        lora_alpha=lora_alpha,
        lora_dropout=lora_dropout,
        target_modules=target_modules if isinstance(target_modules, str) else list(target_modules),
        task_type="CAUSAL_LM",
    )
    try:
        return get_peft_model(model, lora)
    except ValueError as error:
        names = sorted({n.rpartition(".")[2] for n, m in model.named_modules() if isinstance(m, torch.nn.Linear)})
        raise ModelError(f"target_modules {target_modules}: {error}; this model has {', '.join(names)}") from error


def _linear(model: Any) -> tuple[str, ...]:
    """The names of the linear layers inside the model's blocks."""
    found = {
        n.rpartition(".")[2] for n, m in model.named_modules() if isinstance(m, torch.nn.Linear) and "layers." in n
    }
    return tuple(sorted(found))


def is_large(model: Any) -> bool:
    """Above a billion parameters."""
    return sum(p.numel() for p in model.parameters()) > _LARGE


def micro_batch(batch_size: int, allowed: int | None, world: int, *, large: bool) -> int:
    """Rows of one forward pass on one of `world` devices: the largest divisor of its part that is allowed."""
    part, rest = divmod(batch_size, world)
    if rest or not part:
        raise UsageError(f"batch_size: {batch_size} rows cannot be shared by {world} devices equally")
    most = allowed or (_SMALL_MICRO_BATCH if large else part)
    return max(d for d in range(1, part + 1) if part % d == 0 and d <= most)


def learning_rate_factor(kind: str, warmup_ratio: float, step: int, steps: int) -> float:
    """The share of the peak learning rate at update `step` (from 0) of `steps`: linear warm-up, then the schedule.

    kind: `cosine` and `linear` end at 0, `constant` stays.
    """
    warm = math.ceil(warmup_ratio * steps)
    if step < warm:
        return (step + 1) / (warm + 1)
    through = (step - warm) / max(1, steps - warm)
    if kind == "cosine":
        return 0.5 * (1 + math.cos(math.pi * min(1.0, through)))
    return 1.0 if kind == "constant" else max(0.0, 1 - through)


def step_seed(seed: int, step: int, process: int = 0) -> int:
    """The random seed of a step: dropout depends on its number alone, so a resumed training is the same one."""
    return seed * 1_000_003 + step * 64 + process
