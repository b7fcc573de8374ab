"""Text to search terms: identifiers stay whole, and their parts and inflected words match too.

`cont_batching` gives `cont_batching`, `cont` and `batch`; `--port` gives `--port` and `port`; `/v1/models`
gives `/v1/models`, `v1/models`, `v1` and `model`. The whole form is rare, so BM25 weighs it high by itself;
the parts let a question in plain words find the same passage.
"""

from __future__ import annotations

import re
import unicodedata

from understudy.retrieval.stem import stem

# A word, or words joined by what joins names, after the marks that begin options, paths and variables.
_WORD = re.compile(
    r"(?:(?<![\w-])--?(?=[^\W\d])|[/.$@~](?=\w))?\w+(?:(?:://|::|->|[._:/\\@'’+-])\w+)*(?:\+\+|#(?!\w))?"
)
_MARKS = "-/.$@~"
_SEGMENT = re.compile(r"[^\W_]+")
_CASE = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_URL = re.compile(r"^\w+://[^/]+(/.+)$")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]+")

# Words that carry no topic. Questions consist of them and documentation rarely holds `what`, so that without
# this list the rarest word of a question, and with it the weight, would be its interrogative.
STOP_WORDS = frozenset((
    "a", "about", "an", "and", "any", "are", "as", "at", "be", "been", "being", "by", "can", "could",
    "did", "do", "does", "for", "from", "had", "has", "have", "how", "i", "if", "in", "into", "is",
    "it", "its", "itself", "may", "me", "might", "my", "of", "on", "or", "our", "should", "so", "some",
    "such", "than", "that", "the", "their", "them", "then", "there", "these", "they", "this", "those",
    "to", "us", "was", "we", "were", "what", "when", "where", "which", "while", "who", "whom", "whose",
    "why", "will", "with", "would", "you", "your",
))  # fmt: skip


def terms(text: str) -> list[str]:
    """The search terms of a text, in order, repetitions kept. Used alike for passages and questions."""
    found: list[str] = []
    for match in _WORD.finditer(unicodedata.normalize("NFKC", text)):
        word = match.group().rstrip("'’")
        for possessive in ("'s", "’s"):
            word = word.removesuffix(possessive)
        found += _expand(word)
    return found


def _expand(word: str) -> list[str]:
    """A word's whole form, the form without leading marks, and its parts; each once."""
    if _CJK.search(word):
        return _bigrams(word)
    lower = word.casefold()
    if lower.isascii() and lower.isalpha():
        forms = [] if lower in STOP_WORDS else [stem(lower)]
    else:
        forms = [lower, lower.lstrip(_MARKS)]
        if url := _URL.match(lower):
            forms.append(url.group(1))
    for segment in _SEGMENT.findall(word):
        pieces = _CASE.findall(segment)
        plain = segment.casefold()
        if plain != lower and plain not in STOP_WORDS and (len(plain) > 1 or not word.isascii()):
            forms.append(stem(plain))
        if len(pieces) > 1:
            forms += [stem(p.casefold()) for p in pieces if len(p) > 1 and p.casefold() not in STOP_WORDS]
    return list(dict.fromkeys(f for f in forms if f))


def _bigrams(word: str) -> list[str]:
    """Scripts without spaces: overlapping pairs of characters, other runs as words."""
    found: list[str] = []
    last = 0
    for run in _CJK.finditer(word):
        found += _expand(word[last : run.start()]) if word[last : run.start()] else []
        text = run.group()
        found += [text[i : i + 2] for i in range(max(1, len(text) - 1))]
        last = run.end()
    return found + (_expand(word[last:]) if word[last:] else [])
