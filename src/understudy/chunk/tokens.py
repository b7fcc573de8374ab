"""Counts tokens as the reader will: with its own tokenizer, without special tokens."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer

from understudy.errors import ModelError
from understudy.models.resolve import local_folder

_PIECE = 1 << 16  # characters encoded at once: bounds memory, and lets a long document use all cores


class TokenCounter:
    """A tokenizer seen as a measure of length."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer

    @classmethod
    def open(cls, reference: str) -> TokenCounter:
        """The tokenizer of a model reference. Raises ModelError where the model has none that can be read."""
        folder = local_folder(reference)
        file = folder / "tokenizer.json"
        if not file.is_file():
            return cls(_converted(folder))
        try:
            return cls(Tokenizer.from_file(str(file)))
        except Exception as error:  # the library raises bare Exception
            raise ModelError(f"{file}: not a tokenizer: {error}; fetch the model anew") from error

    def starts(self, texts: Sequence[str]) -> list[list[int]]:
        """For each text, the character offset at which each of its tokens begins, never falling."""
        pieces = [piece for text in texts for piece in _pieces(text)]
        encodings = iter(self._tokenizer.encode_batch([p for _, p in pieces], add_special_tokens=False))
        found: list[list[int]] = []
        for (offset, _), encoding in zip(pieces, encodings, strict=True):
            if offset == 0:
                found.append([])
            starts, last = found[-1], 0
            for start, _ in encoding.offsets:
                last = start if start > last else last
                starts.append(last + offset)
        return found

    def counts(self, texts: Sequence[str]) -> list[int]:
        """The number of tokens of each text when it is encoded alone."""
        return [len(e) for e in self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]


def _pieces(text: str) -> list[tuple[int, str]]:
    """(offset, slice) of a text cut after line breaks into slices of about _PIECE characters."""
    pieces: list[tuple[int, str]] = []
    start = 0
    while len(text) - start > _PIECE:
        stop = text.rfind("\n", start, start + _PIECE) + 1 or start + _PIECE
        pieces.append((start, text[start:stop]))
        start = stop
    return [*pieces, (start, text[start:])]


def _converted(folder: Path) -> Tokenizer:
    """The fast tokenizer made from older files (SentencePiece, vocab and merges)."""
    from transformers import AutoTokenizer  # seconds to import, and only old models need it

    try:
        return AutoTokenizer.from_pretrained(folder, use_fast=True).backend_tokenizer
    except Exception as error:
        raise ModelError(f"{folder}: no tokenizer.json, and none can be made from its other files: {error}") from error
