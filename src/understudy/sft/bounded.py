"""Training in bounded memory: as many rows at once as tokens and vocabulary allow, and no logits without a label.

A batch of rows is one weight update, however many passes it takes. Where a model's vocabulary is large, the passes are
chosen here, row by row, instead of a fixed number of rows each: sixteen short rows go together, one with passages goes
alone. The vocabulary projection runs at the tokens that have a label, once for learned and held rows alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from understudy.models.chat import IGNORED
from understudy.models.head import only_at, vocabulary
from understudy.sft.hold import COLUMN, METRIC, HoldingTrainer, divergence

PASS_TOKENS = 1024  # padded tokens of a pass; more is no faster on a processor and takes memory in proportion
PLAIN_ATTENTION = 1024  # tokens of a row up to which plain attention trains a fifth faster here than the fused one
PASS_LOGITS = 1 << 24  # logits of a pass: 64 MB in float32, of which some six copies live at once


def unwrapped(model: Any) -> Any:
    """The transformers model under an adapter, or the model itself."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def passes(lengths: Sequence[int], labels: Sequence[int], words: int, tokens: int = PASS_TOKENS) -> list[list[int]]:
    """Indices of the rows of each pass, longest first.

    lengths, labels: tokens of each row, and those of them that have a label. words: size of the vocabulary.
    tokens: padded tokens that a pass may hold. A row above either limit has a pass of its own.
    """
    found: list[list[int]] = []
    longest = learned = 0
    for i in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        fits = found and (len(found[-1]) + 1) * longest <= tokens
        if not fits or (learned + labels[i]) * words > PASS_LOGITS:
            found.append([])
            longest, learned = lengths[i], 0
        found[-1].append(i)
        learned += labels[i]
    return found


class BoundedTrainer(HoldingTrainer):
    """`HoldingTrainer` for one process and a large vocabulary; the same loss, in passes that fit.

    Each call of the trainer gets a whole batch (`gradient_accumulation_steps` is 1).
    """

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> torch.Tensor:
        if num_items_in_batch is None:
            num_items_in_batch = (inputs["labels"] != IGNORED).sum()
        lengths = inputs["attention_mask"].sum(-1).tolist()
        labels = (inputs["labels"] != IGNORED).sum(-1).tolist()
        self._apart, self._held = 0.0, 0
        losses = [
            super(BoundedTrainer, self).training_step(model, _rows(inputs, rows), num_items_in_batch)
            for rows in passes(lengths, labels, vocabulary(model))
        ]
        if inputs.get(COLUMN) is not None and bool(inputs[COLUMN].any()):
            self._metrics["train"][METRIC].append(self._apart / max(1, self._held))
        return torch.stack(losses).sum()

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        held = inputs.get(COLUMN)
        labels = inputs["labels"][:, 1:]
        where = torch.zeros_like(inputs["labels"], dtype=torch.bool)
        where[:, :-1] = labels != IGNORED
        tokens = where.sum() if num_items_in_batch is None else num_items_in_batch
        read = {name: inputs[name] for name in ("input_ids", "attention_mask")} | {"use_cache": False}
        with only_at(model, where):
            logits = model(**read).logits.float()
        targets = labels[labels != IGNORED]
        hold = (
            torch.zeros_like(targets, dtype=torch.bool)
            if held is None
            else held.bool()[:, None].expand(where.shape)[where]
        )
        total = torch.nn.functional.cross_entropy(logits[~hold], targets[~hold], reduction="sum")
        if bool(hold.any()):
            total = total + self._apart_of(model, read, where, held, logits[hold])
        mode = "train" if model.training else "eval"
        right = (logits.detach().argmax(-1) == targets)[~hold]
        self._metrics[mode]["mean_token_accuracy"].append(float(right.float().mean()) if len(right) else 0.0)
        return total / torch.as_tensor(tokens).clamp(min=1)

    def _apart_of(
        self, model: Any, read: Mapping[str, Any], where: torch.Tensor, held: Any, now: torch.Tensor
    ) -> torch.Tensor:
        """The divergence summed over the answer tokens of the held rows, which the base reads as well."""
        rows = held.bool()
        length = int(read["attention_mask"][rows].sum(-1).max())
        again = {name: read[name][rows, :length] for name in ("input_ids", "attention_mask")} | {"use_cache": False}
        with torch.no_grad(), self._reference() as reference, only_at(reference, where[rows, :length]):
            before = reference(**again).logits
        total = divergence(before, now).sum()
        if model.training:
            self._apart += float(total.detach())
            self._held += len(now)
        return total


def _rows(inputs: Mapping[str, Any], rows: Sequence[int]) -> dict[str, Any]:
    """Some rows of a batch, cut to the longest of them; padding is on the right."""
    length = int(inputs["attention_mask"][list(rows)].sum(-1).max())
    return {n: v[list(rows), :length] if v.dim() > 1 else v[list(rows)] for n, v in inputs.items()}
