"""Constrained decoding: a model writes JSON of a given schema, because no other token can be chosen (llguidance).

At each step the grammar says which tokens may follow; the others are taken out of the choice. A text that ends by
itself fits the schema; one that is cut off by the limit of tokens is the beginning of one that does.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from llguidance import LLMatcher, LLTokenizer
from llguidance.hf import from_tokenizer
from llguidance.numpy import fill_next_token_bitmask

from understudy.errors import InputError, ModelError

Schema = Mapping[str, Any]
ANY_OBJECT: Schema = {"type": "object"}
_LARGEST = 100_000  # characters of a schema
# On one line, with or without a blank behind comma and colon: a small model could write blanks without end.
_FORM = {"whitespace_flexible": False, "item_separator": ", ?", "key_separator": ": ?"}


class Guide:
    """One text that is being written. Serves a single answer.

    problem: why the grammar cannot be followed any further; empty while it can.
    """

    def __init__(self, matcher: LLMatcher, size: int) -> None:
        self._matcher = matcher
        self._bits = np.zeros((1, (size + 31) // 32), dtype=np.int32)
        self._size = size
        self.problem = ""

    def allowed(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which tokens may come next, by id; those that end an answer only where the text is whole."""
        fill_next_token_bitmask(self._matcher, self._bits)
        self._look()
        bits = np.unpackbits(self._bits.view(np.uint8), bitorder="little")[: self._size]
        return bits.astype(bool)

    def take(self, token: int) -> bool:
        """Go on by a token; whether the text is whole and nothing more can follow."""
        self._matcher.consume_token(token)
        self._look()
        return not self.problem and self._matcher.is_stopped()

    def _look(self) -> None:
        if self._matcher.is_error():
            self.problem = _first_line(self._matcher.get_error())


class Constrainer:
    """Makes the guides of one model.

    tokenizer: a fast one of transformers, bytes or characters with bytes to fall back on. size: of the model's output,
    which may be padded beyond the vocabulary. ends: tokens that end an answer.
    """

    def __init__(self, tokenizer: Any, size: int, ends: Sequence[int]) -> None:
        self._tokenizer, self._size, self._ends = tokenizer, size, list(ends)
        self._tokens: LLTokenizer | None = None
        self._lock = threading.Lock()

    def guide(self, schema: Schema) -> Guide:
        """A guide for one answer.

        Raises InputError naming what of the schema cannot be held to, ModelError for a tokenizer that cannot be led.
        """
        guide = Guide(self._matcher(schema), self._size)
        guide.allowed()
        if guide.problem:
            raise InputError("the schema cannot be held to: no text fits it")
        return guide

    def _matcher(self, schema: Schema) -> LLMatcher:
        written = json.dumps(schema)
        if len(written) > _LARGEST:
            raise InputError(f"the schema has {len(written):,} characters; {_LARGEST:,} are read at most")
        # What a schema says to the library itself must not loosen it.
        ours = {"lenient": False, "coerce_one_of": False, "whitespace_pattern": None, **_FORM}
        try:
            grammar = LLMatcher.grammar_from_json_schema(written, overrides=ours)  # type: ignore[arg-type]
        except ValueError as error:
            raise InputError(f"the schema cannot be read: {_first_line(str(error))}") from None
        matcher = LLMatcher(self._opened(), grammar, log_level=0)
        problem = matcher.get_error() or ", ".join(matcher.get_grammar_warnings())
        if problem:
            raise InputError(f"the schema cannot be held to: {_first_line(problem)}")
        return matcher

    def _opened(self) -> LLTokenizer:
        with self._lock:  # it takes half a second
            if self._tokens is None:
                try:
                    self._tokens = from_tokenizer(self._tokenizer, n_vocab=self._size, eos_token=self._ends or None)
                except ValueError as error:
                    raise ModelError(f"this model's tokenizer cannot be held to a schema: {error}") from error
            return self._tokens


def _first_line(text: str) -> str:
    """An error in a line; the library shows its own state below it."""
    lines = [line.strip() for line in text.partition("<state>")[0].splitlines() if line.strip()]
    last = next((line for line in lines if line.startswith("error:")), None)
    first = lines[0] if lines else "unknown error"
    return (f"{first} {last}" if last and last != first else first)[:300]
