"""`POST /v1/embeddings`: vectors of the index's own embedding model."""

from __future__ import annotations

import base64
import threading
from typing import Any

import numpy as np

from understudy.retrieval.config import EmbedderConfig
from understudy.retrieval.embed import Embedder
from understudy.serve.problems import Problem
from understudy.serve.requests import EmbeddingRequest

_LONGEST = 100_000  # characters of one text


class Embeddings:
    """The embedding model, loaded at its first text."""

    def __init__(self, config: EmbedderConfig | None, device: str) -> None:
        self._config = config
        self._device = device
        self._embedder: Embedder | None = None
        self._lock = threading.Lock()

    def answer(self, request: EmbeddingRequest) -> dict[str, Any]:
        """Vectors in the order of the texts. Raises Problem where the run's index has no embedding model."""
        if self._config is None:
            raise Problem(400, "this run's index has no embedding model (index.retriever: bm25)", param="model")
        texts = request.texts
        if any(not t.strip() for t in texts) or any(len(t) > _LONGEST for t in texts):
            raise Problem(400, f"every text must have words, and at most {_LONGEST} characters", param="input")
        with self._lock:
            if self._embedder is None:
                self._embedder = Embedder(self._config, self._device)
            vectors, _ = self._embedder.passages(texts)
        rows = [self._shown(vector, request.encoding_format) for vector in vectors]
        words = sum(len(t.split()) for t in texts)
        return {
            "object": "list",
            "data": [{"object": "embedding", "index": i, "embedding": row} for i, row in enumerate(rows)],
            "model": request.model or self._config.embedder,
            "usage": {"prompt_tokens": words, "total_tokens": words},
        }

    @staticmethod
    def _shown(vector: Any, form: str) -> Any:
        if form == "base64":
            return base64.b64encode(np.asarray(vector, dtype="<f4").tobytes()).decode()
        return [float(x) for x in vector]
