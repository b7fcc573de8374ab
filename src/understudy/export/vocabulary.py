"""A byte-pair tokenizer as GGUF holds it, and by which of llama.cpp's rules it cuts text into words.

Tokenizers of bytes (GPT-2's kind) cut text into words first, those of pieces (sentencepiece's, `pieces.py`) do not.
llama.cpp knows word-cutting rules by name only. The name follows from what tokenizer.json does: the rules of GPT-2,
SmolLM, Llama 3 and Qwen 2 are recognised by their patterns. A tokenizer with rules of its own gets the rule under which
llama.cpp cuts sample texts into the same tokens most often (`choose`); whether that is often enough, parity decides.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from understudy.errors import InputError
from understudy.export import pieces

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6
"""Kinds of tokens in GGUF."""

_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_SPLITS = {_WORDS % "": "qwen2", _WORDS % "{1,3}": "llama-bpe"}

_MARKS = re.compile(r"\{%\s*(?:end)?generation\s*%\}")

_STRIPPING = ("<unk>", "<s>", "</s>", "<|endoftext|>")  # which llama.cpp looks for in every tokenizer that strips

CANDIDATES = ("gpt-2", "bloom", "smollm", "viking", "qwen2", "llama-bpe", "deepseek-llm", "tekken")
"""Rules of llama.cpp that are tried for a tokenizer with rules of its own."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """tokens, kinds: by id, padded to the model's vocabulary. pre: llama.cpp's word-cutting rule; None: not known.

    scores: of a tokenizer of pieces, by id, which has no merges then; prefix: where it puts a blank before text
    (`pieces.prefix`). strips: whether its special tokens take the blanks behind them, as
    Phi-3's do; llama.cpp can that for a tokenizer that has all of Phi-3's first tokens.
    """

    tokens: tuple[str, ...]
    kinds: tuple[int, ...]
    merges: tuple[str, ...]
    pre: str | None
    special: Mapping[str, int]
    template: str
    scores: tuple[float, ...] = ()
    prefix: str = "never"
    strips: bool = False


def read(folder: Path, tokenizer: Any, config: Mapping[str, Any], ends: Sequence[int] = ()) -> Vocabulary:
    """The loaded tokenizer of a model folder. ends: all tokens that end a turn, from the generation settings.

    What counts is the tokenizer as it was loaded and measured: transformers gives some families' tokenizers other
    rules than their tokenizer.json has. Raises InputError for a tokenizer that llama.cpp has no like of.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise InputError(f"{folder}: GGUF files are written of models with a fast tokenizer (tokenizer.json)")
    plain = json.loads(backend.to_str())
    model = plain["model"]
    of_pieces = pieces.suits(plain)
    if not of_pieces:
        _check_bytes(folder, plain)
    size = int(config["vocab_size"])
    tokens, kinds = [f"[PAD{i}]" for i in range(size)], [UNUSED] * size
    for token, i in model["vocab"].items():
        tokens[i], kinds[i] = token, BYTE if of_pieces and pieces.is_byte(token) else NORMAL
    for added in plain.get("added_tokens") or ():
        if added["id"] >= size:
            raise InputError(f"{folder}: the token {added['content']!r} has the number {added['id']}, the model {size}")
        # llama.cpp looks for it in the text as it was given, where blanks are blanks.
        shown = added["content"].replace(pieces.BLANK, " ") if of_pieces and not added["special"] else added["content"]
        tokens[added["id"]] = shown
        kinds[added["id"]] = CONTROL if added["special"] else USER_DEFINED
    named = {"bos": tokenizer.bos_token_id, "eos": tokenizer.eos_token_id, "pad": tokenizer.pad_token_id,
             "unk": tokenizer.unk_token_id}  # fmt: skip
    special = {name: int(i) for name, i in named.items() if i is not None}
    others = [i for i in ends if i != special.get("eos")]
    if others:
        special["eot"] = others[0]
    marks = _without_marks(tokenizer)
    strips = any(a.get("rstrip") for a in plain.get("added_tokens") or ()) and set(_STRIPPING) <= set(tokens)
    if of_pieces:
        if "unk" in special:
            kinds[special["unk"]] = UNKNOWN
        scores = pieces.scores(model["vocab"], model["merges"], size)
        return Vocabulary(
            tuple(tokens), tuple(kinds), (), "default", special, marks, scores, pieces.prefix(plain), strips
        )
    merges = tuple(m if isinstance(m, str) else " ".join(m) for m in model["merges"])
    return Vocabulary(tuple(tokens), tuple(kinds), merges, rule_of(plain), special, marks, strips=strips)


def _check_bytes(folder: Path, plain: Mapping[str, Any]) -> None:
    """Raise InputError for a tokenizer that is neither of bytes nor of pieces, or rewrites text."""
    model = plain["model"]
    if model.get("type") != "BPE" or model.get("byte_fallback") or not _byte_level(plain.get("pre_tokenizer")):
        raise InputError(
            f"{folder}: GGUF files are written of models with a byte-pair tokenizer, of bytes or with byte fallback; "
            f"this one's is of another kind ({model.get('type')}"
            f"{' with byte fallback that cuts or rewrites text' if model.get('byte_fallback') else ''})"
        )
    if plain.get("normalizer") not in (None, {"type": "NFC"}):
        raise InputError(f"{folder}: its tokenizer rewrites text before it cuts it, which llama.cpp does not")


def rule_of(plain: Mapping[str, Any]) -> str | None:
    """llama.cpp's name of what a tokenizer.json does to cut text into words; None for rules of its own."""
    steps = _steps(plain.get("pre_tokenizer"))
    last = steps[-1] if steps else {}
    if last.get("type") != "ByteLevel" or last.get("add_prefix_space"):
        return None
    first = steps[:-1]
    if last.get("use_regex", True):
        if not first:
            return "gpt-2"
        if len(first) == 1 and first[0].get("type") == "Digits" and first[0].get("individual_digits"):
            return "smollm"
        return None
    if len(first) == 1 and first[0].get("type") == "Split" and first[0].get("behavior") == "Isolated":
        return _SPLITS.get((first[0].get("pattern") or {}).get("Regex", ""))
    return None


def choose(
    vocabulary: Vocabulary,
    texts: Sequence[str],
    expected: Sequence[list[int]],
    cut: Callable[[Vocabulary], Sequence[list[int]]],
    tries: Sequence[str] = CANDIDATES,
) -> Vocabulary:
    """The vocabulary under the rule by which the fewest of the texts are cut otherwise than expected.

    cut: tokens of the texts by llama.cpp under a vocabulary's rule; it may raise for a rule that it does not know.
    """
    if vocabulary.pre is not None:
        return vocabulary
    best: tuple[int, Vocabulary] | None = None
    for name in tries:
        tried = replace(vocabulary, pre=name)
        wrong = sum(a != b for a, b in zip(cut(tried), expected, strict=True))
        if best is None or wrong < best[0]:
            best = wrong, tried
        if not wrong:
            break
    assert best is not None, texts
    return best[1]


def _steps(found: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    if not found:
        return []
    return list(found["pretokenizers"]) if found.get("type") == "Sequence" else [found]


def _byte_level(found: Mapping[str, Any] | None) -> bool:
    return any(step.get("type") == "ByteLevel" for step in _steps(found))


def _without_marks(tokenizer: Any) -> str:
    """The chat template without the marks of what is trained on, which say nothing where text is rendered."""
    return _MARKS.sub("", str(tokenizer.chat_template))
