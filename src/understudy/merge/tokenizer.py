"""Tokenizers as what a merge needs of them: which token has which row, and a tokenizer that knows them all."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from understudy.errors import InputError
from understudy.merge.checkpoint import read_json
from understudy.merge.parents import Parent, is_vocabulary


@dataclass(frozen=True)
class Vocabulary:
    """A model's tokenizer.json. tokens: text → id, added tokens included. rows: rows of its embeddings."""

    reference: str
    document: dict[str, Any]
    tokens: dict[str, int]
    rows: int


def rows_of(parent: Parent) -> int:
    """Rows of a model's embeddings; 0 where it has none."""
    sizes = [parent.info(n).shape[0] for n in parent.checkpoint.where if is_vocabulary(n) and parent.info(n).shape]
    return max(sizes, default=0)


def read_vocabulary(parent: Parent) -> Vocabulary | None:
    """The vocabulary of a model, None where it has no tokenizer.json. Raises InputError for a damaged one."""
    path = parent.folder / "tokenizer.json"
    if not path.is_file():
        return None
    document = read_json(path)
    try:
        vocabulary = document["model"]["vocab"]
        if isinstance(vocabulary, list):  # Unigram: [text, score], the place is the id
            tokens = {entry[0]: number for number, entry in enumerate(vocabulary)}
        else:
            tokens = {str(text): int(number) for text, number in vocabulary.items()}
        tokens |= {entry["content"]: int(entry["id"]) for entry in document.get("added_tokens") or []}
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise InputError(f"{path}: not a tokenizer that can be read: {error!r}") from error
    return Vocabulary(parent.reference, document, tokens, rows_of(parent))


def need_vocabulary(parent: Parent) -> Vocabulary:
    """As `read_vocabulary`; a missing tokenizer.json is an InputError with the command that makes it."""
    found = read_vocabulary(parent)
    if found is None:
        raise InputError(
            f"{parent.folder}: no tokenizer.json, so its tokens cannot be matched with other models'. Make it with\n"
            f'  python -c "from transformers import AutoTokenizer as T; '
            f"T.from_pretrained('{parent.folder}').save_pretrained('{parent.folder}')\""
        )
    return found


def add_tokens(
    document: dict[str, Any], tokens: dict[str, int], new: Sequence[str]
) -> tuple[dict[str, Any], dict[str, int]]:
    """The tokenizer with more added tokens, numbered from its end on."""
    document, first = copy.deepcopy(document), max(tokens.values(), default=-1) + 1
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False}
    added = [{"id": first + n, "content": text, **flags} for n, text in enumerate(new)]
    document["added_tokens"] = [*(document.get("added_tokens") or []), *added]
    return document, {**tokens, **{str(entry["content"]): int(str(entry["id"])) for entry in added}}


def union(base: Vocabulary, others: Sequence[Vocabulary]) -> tuple[dict[str, Any], dict[str, int]]:
    """The base's tokenizer with the tokens that only others have, numbered from its end on.

    Added (special) tokens stay added tokens with their settings. Ordinary tokens join the model's vocabulary;
    for byte-pair tokenizers with the merges that make them, after the base's own, so that these keep priority.
    Raises InputError for tokenizers of different kinds.
    """
    document = copy.deepcopy(base.document)
    model, kind = document["model"], document["model"].get("type")
    tokens = dict(base.tokens)
    added = document.setdefault("added_tokens", [])
    for other in others:
        if other.document["model"].get("type") != kind:
            raise InputError(
                f"{other.reference} has a {other.document['model'].get('type')} tokenizer, {base.reference} a {kind} "
                "one: they have no union; use tokenizer_source: base"
            )
        settings = {entry["content"]: entry for entry in other.document.get("added_tokens") or []}
        new = [
            t for t, n in sorted(other.tokens.items(), key=lambda item: item[1]) if t not in tokens and n < other.rows
        ]
        ordinary, special = [t for t in new if t not in settings], [t for t in new if t in settings]
        following = max(tokens.values(), default=-1) + 1
        tokens |= {text: following + n for n, text in enumerate([*ordinary, *special])}
        if ordinary:
            _join(model, kind, other, ordinary, tokens)
        added += [{**settings[t], "id": tokens[t]} for t in special]
    if isinstance(model["vocab"], dict):  # an added token that is not in it would be numbered anew, from its end
        model["vocab"] |= tokens
    return document, tokens


def _join(model: dict[str, Any], kind: Any, other: Vocabulary, new: list[str], tokens: dict[str, int]) -> None:
    """Add ordinary tokens, numbered already, to a tokenizer's vocabulary."""
    if kind == "Unigram":
        # the list's places are ids: tokens can join only where the list is the whole vocabulary so far
        if len(model["vocab"]) != tokens[new[0]]:
            raise InputError(
                f"{other.reference}: its Unigram tokens cannot follow added ones; use tokenizer_source: base"
            )
        scores = {entry[0]: entry[1] for entry in other.document["model"]["vocab"]}
        model["vocab"] += [[text, scores[text]] for text in new]
        return
    if kind == "BPE":
        wanted = set(new)
        known = {tuple(_pair(m)) for m in model["merges"]}
        for entry in other.document["model"].get("merges", []):
            left, right = _pair(entry)
            if left + right in wanted and left in tokens and right in tokens and (left, right) not in known:
                model["merges"].append(f"{left} {right}" if _as_text(model) else [left, right])


def _as_text(model: dict[str, Any]) -> bool:
    return bool(model["merges"]) and isinstance(model["merges"][0], str)


def _pair(entry: Any) -> tuple[str, str]:
    left, right = entry.split(" ", 1) if isinstance(entry, str) else entry
    return left, right
