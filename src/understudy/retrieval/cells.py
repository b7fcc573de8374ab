"""Vectors in cells, near ones together: a search reads the cells nearest to the question and not all vectors.

A cell is the vectors nearest to one of about √n centres (k-means by cosine). How many cells a search reads is settled
when they are made, by asking for the neighbours of some of the vectors: as few as find nearly all of the ten nearest.
Equal vectors give equal cells on one machine: what is drawn is drawn by a fixed seed.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from understudy.artifact import atomic_path
from understudy.errors import StoreError
from understudy.retrieval import mapped

Vectors = NDArray[np.float32]
Rows = NDArray[np.int64]

_SEED = 0
_A_CENTRE = 32  # vectors a centre that k-means sees
_ROUNDS = 8  # of k-means
_ASKED = 400  # vectors whose neighbours are asked for
_NEIGHBOURS = 10
_FOUND = 0.985  # share of the neighbours that must be found; of questions, which are no passages, a little less are
_LEAST = 8  # cells that a search reads at least
_BLOCK = 4096  # vectors compared with all centres at once


class Cells:
    """Vectors by cells.

    centres: (k, d), each of length one. starts: (k + 1), where each cell begins. rows: (n), whose vector stands at a
    place. vectors: (n, d), in the order of the cells. probes: how many cells a search reads.
    """

    def __init__(self, centres: Vectors, starts: Rows, rows: Rows, vectors: Vectors, probes: int) -> None:
        self.centres = centres
        self.starts = starts
        self.rows = rows
        self.vectors = vectors
        self.probes = probes

    @classmethod
    def make(cls, vectors: Vectors, path: Path | None) -> Cells:
        """Cells of (n, d) vectors of length one, in the file `path`; in memory where it is None. Raises OSError."""
        if path is None:
            return cls._made(vectors, None)
        with atomic_path(path) as temporary:
            cls._made(vectors, temporary)
        return cls.open(path)

    @classmethod
    def open(cls, path: Path) -> Cells:
        """Map the file. Raises StoreError where it is missing or damaged."""
        found = mapped.open_arrays(path)
        try:
            probes = int(found["probes"][0])
            return cls(found["centres"], found["starts"], found["rows"], found["vectors"], probes)
        except (KeyError, IndexError) as error:
            raise mapped.damaged(path, error) from error

    @classmethod
    def _made(cls, vectors: Vectors, path: Path | None) -> Cells:
        n, width = vectors.shape
        centres = _centres(vectors, max(1, round(n**0.5)))
        cell = np.concatenate([_nearest(part, centres) for part in _parts(vectors)])
        order = np.argsort(cell, kind="stable")
        shapes = {
            "centres": (np.float32, centres.shape),
            "starts": (np.int64, len(centres) + 1),
            "rows": (np.int64, n),
            "vectors": (np.float32, (n, width)),
            "probes": (np.int64, 1),
        }
        file = {name: np.empty(shape, kind) for name, (kind, shape) in shapes.items()} if path is None else None
        filled = mapped.create(path, shapes) if path is not None else file
        assert filled is not None
        filled["centres"][:] = centres
        filled["starts"][:] = np.searchsorted(cell[order], np.arange(len(centres) + 1))
        filled["rows"][:] = order
        for start in range(0, n, _BLOCK):
            filled["vectors"][start : start + _BLOCK] = vectors[order[start : start + _BLOCK]]
        filled["probes"][0] = _probes(vectors, cell, centres)
        return cls(filled["centres"], filled["starts"], filled["rows"], filled["vectors"], int(filled["probes"][0]))

    def of(self, vectors: Vectors) -> bool:
        """Whether these are the vectors of the cells, as far as a look tells."""
        size = len(self.rows)
        if vectors.shape != self.vectors.shape:
            return False
        some = np.arange(0, size, max(1, size // 100))
        return bool((vectors[self.rows[some]] == self.vectors[some]).all())

    def near(self, question: Vectors) -> tuple[Rows, Vectors]:
        """Rows and rough cosines of the vectors in the cells nearest to a question."""
        cells = np.argpartition(-(self.centres @ question), min(self.probes, len(self.centres)) - 1)[: self.probes]
        spans = [slice(int(self.starts[c]), int(self.starts[c + 1])) for c in sorted(cells.tolist())]
        rows = np.concatenate([self.rows[span] for span in spans])
        return rows, np.concatenate([self.vectors[span] @ question for span in spans])


def open_cells(path: Path, vectors: Vectors) -> Cells:
    """The cells in a file, made again where it is missing, damaged or not of these vectors; in memory where it cannot
    be written."""
    try:
        cells = Cells.open(path)
        if cells.of(vectors):
            return cells
    except StoreError:
        pass
    try:
        return Cells.make(vectors, path)
    except OSError:
        return Cells.make(vectors, None)


def _parts(vectors: Vectors) -> list[Vectors]:
    return [vectors[start : start + _BLOCK] for start in range(0, len(vectors), _BLOCK)]


def _nearest(vectors: Vectors, centres: Vectors) -> Rows:
    found: Rows = (vectors @ centres.T).argmax(axis=1)
    return found


def _centres(vectors: Vectors, k: int) -> Vectors:
    """(k, d) centres by k-means over some of the vectors. A centre that nothing is nearest to stays where it was."""
    rng = np.random.default_rng(_SEED)
    size = min(len(vectors), _A_CENTRE * k)
    some = np.ascontiguousarray(vectors[np.sort(rng.choice(len(vectors), size, replace=False))])
    centres: Vectors = some[np.sort(rng.choice(size, k, replace=False))]
    for _ in range(_ROUNDS):
        cell = np.concatenate([_nearest(part, centres) for part in _parts(some)])
        order = np.argsort(cell, kind="stable")
        here, starts = np.unique(cell[order], return_index=True)
        sums = np.add.reduceat(some[order], starts, axis=0)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = centres.copy()
        centres[here] = np.where(lengths > 0, sums / np.where(lengths > 0, lengths, 1), centres[here])
    return centres


def _probes(vectors: Vectors, cell: Rows, centres: Vectors) -> int:
    """How many cells must be read so that `_FOUND` of the nearest neighbours of some vectors are in them."""
    asked = np.arange(0, len(vectors), max(1, len(vectors) // _ASKED))
    questions = np.ascontiguousarray(vectors[asked])
    best = np.full((len(asked), _NEIGHBOURS + 1), -np.inf, dtype=np.float32)  # each finds itself as well
    rows = np.zeros(best.shape, dtype=np.int64)
    for start in range(0, len(vectors), _BLOCK):
        cosines = np.concatenate([best, questions @ vectors[start : start + _BLOCK].T], axis=1)
        numbers = np.arange(start, start + cosines.shape[1] - best.shape[1])
        known = np.concatenate([rows, np.broadcast_to(numbers, (len(asked), len(numbers)))], axis=1)
        top = np.argpartition(-cosines, _NEIGHBOURS, axis=1)[:, : _NEIGHBOURS + 1]
        best, rows = np.take_along_axis(cosines, top, axis=1), np.take_along_axis(known, top, axis=1)
    nearness = questions @ centres.T
    own = np.take_along_axis(nearness, cell[rows], axis=1)
    place = (nearness[:, None, :] > own[:, :, None]).sum(axis=2)[rows != asked[:, None]]
    needed = int(np.quantile(place, _FOUND, method="higher")) + 1 if place.size else 1
    return min(len(centres), max(_LEAST, needed))
