"""A cross-encoder reads question and passage together and orders the first hits anew."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from sentence_transformers import CrossEncoder

from understudy import prompts
from understudy.errors import ModelError
from understudy.models.load import pick_device
from understudy.retrieval.base import Ranker
from understudy.retrieval.embed import model_folder
from understudy.types import Chunk


@dataclass
class Reranked:
    """A ranker whose first `depth` rows a cross-encoder puts in order; rows beyond keep their place after
    them.

    Source: Nogueira and Cho, "Passage Re-ranking with BERT", 2019. Scores are the cross-encoder's; rows that
    it has not read are left out. The model loads at the first question.
    """

    ranker: Ranker
    chunks: Sequence[Chunk]
    reference: str
    depth: int
    device: str = "auto"
    _model: CrossEncoder | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def rank(self, query: str, limit: int) -> list[tuple[int, float]]:
        rows = [row for row, _ in self.ranker.rank(query, max(self.depth, limit))]
        if not rows:
            return []
        pairs = [(query, prompts.passage(self.chunks[row])) for row in rows]
        with self._lock:  # tokenizers change their state while they work
            if self._model is None:
                self._model = self._load()
            scores = self._model.predict(pairs, show_progress_bar=False)
        order = sorted(range(len(rows)), key=lambda i: -float(scores[i]))  # equal scores keep their order
        return [(rows[i], float(scores[i])) for i in order[:limit]]

    def weigh(self, query: str, rows: Sequence[int]) -> list[float]:
        return self.ranker.weigh(query, rows)

    def _load(self) -> CrossEncoder:
        folder = model_folder(self.reference)
        try:
            return CrossEncoder(
                str(folder),
                device=str(pick_device(self.device)),
                local_files_only=True,
                model_kwargs={"use_safetensors": True},
            )
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise ModelError(f"index.reranker: '{self.reference}' cannot be loaded: {error}") from error
