"""Training in bounded memory: as many rows at once as tokens and vocabulary allow, and no logits without a label.

A batch of rows is one weight update, however many passes it takes. Where a model's vocabulary is large, the passes are
chosen here, by their tokens, instead of a fixed number of rows each. Rows that begin alike, several questions about the
same passages or several answers to one question, are read as one tree (`models/tree.py`): the beginning costs once, and
the loss is that of the rows apart. The vocabulary projection runs at the tokens that have a label.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from understudy.models.chat import IGNORED
from understudy.models.head import only_at, vocabulary
from understudy.models.tree import MIN_SHARED, additive, common, grow, takes_trees
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


def bundles(rows: Sequence[list[int]], tokens: int = PASS_TOKENS) -> list[list[int]]:
    """Indices of rows that are read as one tree, in lexicographic order of the rows.

    rows: token ids. Rows share a tree where at least half of each is common to all, and the tree keeps within `tokens`.
    """
    found: list[list[int]] = []
    shared = cost = 0
    for i in sorted(range(len(rows)), key=lambda i: rows[i]):
        if found:
            alike = min(shared, common(rows[found[-1][0]], rows[i]))
            longest = max(len(rows[j]) for j in (*found[-1], i))
            more = len(rows[i]) - common(rows[found[-1][-1]], rows[i])
            if alike >= max(MIN_SHARED, longest // 2) and cost + more <= tokens:
                found[-1].append(i)
                shared, cost = alike, cost + more
                continue
        found.append([i])
        shared = cost = len(rows[i])
    return found


class BoundedTrainer(HoldingTrainer):
    """`HoldingTrainer` for one process and a large vocabulary; the same loss, in passes that fit.

    Each call of the trainer gets a whole batch (`gradient_accumulation_steps` is 1).
    """

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> torch.Tensor:
        if num_items_in_batch is None:
            num_items_in_batch = (inputs["labels"] != IGNORED).sum()
        rows = _ids(inputs)
        labels = (inputs["labels"] != IGNORED).sum(-1).tolist()
        shared = self._bundles(model, rows)
        lengths = [len(grow([rows[i] for i in some])[0].tokens) for some in shared]
        weights = [sum(labels[i] for i in some) for some in shared]
        self._apart, self._held = 0.0, 0
        losses = [
            super(BoundedTrainer, self).training_step(
                model, _rows(inputs, sorted(i for k in some for i in shared[k])), num_items_in_batch
            )
            for some in passes(lengths, weights, vocabulary(model))
        ]
        if inputs.get(COLUMN) is not None and bool(inputs[COLUMN].any()):
            self._metrics["train"][METRIC].append(self._apart / max(1, self._held))
        return torch.stack(losses).sum()

    def _bundles(self, model: Any, rows: Sequence[list[int]]) -> list[list[int]]:
        longest = max(map(len, rows))
        return bundles(rows) if takes_trees(unwrapped(model).config, longest) else [[i] for i in range(len(rows))]

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        held = inputs.get(COLUMN)
        labels = inputs["labels"]
        tokens = (labels[:, 1:] != IGNORED).sum() if num_items_in_batch is None else num_items_in_batch
        hold = torch.zeros(len(labels), dtype=torch.bool) if held is None else held.bool()
        learned = Reading.of(_ids(inputs), labels, self._bundles(model, _ids(inputs)))
        logits = learned.logits(model)
        kept = hold[learned.rows]
        total = torch.nn.functional.cross_entropy(logits[~kept], learned.targets[~kept], reduction="sum")
        if bool(hold.any()):
            total = total + self._apart_of(model, inputs, hold, logits[kept])
        mode = "train" if model.training else "eval"
        right = (logits.detach().argmax(-1) == learned.targets)[~kept]
        self._metrics[mode]["mean_token_accuracy"].append(float(right.float().mean()) if len(right) else 0.0)
        return total / torch.as_tensor(tokens).clamp(min=1)

    def _apart_of(self, model: Any, inputs: Mapping[str, Any], hold: torch.Tensor, now: torch.Tensor) -> torch.Tensor:
        """The divergence summed over the answer tokens of the held rows, which the base reads as well."""
        rows = _rows(inputs, hold.nonzero().flatten().tolist())
        again = Reading.of(_ids(rows), rows["labels"], self._bundles(model, _ids(rows)))
        with torch.no_grad(), self._reference() as reference:
            before = again.logits(reference)
        total = divergence(before, now).sum()
        if model.training:
            self._apart += float(total.detach())
            self._held += len(now)
        return total


@dataclass(frozen=True, slots=True)
class Reading:
    """What a model is given to read some rows as trees, and where each learned token is predicted.

    ids, positions: (trees, tokens); mask: which tokens each may see, (trees, tokens, tokens), None where every tree is
    a row of its own. where: (trees, tokens), the tokens whose logits are made; at: for each learned token, row by row,
    its place among them; rows, targets: its row and its id.
    """

    ids: torch.Tensor
    positions: torch.Tensor
    mask: torch.Tensor | None
    real: torch.Tensor
    where: torch.Tensor
    at: torch.Tensor
    rows: torch.Tensor
    targets: torch.Tensor

    @classmethod
    def of(cls, rows: Sequence[list[int]], labels: torch.Tensor, shared: Sequence[Sequence[int]]) -> Reading:
        grown = [grow([rows[i] for i in some]) for some in shared]
        place = {i: (k, columns[j]) for k, (_, columns) in enumerate(grown) for j, i in enumerate(shared[k])}
        width = max(len(tree.tokens) for tree, _ in grown)
        ids, positions = torch.zeros(2, len(grown), width, dtype=torch.long)
        real, where = torch.zeros(2, len(grown), width, dtype=torch.bool)
        for k, (tree, _) in enumerate(grown):
            n = len(tree.tokens)
            ids[k, :n], positions[k, :n], real[k, :n] = torch.tensor(tree.tokens), torch.tensor(tree.positions), True
        picks = [
            (k, columns[t - 1], i, rows[i][t])
            for i, (k, columns) in sorted(place.items())
            for t in range(1, len(rows[i]))
            if int(labels[i, t]) != IGNORED
        ]
        trees, columns = (torch.tensor([p[j] for p in picks], dtype=torch.long) for j in (0, 1))
        where[trees, columns] = True
        number = where.flatten().cumsum(0).reshape(where.shape) - 1
        mask = None
        if any(len(tree.parents) > 1 for tree, _ in grown):
            sees = torch.eye(width, dtype=torch.bool).repeat(len(grown), 1, 1)  # padding sees itself: no row is empty
            for k, (tree, _) in enumerate(grown):
                sees[k, : len(tree.tokens), : len(tree.tokens)] = tree.sees()
            mask = sees
        of_row, targets = (torch.tensor([p[j] for p in picks], dtype=torch.long) for j in (2, 3))
        return cls(ids, positions, mask, real, where, number[trees, columns], of_row, targets)

    def logits(self, model: Any) -> torch.Tensor:
        """(learned tokens, vocabulary), float32, in the order of the rows."""
        given: dict[str, Any] = {"input_ids": self.ids, "position_ids": self.positions, "use_cache": False}
        if self.mask is None:
            given["attention_mask"] = self.real.long()
        else:
            given["attention_mask"] = additive(self.mask, _computing(model))[:, None]
        with only_at(model, self.where):
            made = model(**given).logits.float()
        return made if torch.equal(self.at, torch.arange(len(made))) else made[self.at]


def _computing(model: Any) -> torch.dtype:
    """The type that attention computes in: autocast's where it is on."""
    if torch.is_autocast_enabled("cpu"):
        return torch.get_autocast_dtype("cpu")
    dtype: torch.dtype = unwrapped(model).get_input_embeddings().weight.dtype
    return dtype


def _ids(inputs: Mapping[str, Any]) -> list[list[int]]:
    """The rows' token ids without their padding, which is on the right."""
    lengths = inputs["attention_mask"].sum(-1).tolist()
    return [row[:n] for row, n in zip(inputs["input_ids"].tolist(), lengths, strict=True)]


def _rows(inputs: Mapping[str, Any], rows: Sequence[int]) -> dict[str, Any]:
    """Some rows of a batch, cut to the longest of them; padding is on the right."""
    length = int(inputs["attention_mask"][list(rows)].sum(-1).max())
    return {n: v[list(rows), :length] if v.dim() > 1 else v[list(rows)] for n, v in inputs.items()}
