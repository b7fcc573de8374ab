"""Replay that holds the model to what it was: KL to its own distribution before training, on general text.

On a replay row that the model answered itself, the loss is not that of the answer but the divergence of the two
next-token distributions, before training and now, at every token of the row: learning without forgetting (Li and
Hoiem 2016, arXiv:1606.09282) on prompts that need no labels. A whole distribution says more than one sampled answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from trl import SFTTrainer

from understudy.models.chat import IGNORED
from understudy.models.divergence import kl

COLUMN = "held"
METRIC = "replay_kl"


def divergence(before: torch.Tensor, now: torch.Tensor) -> torch.Tensor:
    """KL(before || now) in nats at each position. before, now: logits [positions, vocabulary]; float32 within."""
    return kl(before.float().log_softmax(-1), now.float().log_softmax(-1))


class HoldingTrainer(SFTTrainer):
    """TRL's trainer, which learns the answers of some rows and holds the model on the others.

    reference: a context manager that gives the model as it was before training; entered only where a row is held.
    Rows to hold have 1 in the column `held`. Of a batch with T answer tokens the loss is the sum of the other rows'
    negative log-likelihoods and, for each held row, its number of answer tokens times the mean divergence over all of
    its tokens, divided by T. So it is the same however the batch is divided among passes and processes.
    """

    data_collator: Any
    _signature_columns: Any

    def __init__(self, *args: Any, reference: Callable[[], Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reference = reference
        self.data_collator = _Collator(self.data_collator)

    def _set_signature_columns_if_needed(self) -> None:
        super()._set_signature_columns_if_needed()
        if COLUMN not in self._signature_columns:
            self._signature_columns = [*self._signature_columns, COLUMN]

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        held = inputs.pop(COLUMN, None)
        if held is None or not bool(held.any()):
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        rows = held.bool()
        answers = (inputs["labels"] != IGNORED).sum(-1)
        tokens = answers.sum() if num_items_in_batch is None else num_items_in_batch
        # Every process asks the parent's loss, which gathers: one whose rows are all held learns nothing from one.
        idle = bool(rows.all())
        taught = torch.arange(len(rows), device=rows.device) == 0 if idle else ~rows
        given = {name: value[taught] for name, value in inputs.items()}
        if idle:
            given["labels"] = torch.full_like(given["labels"], IGNORED)
        loss = super().compute_loss(model, given, num_items_in_batch=tokens)
        apart = self._divergence(model, inputs["input_ids"][rows], inputs["attention_mask"][rows])
        self._metrics["train"][METRIC].append(float(apart.mean().detach()))
        scale = self.accelerator.num_processes if self.args.average_tokens_across_devices else 1
        return loss + scale * (apart * answers[rows]).sum() / torch.as_tensor(tokens).clamp(min=1)

    def _divergence(self, model: Any, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """[rows]: means over the tokens of each; not through DDP's own forward, which counts its calls."""
        length = int(mask.sum(-1).max())
        ids, mask = ids[:, :length], mask[:, :length]
        where = mask[:, 1:].bool()
        bare = self.accelerator.unwrap_model(model)
        with torch.no_grad(), self._reference() as reference:
            before = reference(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, :-1][where]
        now = bare(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, :-1][where]
        row = where.nonzero()[:, 0]
        sums = torch.zeros(len(ids), device=ids.device).index_add(0, row, divergence(before, now))
        return sums / where.sum(-1)


class _Collator:
    """Another collator's batch with the column that says which rows are held."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __call__(self, examples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        held = [example.get(COLUMN, 0) for example in examples]
        batch = self._inner([{k: v for k, v in example.items() if k != COLUMN} for example in examples])
        return {**batch, COLUMN: torch.tensor(held)}


@contextmanager
def without_adapter(model: Any) -> Iterator[Any]:
    """The base under a PEFT model, as it was before training."""
    with model.disable_adapter():
        yield model
