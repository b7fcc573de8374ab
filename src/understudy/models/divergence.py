"""How far a model has moved from another: the divergence of their next-token distributions on fixed text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

PROBE_TOKENS = 64  # tokens of each probe text; the distributions of a large vocabulary are kept in memory


def next_token_logprobs(model: Any, tokenizer: Any, texts: Sequence[str]) -> torch.Tensor:
    """Log-probabilities of the next token at every position of the texts: (positions, vocabulary), on the CPU.

    Kept as float16, which moves a divergence by about 1e-3 nats at most.
    """
    device = next(model.parameters()).device
    rows = []
    with torch.inference_mode():
        for text in texts:
            ids = tokenizer(text, add_special_tokens=True)["input_ids"][:PROBE_TOKENS]
            logits = model(input_ids=torch.tensor([ids], device=device)).logits[0]
            rows.append(torch.log_softmax(logits.float(), -1).half().cpu())
    return torch.cat(rows)


def kl(base: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """KL(base || other) in nats at each position, from log-probabilities (positions, vocabulary)."""
    return (base.exp() * (base - other)).sum(-1)


def mean_kl(base: torch.Tensor, other: torch.Tensor) -> float | None:
    """Mean KL(base || other) per position in nats; None where the vocabularies differ."""
    if base.shape != other.shape:
        return None
    return max(0.0, float(kl(base.float(), other.float()).mean()))
