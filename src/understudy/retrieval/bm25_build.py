"""Passages, block by block, to the arrays of BM25: memory holds the vocabulary and one block, not the postings."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from understudy.retrieval import mapped
from understudy.retrieval.analyser import terms

Built = dict[str, mapped.Array]
"""The arrays of an index by name, as `BM25` describes them; terms and term_starts are its `Words`."""

Ints = NDArray[np.int32]
_TOGETHER = 1_000_000  # postings that are sorted at once; it takes about 80 bytes of memory for each


@dataclass(frozen=True, slots=True)
class Counted:
    """The terms of a block of passages. words: its own vocabulary. lengths: [passages], terms of each. numbers, rows,
    counts: [postings], the term's number in `words`, the passage's place in the block and how often it holds it."""

    words: tuple[str, ...]
    lengths: Ints
    numbers: Ints
    rows: Ints
    counts: Ints


def analyse(texts: Sequence[str]) -> Counted:
    """The terms of a block of texts: a shard of the work."""
    return count(map(terms, texts))


def count(passages: Iterable[Sequence[str]]) -> Counted:
    """The terms of passages given as lists of terms."""
    known: dict[str, int] = {}
    lengths: list[int] = []
    numbers: list[int] = []
    counts: list[int] = []
    sizes: list[int] = []
    for passage in passages:
        lengths.append(len(passage))
        held = Counter(passage)
        numbers += [known.setdefault(term, len(known)) for term in held]
        counts += held.values()
        sizes.append(len(held))
    rows = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    flat = (np.array(part, dtype=np.int32) for part in (lengths, numbers, counts))
    of_passages, of_terms, how_often = flat
    return Counted(tuple(known), of_passages, of_terms, rows, how_often)


class Postings:
    """Collects blocks in the order of the passages. spill: a folder where they wait; without one, in memory."""

    def __init__(self, spill: Path | None = None) -> None:
        self.spill = spill
        self.size = 0
        self._known: dict[str, int] = {}
        self._lengths: list[Ints] = []
        self._waiting: list[NDArray[np.int32]] = []  # each [3, postings]: term, row, count
        self._held = 0
        self._blocks: list[NDArray[np.int32] | Path] = []

    @property
    def n_terms(self) -> int:
        return len(self._known)

    def add(self, block: Counted) -> None:
        """Take the next passages."""
        own = np.array([self._known.setdefault(word, len(self._known)) for word in block.words], dtype=np.int32)
        numbers = own[block.numbers] if len(block.numbers) else block.numbers
        self._waiting.append(np.stack([numbers, block.rows + np.int32(self.size), block.counts]))
        self._lengths.append(block.lengths)
        self.size += len(block.lengths)
        self._held += len(numbers)
        if self._held >= _TOGETHER:
            self._put_aside()

    def _put_aside(self) -> None:
        if not self._held:
            return
        block = np.concatenate(self._waiting, axis=1)
        self._waiting, self._held = [], 0
        if self.spill is None:
            self._blocks.append(block)
            return
        self.spill.mkdir(parents=True, exist_ok=True)
        path = self.spill / f"{len(self._blocks)}.npy"
        np.save(path, block)
        self._blocks.append(path)

    def _read(self) -> Iterator[NDArray[np.int32]]:
        for block in self._blocks:
            yield np.load(block, allow_pickle=False) if isinstance(block, Path) else block

    def build(self, *, k1: float, b: float, path: Path | None = None) -> Built:
        """The arrays of the index; in the file `path`, mapped, where one is named. Blocks are used up."""
        self._put_aside()
        names = sorted(self._known)
        place = np.empty(len(names), dtype=np.int32)  # of a term, by the number it had until now
        for at, name in enumerate(names):
            place[self._known[name]] = at
        self._known = {}
        sizes = np.zeros(len(names), dtype=np.int64)
        for block in self._read():
            sizes += np.bincount(place[block[0]], minlength=len(names))
        words = [name.encode() for name in names]
        del names
        length = np.concatenate([*self._lengths, np.zeros(0, dtype=np.int32)]).astype(np.float64)
        built = _arrays(path, len(words), int(sizes.sum()), sum(map(len, words)))
        built["k1"][0], built["size"][0] = k1, self.size
        built["starts"][1:] = np.cumsum(sizes)
        built["term_starts"][1:] = np.cumsum(np.fromiter(map(len, words), dtype=np.int64, count=len(words)))
        built["terms"][:] = np.frombuffer(b"".join(words), dtype=np.uint8)
        mean = float(length.mean()) if length.sum() else 1.0
        idf = np.log1p((self.size - sizes + 0.5) / (sizes + 0.5))
        free = built["starts"][:-1].copy()  # where a term's next posting goes
        for block in self._read():
            number = place[block[0]]
            order = np.argsort(number, kind="stable")  # rows rise in a block, and so within a term
            number, rows, counts = number[order], block[1][order], block[2][order].astype(np.float64)
            new = np.flatnonzero(np.diff(number, prepend=-1))
            within = np.arange(len(number)) - np.repeat(new, np.diff(new, append=len(number)))
            at = free[number] + within
            free[number[new]] += np.diff(new, append=len(number))
            impacts = idf[number] * counts * (k1 + 1) / (counts + k1 * (1 - b + b * length[rows] / mean))
            built["rows"][at] = rows
            built["impacts"][at] = impacts.astype(np.float32)
        for block_path in (b for b in self._blocks if isinstance(b, Path)):
            block_path.unlink()
        if len(words):
            built["most"][:] = np.maximum.reduceat(built["impacts"], built["starts"][:-1])
        return built


def _arrays(path: Path | None, n_terms: int, n_postings: int, n_bytes: int) -> Built:
    """The arrays of an index, empty."""
    wanted = {
        "impacts": (np.float32, n_postings),
        "k1": (np.float64, 1),
        "most": (np.float32, n_terms),
        "rows": (np.int32, n_postings),
        "size": (np.int64, 1),
        "starts": (np.int64, n_terms + 1),
        "term_starts": (np.int64, n_terms + 1),
        "terms": (np.uint8, n_bytes),
    }
    if path is not None:
        return mapped.create(path, wanted)
    return {name: np.zeros(length, dtype=kind) for name, (kind, length) in wanted.items()}


def blocks(texts: Iterable[str], size: int) -> Iterator[list[str]]:
    """Texts in lists of `size`."""
    rest = iter(texts)
    while block := list(itertools.islice(rest, size)):
        yield block
