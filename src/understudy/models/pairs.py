"""Contexts and what may follow them, as tokens.

Text is split as lm_eval splits it: context and continuation are encoded together and cut at the length of the
encoded context; blanks at the end of the context belong to the continuation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from understudy.errors import ModelError

Tokens = tuple[int, ...]


def encode_pair(
    tokenizer: Any, context: str, continuations: Sequence[str], *, add_special_tokens: bool
) -> tuple[Tokens, list[Tokens]]:
    """Tokens of a context and of each continuation after it, by lm_eval's convention.

    An empty context becomes the beginning-of-sequence token (or end-of-sequence where there is none).
    Raises ModelError for a continuation without a token.
    """
    stripped = context.rstrip()
    blanks = context[len(stripped) :]
    if stripped:
        texts = [stripped, *(stripped + blanks + c for c in continuations)]
        encoded = [tuple(ids) for ids in tokenizer(texts, add_special_tokens=add_special_tokens)["input_ids"]]
        first = encoded[0]
        rest = [ids[len(first) :] for ids in encoded[1:]]
    else:
        start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
        if start is None:
            raise ModelError("an empty context cannot be scored: the tokenizer has neither a bos nor an eos token")
        first = (int(start),)
        texts = [blanks + c for c in continuations]
        rest = [tuple(ids) for ids in tokenizer(texts, add_special_tokens=False)["input_ids"]]
    for text, ids in zip(continuations, rest, strict=True):
        if not ids:
            raise ModelError(f"the option {text!r} adds no token to its prompt, so it has no likelihood")
    return first, rest


def encode_pairs(
    tokenizer: Any,
    contexts: Sequence[str],
    options: Sequence[Sequence[str]],
    *,
    add_special_tokens: bool = False,
) -> list[tuple[Tokens, list[Tokens]]]:
    """`encode_pair` for many contexts, without reading a long context again for each of its options.

    Text is cut at special tokens before anything else, so what follows the last one of a context is encoded
    alone. Tokenizers that do not keep to that (some put a blank before the first word of a text) are found by
    trial, and read everything anew.
    """
    marks = [] if add_special_tokens else _marks(tokenizer)
    found: list[tuple[Tokens, list[Tokens]]] = []
    for context, choices in zip(contexts, options, strict=True):
        pair = _encode_behind_mark(tokenizer, context, choices, marks)
        found.append(pair or encode_pair(tokenizer, context, choices, add_special_tokens=add_special_tokens))
    return found


def _marks(tokenizer: Any) -> list[str]:
    """The special tokens at which the tokenizer cuts text for good."""
    trials = ("the port", " the port", "\nthe port", "7411", "\n\n7", "(x)")
    kept = []
    for token in getattr(tokenizer, "added_tokens_decoder", {}).values():
        mark = token.content
        if not token.special:
            continue
        encoded = tokenizer([mark, *trials, *(mark + t for t in trials)], add_special_tokens=False)["input_ids"]
        if all(encoded[0] + encoded[1 + k] == encoded[1 + len(trials) + k] for k in range(len(trials))):
            kept.append(mark)
    return kept


def _encode_behind_mark(
    tokenizer: Any, context: str, choices: Sequence[str], marks: Sequence[str]
) -> tuple[Tokens, list[Tokens]] | None:
    """The tokens of a pair by way of the last special token of its context; None where there is none."""
    stripped = context.rstrip()
    cut = max((at + len(mark) for mark in marks if (at := stripped.rfind(mark)) >= 0), default=0)
    if cut == 0:
        return None
    tail, blanks = stripped[cut:], context[len(stripped) :]
    texts = [tail, *(tail + blanks + choice for choice in choices)]
    first = tokenizer(stripped, add_special_tokens=False)["input_ids"]
    encoded = tokenizer(texts, add_special_tokens=False)["input_ids"]
    rest = [tuple(ids[len(encoded[0]) :]) for ids in encoded[1:]]
    return (tuple(first), rest) if all(rest) else None
