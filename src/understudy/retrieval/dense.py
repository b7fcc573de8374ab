"""Dense retrieval: vectors in safetensors, all of them compared where they are few, else cells of them."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.artifact import digest_json
from understudy.engine import map_kept
from understudy.errors import ModelError
from understudy.kept import Kept
from understudy.retrieval import mapped
from understudy.retrieval.cells import Cells, open_cells
from understudy.retrieval.config import EmbedderConfig
from understudy.retrieval.embed import Embedder, Vectors, embedder_identity
from understudy.stage import RunContext

VECTORS_FILE = "vectors.safetensors"
CELLS_FILE = ".cells.safetensors"  # hidden, and out of the content digest: it is made of the vectors
_SHARD = 128  # passages embedded together and kept
_TIE = 2e-6  # cosines in single precision that are no farther apart may be equal
_SAMPLED = 1000  # passages whose mean stands for all
_REMEMBERED = 4096  # questions, and sentences, whose vectors are kept


@dataclass(frozen=True)
class Built:
    """What building left beside its files. split: passages longer than the embedder's window."""

    settings: Mapping[str, Any]
    split: int


def build_dense(passages: Iterable[str], size: int, config: EmbedderConfig, ann_above: int, ctx: RunContext) -> Built:
    """Embed `size` passages into `ctx.out`. Vectors are kept by their passage's text: what is embedded once, by this
    run or another, is not embedded again."""
    model = digest_json([embedder_identity(config.embedder), config.model_dump(exclude={"batch_size"})])
    made = map_kept(
        _embed,
        passages,
        ctx,
        shared=lambda some: (config, ctx.device),
        key=digest_json,
        kept=Kept(ctx.root, f"vectors-{model[:16]}"),
        at_once=_SHARD,
        name="passages",
    )
    vectors: Vectors = np.zeros((0, 0), dtype=np.float32)
    split = window = 0
    for row, (_, value) in enumerate(made):
        vector, longer, window = _unpack(value)
        if not row:
            vectors = mapped.create(ctx.out / VECTORS_FILE, {"vectors": (np.float32, (size, len(vector)))})["vectors"]
        vectors[row] = vector
        split += longer
        if row % _SHARD == 0:
            ctx.progress("embeddings", row, size)
    _embedder.cache_clear()
    if size >= ann_above:
        Cells.make(vectors, ctx.out / CELLS_FILE)
    return Built(
        {
            "model": config.model_dump(exclude={"batch_size"}),
            "identity": embedder_identity(config.embedder),
            "ann_above": ann_above,
            "dimension": int(vectors.shape[1]),
            "window": window,
        },
        split,
    )


def _embed(shard: tuple[tuple[EmbedderConfig, str], list[str]]) -> list[tuple[bytes, bool]]:
    """A shard of the work: the vectors of passages."""
    (config, device), passages = shard
    embedder = _embedder(config, device)
    vectors, longer = embedder.passages(passages)
    return [(_pack(v, long, embedder.window), True) for v, long in zip(vectors, longer, strict=True)]


@functools.lru_cache(1)
def _embedder(config: EmbedderConfig, device: str) -> Embedder:
    return Embedder(config, device)


def _pack(vector: Vectors, longer: bool, window: int) -> bytes:
    """A vector with whether its passage was longer than the embedder's window, as bytes."""
    return bytes(np.array([longer, window], dtype="<i4").tobytes() + vector.astype("<f4").tobytes())


def _unpack(kept: bytes) -> tuple[Vectors, bool, int]:
    longer, window = np.frombuffer(kept[:8], dtype="<i4")
    return np.frombuffer(kept[8:], dtype="<f4"), bool(longer), int(window)


