"""A model and preference pairs in, a model folder out, with the adapter merged."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

import torch

from understudy.align.config import AlignConfig
from understudy.align.data import Preference, read, select
from understudy.align.train import train
from understudy.errors import InputError
from understudy.models.load import open_model
from understudy.models.lora import with_lora
from understudy.models.open import open_language_model
from understudy.models.resolve import local_folder
from understudy.models.save import save_model, stored_dtype
from understudy.stage import Inputs, RunContext, StageOutput

_LEAST = 4
_PROBE_TOKENS = 128


def run(config: AlignConfig, inputs: Inputs, ctx: RunContext) -> StageOutput:
    """Write `model/` and `log.jsonl`. Raises InputError where too few pairs remain, ModelError for the model."""
    pairs = read(config)
    model, tokenizer = open_model(inputs.model, device=ctx.device)
    kept, rejected = select(pairs, config, tokenizer, ctx.seed)
    if len(kept) < _LEAST:
        reasons = ", ".join(f"{n} {reason}" for reason, n in rejected.most_common())
        raise InputError(
            f"align.dataset: {config.dataset}: {len(kept)} of {len(pairs)} pairs can be used, at least {_LEAST} are "
            f"needed (left out: {reasons or 'none'})"
        )
    count = min(64, max(2, len(kept) // 20))
    held_out, used = kept[:count], kept[count:]
    torch.manual_seed(ctx.seed)
    adapted = with_lora(model, config.r, config.lora_alpha, config.lora_dropout)
    metrics = train(
        adapted, tokenizer, used, held_out, config, seed=ctx.seed, work=ctx.work / "job", progress=ctx.progress
    )
    ctx.progress("merging the adapter", 0, None)
    whole = adapted.merge_and_unload(safe_merge=True, adapter_names=["default"])
    save_model(whole, tokenizer, ctx.out / "model", dtype=stored_dtype(local_folder(inputs.model)))
    shutil.copy(ctx.work / "job" / "log.jsonl", ctx.out / "log.jsonl")
    probes = held_out[: config.probe_prompts]
    before = _answer_tokens(inputs.model, probes, ctx)
    after = _answer_tokens(str(ctx.out / "model"), probes, ctx)
    counts = {"pairs": len(pairs), "train": len(used), "held_out": len(held_out), "rejected": dict(rejected)}
    return StageOutput({**metrics, "answer_tokens_before": before, "answer_tokens_after": after}, counts)


def _answer_tokens(ref: str, probes: Sequence[Preference], ctx: RunContext) -> float | None:
    """Mean length in tokens of a model's own answers to the probes; None without probes."""
    if not probes:
        return None
    ctx.progress("measuring the length of answers", 0, None)
    reader = open_language_model(ref, device=ctx.device)
    answers = reader.generate([p.prompt for p in probes], max_tokens=_PROBE_TOKENS)
    return round(sum(a.completion_tokens for a in answers) / len(answers), 2)
