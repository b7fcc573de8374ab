"""Training in bounded memory: as many rows at once as tokens and vocabulary allow, and no logits without a label.

A batch of rows is one weight update, however many passes it takes. Where a model's vocabulary is large, the passes are
chosen here, by their tokens, instead of a fixed number of rows each: sixteen short rows go together, and what shares
its passages is read once (`reading.py`). The vocabulary projection runs at the tokens that have a label.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from understudy.models.chat import IGNORED
from understudy.models.head import vocabulary
from understudy.models.tree import size, takes_trees
from understudy.sft.contrast import choosing_loss
from understudy.sft.hold import AGAINST, COLUMN, METRIC, HoldingTrainer, divergence
from understudy.sft.reading import Asked, Reading, asked, bundles, passes

PLAIN_ATTENTION = 320
"""Padded tokens of a row up to which plain attention trains up to a fifth faster on a processor than the fused one.

At 430 they are alike; in trees of 1,500 tokens it is slower, and takes four gigabytes where the fused one takes two."""


def unwrapped(model: Any) -> Any:
    """The transformers model under an adapter, or the model itself."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


class BoundedTrainer(HoldingTrainer):
    """`HoldingTrainer` for one process and a large vocabulary; the same loss, in passes that fit.

    Each call of the trainer gets a whole batch (`gradient_accumulation_steps` is 1).
    """

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._attention = getattr(unwrapped(self.model).config, "_attn_implementation", None)

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> torch.Tensor:
        if num_items_in_batch is None:
            num_items_in_batch = (inputs["labels"] != IGNORED).sum()
        rows = asked(inputs, inputs.get(AGAINST))
        shared = self._trees(model, rows)
        lengths = [size([s for i in some for s in rows[i].sequences]) for some in shared]
        learned = [sum(rows[i].learned for i in some) for some in shared]
        self._apart, self._held = 0.0, 0
        losses = [
            super(BoundedTrainer, self).training_step(
                model, _rows(inputs, sorted(i for k in some for i in shared[k])), num_items_in_batch
            )
            for some in passes(lengths, learned, vocabulary(model))
        ]
        if inputs.get(COLUMN) is not None and bool(inputs[COLUMN].any()):
            self._metrics["train"][METRIC].append(self._apart / max(1, self._held))
        return torch.stack(losses).sum()

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        rows = asked(inputs, inputs.get(AGAINST))
        held = inputs.get(COLUMN)
        hold = torch.zeros(len(rows), dtype=torch.bool) if held is None else held.bool()
        tokens = (inputs["labels"] != IGNORED).sum() if num_items_in_batch is None else num_items_in_batch
        reading, members = self._reading(model, rows)
        if self._attention == "sdpa":  # once a pass: what is computed again on the way back must attend alike
            short = reading.ids.shape[1] <= PLAIN_ATTENTION
            unwrapped(model).set_attn_implementation("eager" if short else self._attention)
        logits = reading.logits(model, _computing(model))
        own = reading.of < len(rows)
        kept = torch.zeros_like(own)
        kept[own] = hold[reading.of[own]]
        loss = torch.nn.functional.cross_entropy(logits, reading.targets, reduction="none")
        total = loss[own & ~kept].sum()
        if bool(hold.any()):
            total = total + self._apart_of(model, inputs, hold, logits[kept])
        if any(len(answers) > 1 for answers in members):
            total = total + self._contrast.weight * self._chosen(reading, rows, members, loss)
        mode = "train" if model.training else "eval"
        right = (logits.detach().argmax(-1) == reading.targets)[own & ~kept]
        self._metrics[mode]["mean_token_accuracy"].append(float(right.float().mean()) if len(right) else 0.0)
        return total / torch.as_tensor(tokens).clamp(min=1)

    def _trees(self, model: Any, rows: Sequence[Asked]) -> list[list[int]]:
        longest = max(len(sequence) for row in rows for sequence in row.sequences)
        return bundles(rows) if takes_trees(unwrapped(model).config, longest) else [[i] for i in range(len(rows))]

    def _reading(self, model: Any, rows: Sequence[Asked]) -> tuple[Reading, list[list[int]]]:
        """How the rows and their wrong answers are read, and the sequences of each row, its own first."""
        sequences, read = [row.ids for row in rows], [row.read for row in rows]
        members = []
        for i, row in enumerate(rows):
            members.append([i, *range(len(sequences), len(sequences) + len(row.wrong))])
            sequences += row.sequences[1:]
            read += [row.read] * len(row.wrong)
        apart = not takes_trees(unwrapped(model).config, max(map(len, sequences)))
        trees = [[s for i in some for s in members[i]] for some in self._trees(model, rows)]
        return Reading.plan(sequences, read, [[s] for t in trees for s in t] if apart else trees), members

    def _chosen(
        self, reading: Reading, rows: Sequence[Asked], members: Sequence[list[int]], loss: torch.Tensor
    ) -> torch.Tensor:
        """The loss of choosing the right answer, summed over the rows that have wrong ones."""
        count = sum(map(len, members))
        text = torch.tensor([row.text for row in rows] + [1 << 30] * (count - len(rows)))
        answer = reading.turn < text[reading.of]  # the end of the turn is not weighed
        likelihood = loss.new_zeros(count).index_add(0, reading.of[answer], -loss[answer])
        several = [i for i, answers in enumerate(members) if len(answers) > 1]
        order = torch.tensor([s for i in several for s in members[i]])
        letters = torch.tensor([n for i in several for n in rows[i].letters])
        question = torch.tensor([k for k, i in enumerate(several) for _ in members[i]])
        tokens = torch.tensor([rows[i].text for i in several])
        return choosing_loss(likelihood[order], letters, question, tokens, self._contrast.scale)

    def _apart_of(self, model: Any, inputs: Mapping[str, Any], hold: torch.Tensor, now: torch.Tensor) -> torch.Tensor:
        """The divergence summed over the answer tokens of the held rows, which the base reads as well."""
        reading, _ = self._reading(model, asked(_rows(inputs, hold.nonzero().flatten().tolist()), None))
        with torch.no_grad(), self._reference() as reference:
            before = reading.logits(reference, _computing(reference))
        total = divergence(before, now).sum()
        if model.training:
            self._apart += float(total.detach())
            self._held += len(now)
        return total


def _computing(model: Any) -> torch.dtype:
    """The type that attention computes in: autocast's where it is on."""
    if torch.is_autocast_enabled("cpu"):
        return torch.get_autocast_dtype("cpu")
    dtype: torch.dtype = unwrapped(model).get_input_embeddings().weight.dtype
    return dtype


def _rows(inputs: Mapping[str, Any], rows: Sequence[int]) -> dict[str, Any]:
    """Some rows of a batch, cut to the longest of them; padding is on the right."""
    length = int(inputs["attention_mask"][list(rows)].sum(-1).max())

    def some(value: Any) -> Any:
        if not isinstance(value, torch.Tensor):
            return [value[i] for i in rows]
        return value[list(rows), :length] if value.dim() > 1 else value[list(rows)]

    return {name: some(value) for name, value in inputs.items()}
