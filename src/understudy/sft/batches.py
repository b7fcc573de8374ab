"""Rows become tokens in the order of training, batch after batch, and are kept as one safetensors file.

The order is fixed before training starts, so that step k always sees the same rows: a resumed training needs
only to skip, and two runs with one seed are alike.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from understudy.artifact import atomic_path
from understudy.models.chat import IGNORED, encode_row, render
from understudy.models.pairs import encode_pairs
from understudy.sft.rows import Row

_POOL = 50  # batches sorted by length together: little padding, and still well mixed


@dataclass(frozen=True, slots=True)
class Encoded:
    """A row's tokens; the first `read` of them are the prompt, the rest is learned.

    held: the rest is not learned either; on it the model is held to what it was.
    seat: a number that rows share which are asked about the same passages; 0 for a row by itself.
    wrong: the tokens of each wrong answer after the prompt, without an end of the turn. text: as many of the row's own
    tokens after the prompt as are answer, not the end of the turn. letters: characters of the answer and of the wrong.
    """

    ids: tuple[int, ...]
    read: int
    held: bool = False
    seat: int = 0
    wrong: tuple[tuple[int, ...], ...] = ()
    text: int = 0
    letters: tuple[int, ...] = ()

    @property
    def against(self) -> list[list[int]]:
        """What the choice is made of, for the trainer: [prompt's tokens, text, *letters], then each wrong answer."""
        return [[self.read, self.text, *self.letters], *map(list, self.wrong)] if self.wrong else []

    @property
    def labels(self) -> list[int]:
        return [IGNORED] * self.read + list(self.ids[self.read :])


def encode_rows(rows: Sequence[Row], tokenizer: Any, max_length: int) -> list[tuple[Row, Encoded] | None]:
    """Each row with its tokens, passages left out until it fits; None where even the shortest does not."""
    fitted = [_fit(row, tokenizer, max_length) for row in rows]
    rivals = [(k, found) for k, found in enumerate(fitted) if found is not None and found[0].options]
    contexts = [render(tokenizer, row.messages) for _, (row, _) in rivals]
    pairs = encode_pairs(tokenizer, contexts, [row.options for _, (row, _) in rivals])
    for (k, (row, encoded)), (context, continuations) in zip(rivals, pairs, strict=True):
        fitted[k] = row, _against(row, encoded, [(*context, *continuation) for continuation in continuations])
    return fitted


def _fit(row: Row | None, tokenizer: Any, max_length: int) -> tuple[Row, Encoded] | None:
    while row is not None:
        ids, labels = encode_row(tokenizer, row.messages, row.answer)
        if len(ids) <= max_length:
            read = sum(label == IGNORED for label in labels)
            return row, Encoded(tuple(ids), read, row.held, row.seat)
        row = row.shorter()
    return None


def _against(row: Row, encoded: Encoded, whole: Sequence[tuple[int, ...]]) -> Encoded:
    """The row with its wrong answers; as it was where one is not what follows the prompt.

    whole: the prompt's tokens with each option's, the row's own first.
    """
    read = encoded.read
    if whole[0] != encoded.ids[: len(whole[0])] or any(tokens[:read] != encoded.ids[:read] for tokens in whole):
        return encoded
    own, *wrong = (tokens[read:] for tokens in whole)
    return replace(encoded, wrong=tuple(wrong), text=len(own), letters=tuple(map(len, row.options)))


def in_order(epochs: Sequence[Sequence[Encoded]], batch_size: int, rng: random.Random) -> list[Encoded]:
    """All epochs' rows in the order of training: batches of like length, in random order.

    Rows about the same passages stand together, since they can be read together. What does not fill a batch at the end
    of an epoch goes into the next one's first.
    """
    ordered: list[Encoded] = []
    left: list[Encoded] = []
    for number, epoch in enumerate(epochs):
        together: dict[tuple[int, int], list[Encoded]] = {}
        for i, row in enumerate(epoch):
            together.setdefault((row.seat, 0 if row.seat else i), []).append(row)
        groups = list(together.values())
        rng.shuffle(groups)
        groups = [*([row] for row in left), *groups]
        rows = [row for group in groups for row in group]
        like = [(max(len(r.ids) for r in group), number) for number, group in enumerate(groups) for _ in group]
        whole = len(rows) // batch_size * batch_size
        batches: list[list[Encoded]] = []
        for start in range(0, whole, _POOL * batch_size):
            pool = sorted(range(start, min(whole, start + _POOL * batch_size)), key=lambda i: like[i])
            batches += [[rows[i] for i in pool[k : k + batch_size]] for k in range(0, len(pool), batch_size)]
        rng.shuffle(batches)
        ordered += [row for batch in batches for row in batch]
        left = rows[whole:]
        if number == len(epochs) - 1:
            ordered += left
    return ordered


def save_rows(rows: Sequence[Encoded], file: Path) -> None:
    """Write tokens, row ends and prompt lengths."""
    flat = np.fromiter((t for r in rows for t in r.ids), dtype=np.int32, count=sum(len(r.ids) for r in rows))
    ends = np.cumsum([len(r.ids) for r in rows], dtype=np.int64) if rows else np.zeros(0, dtype=np.int64)
    with atomic_path(file) as temporary:
        read, held = np.array([r.read for r in rows], np.int32), np.array([r.held for r in rows], np.uint8)
        seat = np.array([r.seat for r in rows], np.int32)
        wrong = np.array([t for r in rows for answer in r.wrong for t in answer], np.int32)
        columns: dict[str, Any] = {
            "read": read,
            "held": held,
            "seat": seat,
            "text": np.array([r.text for r in rows], np.int32),
        }
        columns["wrong_count"] = np.array([len(r.wrong) for r in rows], np.int32)
        columns["wrong_length"] = np.array([len(answer) for r in rows for answer in r.wrong], np.int32)
        columns["letters"] = np.array([n for r in rows for n in r.letters], np.int32)
        save_file({"ids": flat, "ends": ends, "wrong": wrong, **columns}, temporary)


def load_rows(file: Path) -> list[Encoded]:
    """The inverse of `save_rows`."""
    held = load_file(file)
    pieces = np.split(held["ids"], held["ends"][:-1]) if len(held["ends"]) else []
    of_each = zip(
        pieces, *(held[name].tolist() for name in ("read", "held", "seat", "text", "wrong_count")), strict=True
    )
    wrong, length, letters = (iter(held[name].tolist()) for name in ("wrong", "wrong_length", "letters"))
    rows = []
    for ids, read, hold, seat, text, count in of_each:
        answers = tuple(tuple(islice(wrong, next(length))) for _ in range(count))
        sizes = tuple(islice(letters, count + 1)) if count else ()
        rows.append(Encoded(tuple(ids.tolist()), read, bool(hold), seat, answers, text, sizes))
    return rows


def columns(rows: Sequence[Encoded]) -> dict[str, list[Any]]:
    """Rows as the columns that the trainer reads (`hold.py`)."""
    return {
        "input_ids": [list(r.ids) for r in rows],
        "labels": [r.labels for r in rows],
        "held": [int(r.held) for r in rows],
        **({"against": [r.against for r in rows]} if any(r.wrong for r in rows) else {}),
    }
