"""How the rows of a batch are read: which go into one pass, which share a tree, and where their answers are predicted.

Rows that begin alike, several questions about the same passages or several answers to one question, are one tree
(`models/tree.py`): the beginning is read once, and every row gets the loss that it has alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from understudy.models.chat import IGNORED
from understudy.models.head import only_at
from understudy.models.tree import MIN_SHARED, additive, common, grow

PASS_TOKENS = 1024  # padded tokens of a pass; more is no faster on a processor and takes memory in proportion
TREE_TOKENS = 1280  # tokens of a tree, which has a pass of its own above that
PASS_LOGITS = 1 << 24  # logits of a pass: 64 MB in float32, of which some six copies live at once


def passes(lengths: Sequence[int], labels: Sequence[int], words: int, tokens: int = PASS_TOKENS) -> list[list[int]]:
    """Indices of the trees of each pass, longest first.

    lengths, labels: tokens of each tree, and those of them that have a label. words: size of the vocabulary.
    tokens: padded tokens that a pass may hold. A tree above either limit has a pass of its own.
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


@dataclass(frozen=True, slots=True)
class Asked:
    """One row of a batch. ids: its tokens, of which the first `read` are the prompt.

    wrong: the tokens of each wrong answer. text: the row's own tokens after the prompt that are answer, not the end of
    the turn. letters: characters of the answer and of the wrong ones.
    """

    ids: list[int]
    read: int
    wrong: tuple[list[int], ...] = ()
    text: int = 0
    letters: tuple[int, ...] = ()

    @property
    def learned(self) -> int:
        """Tokens that are predicted for it."""
        return len(self.ids) - self.read + sum(map(len, self.wrong))

    @property
    def sequences(self) -> list[list[int]]:
        """The row, then its prompt with each wrong answer."""
        return [self.ids, *(self.ids[: self.read] + wrong for wrong in self.wrong)]


def asked(inputs: Mapping[str, Any], against: Sequence[Sequence[list[int]]] | None) -> list[Asked]:
    """The rows of a batch without their padding, which is on the right. against: as in `batches.Encoded.against`."""
    lengths = inputs["attention_mask"].sum(-1).tolist()
    learned = (inputs["labels"] != IGNORED).sum(-1).tolist()
    found = []
    for i, (row, n, m) in enumerate(zip(inputs["input_ids"].tolist(), lengths, learned, strict=True)):
        if against and against[i]:
            (_, text, *letters), *wrong = against[i]
            found.append(Asked(row[:n], n - m, tuple(wrong), text, tuple(letters)))
        else:
            found.append(Asked(row[:n], n - m))
    return found


def bundles(rows: Sequence[Asked], tokens: int = TREE_TOKENS) -> list[list[int]]:
    """Indices of the rows of each tree. Rows share one where at least half of each is common to all.

    tokens: how many a tree of several rows may have.
    """
    found: list[list[int]] = []
    shared = cost = 0
    for i in sorted(range(len(rows)), key=lambda i: rows[i].ids):
        ids, beside = rows[i].ids, sum(map(len, rows[i].wrong))
        if found:
            alike = min(shared, common(rows[found[-1][0]].ids, ids))
            longest = max(len(rows[j].ids) for j in (*found[-1], i))
            more = len(ids) - common(rows[found[-1][-1]].ids, ids) + beside
            if alike >= max(MIN_SHARED, longest // 2) and cost + more <= tokens:
                found[-1].append(i)
                shared, cost = alike, cost + more
                continue
        found.append([i])
        shared, cost = len(ids), len(ids) + beside
    return found


@dataclass(frozen=True, slots=True)
class Reading:
    """What a model is given to read sequences as trees, and where each learned token is predicted.

    ids, positions, real: (trees, tokens), real where it is no padding. mask: (trees, tokens, tokens), which tokens each
    may see; None where every tree is one sequence. where: (trees, tokens), the tokens whose logits are made. Of every
    learned token, sequence by sequence: `at` its place among those, `of` its sequence, `turn` its number in the
    answer, `targets` its id.
    """

    ids: torch.Tensor
    positions: torch.Tensor
    real: torch.Tensor
    mask: torch.Tensor | None
    where: torch.Tensor
    at: torch.Tensor
    of: torch.Tensor
    turn: torch.Tensor
    targets: torch.Tensor

    @classmethod
    def plan(cls, sequences: Sequence[list[int]], read: Sequence[int], trees: Sequence[Sequence[int]]) -> Reading:
        """read: tokens of each sequence that are not learned. trees: the sequences of each tree, by their number."""
        grown = [grow([sequences[i] for i in members]) for members in trees]
        width = max(len(tree.tokens) for tree, _ in grown)
        ids, positions = torch.zeros(2, len(grown), width, dtype=torch.long)
        real, where = torch.zeros(2, len(grown), width, dtype=torch.bool)
        place: dict[int, tuple[int, list[int]]] = {}
        for k, (tree, columns) in enumerate(grown):
            n = len(tree.tokens)
            ids[k, :n], positions[k, :n], real[k, :n] = torch.tensor(tree.tokens), torch.tensor(tree.positions), True
            place |= {i: (k, column) for i, column in zip(trees[k], columns, strict=True)}
        picks = torch.tensor(
            [
                (place[i][0], place[i][1][t - 1], i, t - read[i], sequence[t])
                for i, sequence in enumerate(sequences)
                for t in range(max(1, read[i]), len(sequence))
            ],
            dtype=torch.long,
        ).reshape(-1, 5)
        tree_of, column_of, of, turn, targets = picks.unbind(-1)
        where[tree_of, column_of] = True
        number = where.flatten().cumsum(0).reshape(where.shape) - 1
        mask = None
        if any(len(tree.parents) > 1 for tree, _ in grown):
            mask = torch.eye(width, dtype=torch.bool).repeat(len(grown), 1, 1)  # padding sees itself
            for k, (tree, _) in enumerate(grown):
                mask[k, : len(tree.tokens), : len(tree.tokens)] = tree.sees()
        return cls(ids, positions, real, mask, where, number[tree_of, column_of], of, turn, targets)

    def logits(self, model: Any, dtype: torch.dtype) -> torch.Tensor:
        """(learned tokens, vocabulary) in float32. dtype: what attention computes in."""
        mask = self.real.long() if self.mask is None else additive(self.mask, dtype)[:, None]
        with only_at(model, self.where):
            made = model(
                input_ids=self.ids, position_ids=self.positions, attention_mask=mask, use_cache=False
            ).logits.float()
        return made if torch.equal(self.at, torch.arange(len(made))) else made[self.at]
