"""Rows become tokens in the order of training, batch after batch, and are kept as one safetensors file.

The order is fixed before training starts, so that step k always sees the same rows: a resumed training needs
only to skip, and two runs with one seed are alike.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from zlib import crc32

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
    passages: a number that rows asked about the same passages share; 0 for a row without passages.
    wrong: the tokens of each wrong answer after the prompt, without an end of the turn. text: as many of the row's own
    tokens after the prompt as are answer, not the end of the turn. letters: characters of the answer and of the wrong.
    """

    ids: tuple[int, ...]
    read: int
    held: bool = False
    passages: int = 0
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
    return [_fit(row, tokenizer, max_length) for row in rows]


def _fit(row: Row | None, tokenizer: Any, max_length: int) -> tuple[Row, Encoded] | None:
    while row is not None:
        ids, labels = encode_row(tokenizer, row.messages, row.answer)
        if len(ids) <= max_length:
            read = sum(label == IGNORED for label in labels)
            passages = crc32("\n\n".join(row.passages).encode())
            return row, Encoded(tuple(ids), read, row.held, passages, *_against(row, ids, read, tokenizer))
        row = row.shorter()
    return None


def _against(
    row: Row, ids: list[int], read: int, tokenizer: Any
) -> tuple[tuple[tuple[int, ...], ...], int, tuple[int, ...]]:
    """(wrong, text, letters) of a row; nothing where it has no wrong answer, or one is not what follows the prompt."""
    if not row.options:
        return (), 0, ()
    ((context, continuations),) = encode_pairs(tokenizer, [render(tokenizer, row.messages)], [row.options])
    whole = [[*context, *continuation] for continuation in continuations]
    if whole[0] != ids[: len(whole[0])] or any(tokens[:read] != ids[:read] for tokens in whole):
        return (), 0, ()
    own, *wrong = (tuple(tokens[read:]) for tokens in whole)
    return tuple(wrong), len(own), tuple(map(len, row.options))


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
            together.setdefault((row.passages, 0 if row.passages else i), []).append(row)
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
        passages = np.array([r.passages for r in rows], np.uint32)
        wrong = np.array([t for r in rows for answer in r.wrong for t in answer], np.int32)
        columns: dict[str, Any] = {
            "read": read,
            "held": held,
            "passages": passages,
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
        pieces, *(held[name].tolist() for name in ("read", "held", "passages", "text", "wrong_count")), strict=True
    )
    wrong, length, letters = (iter(held[name].tolist()) for name in ("wrong", "wrong_length", "letters"))
    rows = []
    for ids, read, hold, passages, text, count in of_each:
        answers = tuple(tuple(islice(wrong, next(length))) for _ in range(count))
        sizes = tuple(islice(letters, count + 1)) if count else ()
        rows.append(Encoded(tuple(ids.tolist()), read, bool(hold), passages, answers, text, sizes))
    return rows


def columns(rows: Sequence[Encoded]) -> dict[str, list[Any]]:
    """Rows as the columns that the trainer reads (`hold.py`)."""
    return {
        "input_ids": [list(r.ids) for r in rows],
        "labels": [r.labels for r in rows],
        "held": [int(r.held) for r in rows],
        **({"against": [r.against for r in rows]} if any(r.wrong for r in rows) else {}),
    }
