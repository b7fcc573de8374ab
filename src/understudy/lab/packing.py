"""One context, many questions: rows in which every question sees the context and itself, and nothing else.

A row is the beginning of a prompt (the passages) followed by branches (question, answer). A branch continues
the positions of the beginning as if the others were absent, so each is exactly the single-turn prompt that
is used later, while the passages are computed once. The loss counts answers (and marked parts) only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from understudy.lab.tokenizer import BOS, EOS, PAD
from understudy.prompts import with_passages

# The first token of an answer is the choice among the passages; the rest follows from it.
FIRST = 4.0
_MARK, _DOCS = "\x01", "\x02"


def split_prompt(layout: str = "") -> tuple[str, str]:
    """The user's message around passages and question: (with `\\x02` for passages, with `\\x01` for the question).

    Without `layout` it is the wording of `understudy.prompts`.
    """
    content = layout or with_passages(_MARK, [_DOCS])[0].content
    cut = content.index(_DOCS) + 1
    return content[:cut], content[cut:]


@dataclass(frozen=True, slots=True)
class Row:
    """Token ids with, for each, its branch (0: the beginning), its position, and the weight of predicting it."""

    ids: list[int]
    branch: list[int]
    position: list[int]
    weight: list[float]
    task: str = ""


class Packer:
    """Turns texts into rows with one tokenizer."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.pad, self.bos, self.eos = (self.token(t) for t in (PAD, BOS, EOS))
        self.user, self.assistant = (self.token(f"<|{r}|>") for r in ("user", "assistant"))

    def token(self, text: str) -> int:
        """The id of a special token; the tokenizer must have it."""
        found = self.tokenizer.token_to_id(text)
        if found is None:
            raise ValueError(f"the tokenizer has no token {text}")
        return int(found)

    def encode(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def row(
        self,
        docs: str,
        pairs: Sequence[tuple[str, str]],
        limit: int = 2048,
        layout: str = "",
        task: str = "",
    ) -> Row:
        """Passages `docs` (empty: closed book) and (question, answer) pairs, as many as fit into `limit` tokens."""
        if docs:
            head, tail = split_prompt(layout)
            ids = [self.bos, self.user, *self.encode(head.replace(_DOCS, docs))]
        else:
            ids, tail = [self.bos, self.user], _MARK
        start = len(ids)
        branch, position, weight = [0] * start, list(range(start)), [0.0] * start
        for n, (question, answer) in enumerate(pairs, 1):
            prompt = [*self.encode(tail.replace(_MARK, question)), self.eos, self.assistant]
            reply = [*self.encode(answer), self.eos]
            if n > 1 and len(ids) + len(prompt) + len(reply) > limit:
                continue
            ids += prompt + reply
            branch += [n] * (len(prompt) + len(reply))
            position += range(start, start + len(prompt) + len(reply))
            weight += [0.0] * len(prompt) + [FIRST] + [1.0] * (len(reply) - 1)
        return Row(ids, branch, position, weight, task)

    def plain(self, ids: Sequence[int], weight: Sequence[float], task: str = "") -> Row:
        """A row without branches, such as running text."""
        return Row([self.bos, *ids], [0] * (len(ids) + 1), list(range(len(ids) + 1)), [0.0, *weight], task)


def collate(rows: Sequence[Row], pad: int = 0) -> dict[str, NDArray[Any]]:
    """Pad rows into arrays [rows, length]: ids, branch (-1: padding), position, weight."""
    length = max(len(r.ids) for r in rows)
    shape = (len(rows), length)
    ids, branch = np.full(shape, pad, np.int64), np.full(shape, -1, np.int32)
    position, weight = np.zeros(shape, np.int64), np.zeros(shape, np.float32)
    for i, r in enumerate(rows):
        n = len(r.ids)
        ids[i, :n], branch[i, :n], position[i, :n], weight[i, :n] = r.ids, r.branch, r.position, r.weight
    return {"ids": ids, "branch": branch, "position": position, "weight": weight}