@dataclass
class Dense:
    """A ranker by cosine. The embedder loads at the first question."""

    vectors: Vectors
    cells: Cells | None
    load_embedder: Callable[[], Embedder]
    _embedder: Embedder | None = None
    _embed: Callable[[str], Vectors] | None = None
    _sentences: dict[str, Vectors] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def open(cls, path: Path, settings: Mapping[str, Any], *, device: str = "auto") -> Dense:
        """Open the vectors in an index's folder; settings: `Built.settings`.

        Raises StoreError where the vectors are missing or damaged.
        """
        try:
            vectors: Vectors = mapped.open_arrays(path / VECTORS_FILE)["vectors"]
        except KeyError as error:
            raise mapped.damaged(path / VECTORS_FILE, error) from error

        config = EmbedderConfig.model_validate(settings["model"])

        def load() -> Embedder:
            now = embedder_identity(config.embedder)
            if now is not None and settings["identity"] is not None and now != settings["identity"]:
                raise ModelError(
                    f"index.embedder: '{config.embedder}' is not the model that made this index any more "
                    f"({settings['identity']} then, {now} now); run the recipe again to index with it"
                )
            return Embedder(config, device)

        many = len(vectors) >= settings["ann_above"]
        return cls(vectors, open_cells(path / CELLS_FILE, vectors) if many else None, load)

    def rank(self, query: str, limit: int) -> list[tuple[int, float]]:
        """Rows and cosines of the nearest passages, best first; equal cosines in row order."""
        return self.nearest(self._vector(query), limit)

    def weigh(self, query: str, rows: Sequence[int]) -> list[float]:
        """The cosines of given rows."""
        cosines = self.vectors[list(rows)].astype(np.float64) @ self._vector(query).astype(np.float64)
        return [float(c) for c in cosines]

    def closeness(self, query: str, texts: Sequence[str]) -> list[float]:
        """How near each text is to a question: its cosine between that of any passage, 0, and 1.

        Models differ in the cosine that they give to what has nothing in common, and so do questions that name what all
        passages are about.
        """
        vector = self._vector(query).astype(np.float64)
        if not texts:
            return []
        cosines = self._vectors_of(texts).astype(np.float64) @ vector
        usual = float(self._middle @ vector)
        return [(float(cosine) - usual) / max(1.0 - usual, 0.05) for cosine in cosines]

    def _vectors_of(self, texts: Sequence[str]) -> Vectors:
        """The vectors of texts, those worked out lately remembered: a documentation's sentences are met again."""
        with self._lock:
            assert self._embedder is not None  # a question was embedded
            found = {text: self._sentences[text] for text in texts if text in self._sentences}
            missing = [text for text in dict.fromkeys(texts) if text not in found]
            if missing:
                found.update(zip(missing, self._embedder.passages(missing)[0], strict=True))
            if len(self._sentences) > _REMEMBERED:
                self._sentences.clear()
            self._sentences.update(found)
        return np.stack([found[text] for text in texts])

    @functools.cached_property
    def _middle(self) -> NDArray[np.float64]:
        """The mean of the passages' vectors, of so many as are read in an instant: its product with a question's is
        their mean cosine."""
        step = -(-len(self.vectors) // _SAMPLED)
        middle: NDArray[np.float64] = self.vectors[::step].astype(np.float64).mean(axis=0)
        return middle

    def _vector(self, query: str) -> Vectors:
        with self._lock:  # tokenizers change their state at work
            if self._embed is None:  # a benchmark asks the same question once an arm and once a shift
                self._embedder = self.load_embedder()
                self._embed = functools.lru_cache(_REMEMBERED)(self._embedder.query)
            return self._embed(query)

    def nearest(self, vector: Vectors, limit: int) -> list[tuple[int, float]]:
        """Rows and cosines of the nearest vectors, best first; equal cosines in row order."""
        if self.cells is None:
            rows, rough = np.arange(len(self.vectors)), self.vectors @ vector
        else:
            rows, rough = self.cells.near(vector)
        limit = min(limit, len(rows))
        if not limit:
            return []
        last = np.partition(rough, len(rough) - limit)[len(rough) - limit]
        best = np.sort(rows[rough >= last - _TIE])
        # Summed row by row: a product of matrices may give equal rows sums that differ in their last bits.
        cosines = (self.vectors[best].astype(np.float64) * vector.astype(np.float64)).sum(axis=1)
        order = np.argsort(-cosines, kind="stable")[:limit]
        return [(int(best[k]), float(cosines[k])) for k in order]
