"""Rows become tokens in the order of training, batch after batch, and are kept as one safetensors file.

The order is fixed before training starts, so that step k always sees the same rows: a resumed training needs
only to skip, and two runs with one seed are alike.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from safetensors.numpy import load_file, save_file

from understudy.artifact import atomic_path
from understudy.models.chat import IGNORED, encode_row
from understudy.sft.rows import Row

_POOL = 50  # batches sorted by length together: little padding, and still well mixed


@dataclass(frozen=True, slots=True)
class Encoded:
    """A row's tokens; the first `read` of them are the prompt, the rest is learned.

    held: the rest is not learned either; on it the model is held to what it was.
    passages: a number that rows asked about the same passages share; 0 for a row without passages.
    """

    ids: tuple[int, ...]
    read: int
    held: bool = False
    passages: int = 0

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
            passages = crc32("\n\n".join(row.passages).encode())
            return row, Encoded(tuple(ids), sum(label == IGNORED for label in labels), row.held, passages)
        row = row.shorter()
    return None


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
        save_file({"ids": flat, "ends": ends, "read": read, "held": held, "passages": passages}, temporary)


def load_rows(file: Path) -> list[Encoded]:
    """The inverse of `save_rows`."""
    held = load_file(file)
    pieces = np.split(held["ids"], held["ends"][:-1]) if len(held["ends"]) else []
    rows = zip(pieces, *(held[name].tolist() for name in ("read", "held", "passages")), strict=True)
    return [Encoded(tuple(ids.tolist()), read, bool(hold), passages) for ids, read, hold, passages in rows]


def columns(rows: Sequence[Encoded]) -> dict[str, list[Any]]:
    """Rows as the columns that the trainer reads (`hold.py`)."""
    return {
        "input_ids": [list(r.ids) for r in rows],
        "labels": [r.labels for r in rows],
        "held": [int(r.held) for r in rows],
    }
