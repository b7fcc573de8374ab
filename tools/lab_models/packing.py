"""One context, many questions: rows in which every question sees the context and itself, and nothing else.

A row is the beginning of a prompt (the passages) followed by branches (question, answer). A branch continues
the positions of the beginning as if the others were absent, so each is exactly the single-turn prompt that
is used later, while the passages are computed once. The loss counts answers (and marked parts) only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from tools.lab_models.tokenizer import BOS, EOS, PAD
from understudy.prompts import with_passages

# The first token of an answer is the choice among the passages; the rest follows from it.
FIRST = 4.0
COPIED = 6  # tokens of an answer whose places are said
_MARK, _DOCS = "\x01", "\x02"


class Ask(NamedTuple):
    """A question and its answer; `docs[start:end]` states it and `docs[at:]` begins with it (-1: not known)."""

    question: str
    answer: str
    start: int = -1
    end: int = -1
    at: int = -1


class Look(NamedTuple):
    """Where token `query` finds the next one of an answer: in tokens `first`..`last`, at `at`; -1: not said.

    Before an answer all are said as far as known; within an answer, where copying goes on, `at` alone.
    """

    query: int
    first: int
    last: int
    at: int


def split_prompt(layout: str = "") -> tuple[str, str]:
    """The user's message around passages and question: (with `\\x02` for passages, with `\\x01` for the question).

    Without `layout` it is the layout of `understudy.prompts`.
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
    looks: tuple[Look, ...] = ()


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
        pairs: Sequence[tuple[str, str] | Ask],
        limit: int = 2048,
        layout: str = "",
        task: str = "",
    ) -> Row:
        """Passages `docs` (empty: closed book) and (question, answer) pairs, as many as fit into `limit` tokens."""
        read: Encoding | None = None
        shift = 0
        if docs:
            head, tail = split_prompt(layout)
            shift = head.index(_DOCS)
            read = self.tokenizer.encode(head.replace(_DOCS, docs), add_special_tokens=False)
            ids = [self.bos, self.user, *read.ids]
        else:
            ids, tail = [self.bos, self.user], _MARK
        start = len(ids)
        branch, position, weight = [0] * start, list(range(start)), [0.0] * start
        looks: list[Look] = []
        for n, (question, answer, *place) in enumerate(pairs, 1):
            prompt = [*self.encode(tail.replace(_MARK, question)), self.eos, self.assistant]
            reply = [*self.encode(answer), self.eos]
            if n > 1 and len(ids) + len(prompt) + len(reply) > limit:
                continue
            if read is not None and place and place[0] >= 0:
                found = _look(read, len(ids) + len(prompt) - 1, *(int(c) + shift for c in place))
                looks += [found, *_onward(found, ids, reply)] if found else []
            ids += prompt + reply
            branch += [n] * (len(prompt) + len(reply))
            position += range(start, start + len(prompt) + len(reply))
            weight += [0.0] * len(prompt) + [FIRST] + [1.0] * (len(reply) - 1)
        return Row(ids, branch, position, weight, task, tuple(looks))

    def plain(self, ids: Sequence[int], weight: Sequence[float], task: str = "") -> Row:
        """A row without branches, such as running text."""
        return Row([self.bos, *ids], [0] * (len(ids) + 1), list(range(len(ids) + 1)), [0.0, *weight], task)


def _look(read: Encoding, query: int, start: int, end: int, at: int) -> Look | None:
    """Characters of the passages as token positions of the row; two tokens stand before the passages."""
    first, last = read.char_to_token(start), read.char_to_token(end - 1)
    if first is None or last is None:
        return None
    exact = read.char_to_token(at) if at >= start else None
    return Look(query, first + 2, last + 2, -1 if exact is None else exact + 2)


def _onward(look: Look, ids: Sequence[int], reply: Sequence[int]) -> Iterator[Look]:
    """Looks of the next tokens while the answer reads on as the passage does; the first may differ by a space."""
    if look.at < 0:
        return
    for n in range(1, min(COPIED, len(reply) - 1)):
        if look.at + n > look.last or ids[look.at + n] != reply[n]:
            return
        yield Look(look.query + n, -1, -1, look.at + n)


def collate(rows: Sequence[Row], pad: int = 0) -> dict[str, NDArray[Any]]:
    """Pad rows into arrays [rows, length]: ids, branch (-1: padding), position, weight; looks [n, 5], row first."""
    length = max(len(r.ids) for r in rows)
    shape = (len(rows), length)
    ids, branch = np.full(shape, pad, np.int64), np.full(shape, -1, np.int32)
    position, weight = np.zeros(shape, np.int64), np.zeros(shape, np.float32)
    for i, r in enumerate(rows):
        n = len(r.ids)
        ids[i, :n], branch[i, :n], position[i, :n], weight[i, :n] = r.ids, r.branch, r.position, r.weight
    looks = np.array([(i, *look) for i, r in enumerate(rows) for look in r.looks], np.int64).reshape(-1, 5)
    return {"ids": ids, "branch": branch, "position": position, "weight": weight, "looks": looks}
