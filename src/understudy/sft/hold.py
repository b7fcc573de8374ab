"""Replay that holds the model to what it was: KL to its own distribution before training, on general text.

At each answer token of a replay row the loss is not that token's but the divergence of the two next-token
distributions, before training and now: learning without forgetting (Li and Hoiem 2016, arXiv:1606.09282) on prompts
that need no labels. A whole distribution says more than one answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from trl import SFTTrainer

from understudy.models.chat import IGNORED
from understudy.models.divergence import kl
from understudy.sft.config import ContrastConfig
from understudy.sft.contrast import choosing_loss

COLUMN = "held"
AGAINST = "against"
METRIC = "replay_kl"
NO_CONTRAST = ContrastConfig()


def divergence(before: torch.Tensor, now: torch.Tensor) -> torch.Tensor:
    """KL(before || now) in nats at each position. before, now: logits [positions, vocabulary]; float32 within."""
    return kl(before.float().log_softmax(-1), now.float().log_softmax(-1))


class HoldingTrainer(SFTTrainer):
    """TRL's trainer, which learns the answers of some rows and holds the model on the others.

    reference: a context manager that gives the model as it was before training; entered only where a row is held.
    Rows to hold have 1 in the column `held`; the column `against` has the wrong answers that a row is taught against
    (`batches.Encoded.against`), and contrast says how much that weighs. The loss of a batch with T answer tokens is the
    sum, over those of the other rows, of the negative log-likelihood, over those of held rows, of the divergence, and,
    over the rows with wrong answers, of the choice (`contrast.choosing_loss`), divided by T. So it is the same however
    the batch is divided among passes and processes.
    """

    data_collator: Any
    _signature_columns: Any

    def __init__(
        self, *args: Any, reference: Callable[[], Any], contrast: ContrastConfig = NO_CONTRAST, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._reference = reference
        self._contrast = contrast
        self.data_collator = _Collator(self.data_collator)

    def _set_signature_columns_if_needed(self) -> None:
        super()._set_signature_columns_if_needed()
        for name in (COLUMN, AGAINST):
            if name not in self._signature_columns:
                self._signature_columns = [*self._signature_columns, name]

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        against = inputs.pop(AGAINST, None)
        tokens = (inputs["labels"] != IGNORED).sum() if num_items_in_batch is None else num_items_in_batch
        chosen = self._choice(model, inputs, against) if against and any(against) else None
        loss = self._taught_and_held(model, inputs, return_outputs, tokens, num_items_in_batch)
        if chosen is None:
            return loss
        return loss + self._processes() * chosen / torch.as_tensor(tokens).clamp(min=1)

    def _processes(self) -> int:
        return int(self.accelerator.num_processes) if self.args.average_tokens_across_devices else 1

    def _choice(self, model: Any, inputs: Mapping[str, Any], against: Sequence[Sequence[list[int]]]) -> torch.Tensor:
        """The weighted loss of choosing the right answer, summed over the rows that have wrong ones."""
        bare = self.accelerator.unwrap_model(model)
        total = torch.zeros((), device=inputs["input_ids"].device)
        for ids, row in zip(inputs["input_ids"], against, strict=True):
            if not row:
                continue
            (read, text, *letters), prompt = row[0], ids[: row[0][0]]
            answers = [ids[read : read + text], *(ids.new_tensor(wrong) for wrong in row[1:])]
            rows = [torch.cat([prompt, answer]) for answer in answers]
            padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
            real = torch.nn.utils.rnn.pad_sequence([torch.ones_like(r) for r in rows], batch_first=True)
            with self.accelerator.autocast():
                logits = bare(
                    input_ids=padded, attention_mask=real, use_cache=False, logits_to_keep=padded.shape[1] + 1 - read
                ).logits
            logp = logits[:, :-1].float().log_softmax(-1).gather(-1, padded[:, read:, None])[..., 0]
            likelihood = (logp * real[:, read:]).sum(-1)
            one = torch.zeros(len(rows), dtype=torch.long, device=ids.device)
            given = (likelihood, ids.new_tensor(letters), one, ids.new_tensor([text]))
            total = total + choosing_loss(*given, self._contrast.scale)
        return self._contrast.weight * total

    def _taught_and_held(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool, tokens: Any, num_items_in_batch: Any
    ) -> Any:
        held = inputs.pop(COLUMN, None)
        if held is None or not bool(held.any()):
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        rows = held.bool()
        # Every process asks the parent's loss, which gathers: one whose rows are all held learns nothing from one.
        idle = bool(rows.all())
        taught = torch.arange(len(rows), device=rows.device) == 0 if idle else ~rows
        given = _part(inputs, taught)
        if idle:
            given["labels"] = torch.full_like(given["labels"], IGNORED)
        loss = super().compute_loss(model, given, num_items_in_batch=tokens)
        apart = self._divergence(model, _part(inputs, rows))
        total = apart.sum()
        self._metrics["train"][METRIC].append(float(total.detach()) / max(1, len(apart)))
        return loss + self._processes() * total / torch.as_tensor(tokens).clamp(min=1)

    def _divergence(self, model: Any, held: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """At each answer token of the rows; not through DDP's own forward, which counts its calls."""
        where = held["labels"][:, 1:] != IGNORED
        first = int(where.any(0).int().argmax())  # before it no logits are made
        read = {
            "input_ids": held["input_ids"],
            "attention_mask": held["attention_mask"],
            "logits_to_keep": where.shape[1] + 1 - first,
            "use_cache": False,
        }
        bare = self.accelerator.unwrap_model(model)
        with torch.no_grad(), self.accelerator.autocast(), self._reference() as reference:
            before = reference(**read).logits[:, :-1][where[:, first:]]
        return divergence(before, bare(**read).logits[:, :-1][where[:, first:]])


def _part(inputs: Mapping[str, Any], rows: torch.Tensor) -> dict[str, torch.Tensor]:
    """Some rows of a batch, cut to the longest of them; padding is on the right."""
    length = int(inputs["attention_mask"][rows].sum(-1).max())
    return {name: value[rows, :length] for name, value in inputs.items()}


class _Collator:
    """Another collator's batch with the columns that say which rows are held, and what they are taught against."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __call__(self, examples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        held = [example.get(COLUMN, 0) for example in examples]
        against = [example.get(AGAINST) or [] for example in examples]
        batch = self._inner([{k: v for k, v in e.items() if k not in (COLUMN, AGAINST)} for e in examples])
        return {**batch, COLUMN: torch.tensor(held), **({AGAINST: against} if any(against) else {})}


@contextmanager
def without_adapter(model: Any) -> Iterator[Any]:
    """The base under a PEFT model, as it was before training."""
    with model.disable_adapter():
        yield model
