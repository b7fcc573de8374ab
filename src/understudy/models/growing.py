"""The text of an answer that grows token by token, without decoding all of it anew for every token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_HALF = "\ufffd"  # what the bytes of a letter are decoded to before all of them are there


@dataclass(slots=True)
class Growing:
    """What `tokenizer` makes of a list of tokens to which tokens are added.

    Only the tokens since the last whole letter but one are decoded, twice: with those before them and without, since
    how a token is written can hang on whether another stands before it (a blank at the very start).
    """

    tokenizer: Any
    _whole: str = ""  # text of the first _seen tokens
    _start: int = 0  # where decoding begins, at or before _seen
    _seen: int = 0

    def text(self, tokens: Sequence[int]) -> str:
        """The text of all tokens; `tokens` begins with those that were given before."""
        before = self._decode(tokens[self._start : self._seen])
        now = self._decode(tokens[self._start :])
        if not now.startswith(before):  # a decoder that takes back what it wrote
            return self._decode(tokens)
        text = self._whole + now[len(before) :]
        # A token that says nothing (a special one) is no token before others: the next would stand at the very start.
        if len(now) > len(before) and not now.endswith(_HALF):
            self._whole, self._start, self._seen = text, self._seen, len(tokens)
        return text

    def _decode(self, tokens: Sequence[int]) -> str:
        return str(self.tokenizer.decode(tokens, skip_special_tokens=True)) if len(tokens) else ""
