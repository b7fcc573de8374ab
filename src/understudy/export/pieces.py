"""A byte-pair tokenizer with byte fallback, as sentencepiece makes them, in GGUF's terms.

Blanks are written `▁`, letters that the vocabulary lacks as bytes. llama.cpp joins the two neighbours whose piece has
the highest score, transformers those that stand first in a list of merges: a piece's score is minus its place in that
list. llama.cpp joins any two pieces that are a piece together, also such as are not in the list; whether that ever
differs, parity decides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

BLANK = "▁"
_BYTE = re.compile(r"<0x[0-9A-F]{2}>")
_NEVER = -1e6  # a score below that of every merge


def suits(plain: Mapping[str, Any]) -> bool:
    """Whether a tokenizer.json is of this kind: blanks become `▁`, and text is not cut before it is merged."""
    model = plain["model"]
    if model.get("type") != "BPE" or not model.get("byte_fallback"):
        return False
    return _writes_blanks(plain) and all(_cuts_nothing(step) for step in _parts(plain, "pre_tokenizer"))


def is_byte(token: str) -> bool:
    """Whether the token stands for one byte."""
    return _BYTE.fullmatch(token) is not None


def scores(vocab: Mapping[str, int], merges: Sequence[str | Sequence[str]], size: int) -> tuple[float, ...]:
    """A score a token, by id: the earlier two pieces are joined to it, the higher."""
    found = [_NEVER] * size
    for place, merge in enumerate(merges):
        joined = merge.replace(" ", "", 1) if isinstance(merge, str) else "".join(merge)
        if joined in vocab and found[vocab[joined]] == _NEVER:
            found[vocab[joined]] = -float(place)
    return tuple(found)


def prefix(plain: Mapping[str, Any]) -> str:
    """Where a blank is put before text: `always` (at the start and behind special tokens), `first` (at the start
    alone, which llama.cpp cannot) or `never`."""
    for step in (*_parts(plain, "normalizer"), *_parts(plain, "pre_tokenizer")):
        if step.get("type") == "Prepend" and step.get("prepend") == BLANK:
            return "always"
        if step.get("type") == "Metaspace":
            return str(step.get("prepend_scheme", "always"))
    return "never"


def _writes_blanks(plain: Mapping[str, Any]) -> bool:
    steps = _parts(plain, "normalizer")
    replaces = [s for s in steps if s.get("type") == "Replace"]
    others = [s for s in steps if s.get("type") not in ("Replace", "Prepend")]
    right = all(s.get("pattern") == {"String": " "} and s.get("content") == BLANK for s in replaces)
    spaced = any(s.get("type") == "Metaspace" for s in _parts(plain, "pre_tokenizer"))
    return not others and right and (bool(replaces) or spaced)


def _cuts_nothing(step: Mapping[str, Any]) -> bool:
    if step.get("type") == "Metaspace":
        return step.get("replacement") == BLANK and not step.get("split", True)
    return step.get("type") == "Split" and step.get("pattern") == {"String": " "}  # none are left to cut at


def _parts(plain: Mapping[str, Any], what: str) -> list[Mapping[str, Any]]:
    found = plain.get(what)
    if not found:
        return []
    several = found.get("normalizers" if what == "normalizer" else "pretokenizers")
    return [found] if several is None else list(several)
