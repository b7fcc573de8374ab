"""Text to search terms: identifiers stay whole, and their parts and inflected words match too.

`cont_batching` gives `cont_batching`, `cont` and `batch`; `--port` gives `--port` and `port`; `/v1/models`
gives `/v1/models`, `v1/models`, `v1` and `model`. The whole form is rare, so BM25 weighs it high by itself;
the parts let a question in plain words find the same passage.

Any language: a word is letters, digits and the marks on them (Unicode categories L, N and M), so that the vowel signs
of Hindi and the accents of Vietnamese belong to it; a Latin word with accents is found without them as well; scripts
that are written without spaces are searched by overlapping pairs of characters.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator

from understudy.retrieval.stem import stem


def _marks() -> str:
    """All combining marks as the inside of a character class."""
    ranges: list[tuple[int, int]] = []
    blocks = (range(0x0300, 0x3100), range(0xA600, 0x11FFF), range(0x16A00, 0x16FFF), range(0x1BC00, 0x1EFFF))
    for code in (c for block in (*blocks, range(0xE0100, 0xE01F0)) for c in block):
        if unicodedata.category(chr(code))[0] == "M":
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1] = (ranges[-1][0], code)
            else:
                ranges.append((code, code))
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)


def _word(marks: str) -> re.Pattern[str]:
    """A word, or words joined by what joins names, after the signs that begin options, paths and variables. A word is
    letters, digits and these marks."""
    return re.compile(
        rf"(?:(?<![\w{marks}-])--?(?=[^\W\d])|[/.$@~](?=\w))?\w[\w{marks}]*"
        rf"(?:(?:://|::|->|[._:/\\@'’+-])\w[\w{marks}]*)*(?:\+\+|#(?!\w))?"
    )


_M = _marks()
_WORD, _ASCII_WORD = _word(_M), _word("")
_REMEMBERED, _SHORT = 1 << 15, 64  # words, and their characters: about 10 MB, of which most texts consist
_MARKS = "-/.$@~"
_SEGMENT = re.compile(rf"[^\W_](?:[^\W_]|[{_M}])*")
_URL = re.compile(r"^\w+://[^/]+(/.+)$")
_IGNORED = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")  # soft hyphens, joiners and marks of direction
# Scripts that part no words: Thai, Lao, Tibetan, Myanmar, Khmer, kana, Han, Hangul (whose words are long).
_UNSPACED = (
    "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\ua9e0-\ua9ff\uaa60-\uaa7f\uac00-\ud7af\uf900-\ufaff\U0001b000-\U0001b16f\U00020000-\U0003ffff"
)
_CJK = re.compile(rf"[{_UNSPACED}][{_UNSPACED}{_M}]*")
_CLUSTER = re.compile(rf"[^{_M}][{_M}]*|[{_M}]+")  # a character with its marks

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
    ascii_only = text.isascii()
    if not ascii_only:
        text = _IGNORED.sub("", unicodedata.normalize("NFKC", text))
    for word in (_ASCII_WORD if ascii_only else _WORD).findall(text):
        found += _remembered(word) if len(word) <= _SHORT else _forms(word)
    return found


def _forms(word: str) -> tuple[str, ...]:
    """What a word of a text is searched by."""
    word = word.rstrip("'’")
    for possessive in ("'s", "’s"):
        word = word.removesuffix(possessive)
    return tuple(_expand(word))


_remembered = functools.lru_cache(_REMEMBERED)(_forms)


def _expand(word: str) -> list[str]:
    """A word's whole form, the form without leading marks, and its parts; each once."""
    if _CJK.search(word):
        return _bigrams(word)
    lower = word.casefold()
    if word.isascii() and word.isalpha() and (word[1:].islower() or len(word) == 1):  # most words are only a word
        return [] if lower in STOP_WORDS else [stem(lower)]
    if lower.isascii() and lower.isalpha():
        forms = [] if lower in STOP_WORDS else [stem(lower)]
    else:
        forms = [lower, lower.lstrip(_MARKS), _unaccented(lower)]
        if url := _URL.match(lower):
            forms.append(url.group(1))
    for segment in _SEGMENT.findall(word):
        pieces = list(_pieces(segment))
        plain = segment.casefold()
        if plain != lower and plain not in STOP_WORDS and (len(plain) > 1 or not word.isascii()):
            forms += [stem(plain), _unaccented(plain)]
        if len(pieces) > 1:
            forms += [stem(p.casefold()) for p in pieces if len(p) > 1 and p.casefold() not in STOP_WORDS]
    return list(dict.fromkeys(f for f in forms if f))


def _pieces(segment: str) -> Iterator[str]:
    """The words of a name in camel case, and its runs of digits: `HTTPServer2` gives `HTTP`, `Server`, `2`."""
    start = 0
    if segment.isalpha() and segment[1:].islower():
        yield segment
        return
    for at in range(1, len(segment)):
        before, here = segment[at - 1], segment[at]
        after = segment[at + 1 : at + 2]
        begins = here.isupper() and (not before.isupper() or after.islower())
        if begins or here.isdigit() != before.isdigit():
            if unicodedata.category(here)[0] == "M":
                continue
            yield segment[start:at]
            start = at
    yield segment[start:]


def _unaccented(word: str) -> str:
    """A word in Latin letters without its accents; empty where it has none or is in another script."""
    if word.isascii():
        return ""
    letters = [c for c in unicodedata.normalize("NFD", word) if unicodedata.category(c)[0] != "M"]
    plain = "".join(letters)
    return plain if plain.isascii() and plain != word else ""


def _bigrams(word: str) -> list[str]:
    """Scripts without spaces: overlapping pairs of characters, other runs as words."""
    found: list[str] = []
    last = 0
    for run in _CJK.finditer(word):
        found += _expand(word[last : run.start()]) if word[last : run.start()] else []
        clusters = _CLUSTER.findall(run.group())
        found += ["".join(clusters[i : i + 2]) for i in range(max(1, len(clusters) - 1))]
        last = run.end()
    return found + (_expand(word[last:]) if word[last:] else [])
