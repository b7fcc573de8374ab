"""Near misses: the right answer with one thing changed, so that only who knows or reads the fact tells them apart."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from understudy.generate.values import value_type
from understudy.normal import normal, words

_OPPOSITES = """
    before after|first last|always never|with without|more less|more fewer|larger smaller|longer shorter|higher lower|
    faster slower|local remote|client server|clients servers|source destination|read write|reads writes|reading writing|
    enabled disabled|enable disable|enables disables|allow forbid|allows forbids|allowed forbidden|true false|
    can cannot|include exclude|includes excludes|included excluded|add remove|adds removes|added removed|
    create delete|creates deletes|created deleted|start stop|starts stops|open close|opens closes|increase decrease|
    increases decreases|input output|old new|older newer|oldest newest|automatically manually|encrypted unencrypted|
    compressed uncompressed|same different|internal external|public private|upload download|uploads downloads|
    parent child|minimum maximum|left right|inside outside|supported unsupported|possible impossible|success failure|
    succeeds fails|required optional|one two|two three|three four|once twice|each only|all some|both neither|
    ascending descending|row column|rows columns|user administrator|global local|static dynamic|absolute relative|
    upper lower|uppercase lowercase|early late|earlier later|at least at most|must must not|is is not|are are not|
    does does not|will will not|has has no|does not does|do not do|is not is|are not are|cannot can|will not will
"""
_CHANGES: dict[str, list[str]] = defaultdict(list)
for _pair in " ".join(_OPPOSITES.split()).split("|"):
    _words = _pair.strip().split(" ")
    if len(_words) == 2:
        _CHANGES[_words[0]].append(_words[1])
        _CHANGES[_words[1]].append(_words[0])
_PHRASES = {
    "at least": "at most", "at most": "at least", "does not": "does", "do not": "do", "is not": "is", "are not": "are",
    "will not": "will", "must not": "must", "not only": "only", "no longer": "still", "more than": "less than",
    "less than": "more than", "instead of": "as well as", "up to": "from",
}  # fmt: skip
_NEGATED = {"is": "is not", "are": "are not", "will": "will not", "must": "need not", "should": "should not"}
_PRECISE = re.compile(
    r"`[^`\n]{1,60}`|(?<![\w-])--?[A-Za-z][\w-]+|\b[A-Za-z]+(?:_[A-Za-z0-9]+)+\b|\b\d[\d.,]*\d\b|\b\d\b|"
    r"(?<=[a-z,;] )[A-Z][\w-]*[A-Za-z]"
)
_WORD = re.compile(r"[A-Za-z][A-Za-z-]{3,}")
_COMMON = frozenset(
    """
    that this these those there their they them then than when where which while with without from into onto over under
    about after before between during through because since until also only very much many more most some such each
    every both either neither other another same have been being were will would could should might must does done made
    make makes used uses using what whose whom here just even still your yours
    """.split()  # noqa: SIM905
)


def near_misses(answer: str, question: str, others: Sequence[str], rng: random.Random) -> Iterator[str]:
    """The answer with one number, name, opposite or noun changed, in a random order; what the question says stays.

    others: answers about the same page: like things are taken from them, so that a change is of the same subject.
    A change may leave the answer right by chance, where two words mean the same.
    """
    asked = set(words(question))
    told = " ".join(others)
    changes = [*_precise(answer, told, asked), *_opposite(answer), *_nouns(answer, told, asked)]
    rng.shuffle(changes)
    changes.sort(key=lambda change: change[0])
    for _, start, end, new in changes:
        yield f"{answer[:start]}{new}{answer[end:]}"


Change = tuple[int, int, int, str]
"""How little it is to be preferred, where it stands, what stands there instead."""


def _precise(answer: str, told: str, asked: set[str]) -> Iterator[Change]:
    """A value, a name or code, by another of its type; a number, where there is none, by its double."""
    alike: dict[str, set[str]] = defaultdict(set)
    for found in _PRECISE.findall(told):
        alike[_type(found)].add(found)
    for match in _PRECISE.finditer(answer):
        old = match.group()
        if asked & set(words(old)):
            continue
        kind = _type(old)
        rivals = sorted(v for v in alike[kind] if normal(v) != normal(old) and v not in answer)
        if not rivals and kind == "number" and old.isdigit():
            rivals = [str(2 * int(old) or 1)]
        for new in rivals[:8]:
            yield 0, *match.span(), new


def _type(found: str) -> str:
    kind = f"{value_type(found)}{'.' if '.' in found else ''}"
    return f"`{kind}" if found[0] == "`" else kind


def _opposite(answer: str) -> Iterator[Change]:
    """A word by its opposite, a statement by its denial."""
    lower = answer.lower()
    said = set(re.findall(r"[a-z]+", lower))
    begins = re.match(r"(yes|no)\b(?=[,.;])", lower)
    if begins:
        yield 0, *begins.span(), "No" if begins[1] == "yes" else "Yes"
    for old, new in _PHRASES.items():
        for match in re.finditer(rf"\b{old}\b", lower):
            yield 0, *match.span(), new
    for match in _ANY.finditer(answer):
        old = match.group()
        for new in _CHANGES.get(old.lower(), ()):
            if new not in said:  # no `relative or relative`
                yield 0, *match.span(), new.capitalize() if old[0].isupper() else new
        denied = _NEGATED.get(old)
        if denied and not lower.startswith(" not", match.end()):
            yield 1, *match.span(), denied


_ANY = re.compile(r"[A-Za-z]+")


def _nouns(answer: str, told: str, asked: set[str]) -> Iterator[Change]:
    """A word by one that stands behind the same word elsewhere, with the same ending: `the server`, `the mirror`."""
    behind: dict[tuple[str, bool], set[str]] = defaultdict(set)
    for before, word in _pairs(told):
        behind[before, word.endswith("s")].add(word)
    for match in _WORD.finditer(answer):
        word = match.group()
        before = answer[: match.start()].rstrip().rpartition(" ")[2].lower()
        if word.lower() in _COMMON or word.lower() in asked or before not in _BEFORE or not word.islower():
            continue
        rivals = sorted(w for w in behind[before, word.endswith("s")] if w != word and w not in answer)
        for new in rivals[:6]:
            yield 1, *match.span(), new


_BEFORE = frozenset(
    {"the", "a", "an", "of", "in", "to", "by", "for", "on", "from", "no", "each", "every", "any", "its"}
)


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for match in re.finditer(r"\b([A-Za-z]+) ([a-z][a-z-]{3,})\b", text):
        before, word = match[1].lower(), match[2]
        if before in _BEFORE and word not in _COMMON:
            yield before, word
