"""Phrases of the passages that can stand as wrong options: predicates, noun phrases, conditions, means, places.

They need not be answers to anything. What makes them good distractors is that they are the documentation's own words,
of the key's shape, from the passages that a search brings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from understudy.generate.base import Option
from understudy.generate.extractive.grammar import BE, FINITE, OPENERS, has_pronoun, is_statement, points_away
from understudy.generate.extractive.lexicon import VERBS
from understudy.generate.text import clip, plain, sentences, upper_first
from understudy.generate.values import PRECISE, precise_values, value_type
from understudy.normal import normal, words
from understudy.types import Chunk

_SHAPES: tuple[tuple[tuple[str, ...], re.Pattern[str]], ...] = (
    (("condition",), re.compile(r"\b((?:if|when|unless|until) [^,;:]{15,150})(?=[,.;]|$)")),
    (("means",), re.compile(r"\b((?:by|using|with|via|through) [a-zA-Z`][^,;:]{8,130})$")),
    (("location",), re.compile(r"\b((?:in|on|at|into|inside|under) (?:the|an?) [^,;:]{5,110})$")),
    (("use",), re.compile(r"\b((?:to|for) [a-z]{3,} [^,;:]{8,130})$")),
    (("definition", "sentence", "phrase"), re.compile(r"\b((?:an?|the) [a-zA-Z`][^,;:]{8,170})$")),
    (("instruction",), re.compile(r"(?:^|, )((?:[Tt]he|[Aa]n?|[A-Z]\w+) [^,;:]{15,160})$")),
)
_NAMES = re.compile(r"\b(?:[A-Z][a-z]+ ){1,4}[A-Z][a-z]+\b")
_THING = re.compile(
    r"\b[Tt]he `?[\w.:()-]*[_()A-Z.][\w.:()-]*`? (?:[a-z-]+ )?[a-z]+(?= (?:is|are|was|can|may|must|[a-z]+s)\b)"
)
_LOOK_UP = re.compile(r"(?:see|refer|read|consult|visit)\b", re.IGNORECASE)
_UPPER = frozenset({"condition", "means", "location", "use", "definition", "action", "instruction"})


def passage_options(chunks: Sequence[Chunk]) -> Iterator[Option]:
    """Options of every passage, each with the sentence or line it stands in and what that is about."""
    for chunk in chunks:
        for block in re.split(r"\n\s*\n|\n(?=[-*+|] )", chunk.text):
            for start, end in sentences(block):
                flat = plain(block[start:end])
                if is_statement(flat) and not _LOOK_UP.match(flat):
                    flat = clip(flat)
                    for kind, text in _phrases(flat):
                        yield Option(text, kind, chunk.chunk_id, chunk.doc_id, block[start:end], "", normal(flat))
        for line in chunk.text.split("\n"):
            for value in precise_values(line):
                kind = value_type(value)
                if kind in PRECISE and len(value) <= 80:
                    yield Option(value, kind, chunk.chunk_id, chunk.doc_id, line.strip())


def _phrases(sentence: str) -> Iterator[tuple[str, str]]:
    """(type, text) of the phrases of one sentence."""
    predicate = _predicate(sentence)
    if predicate:
        yield "action", upper_first(predicate)
        yield "description", upper_first(predicate)
    for kinds, pattern in _SHAPES:
        match = pattern.search(sentence)
        if match and "definition" in kinds and not _is_thing(match[1]):
            continue
        if match and _stands_alone(match[1]):
            for kind in kinds:
                shown = match[1].replace("`", "")
                yield kind, upper_first(shown) if kind in _UPPER else shown
    for match in _THING.finditer(sentence):
        if not match.group().endswith((" also", " only", " not", " always", " never", " then", " now")):
            yield "subject", upper_first(match.group().replace("`", ""))
    for match in _NAMES.finditer(sentence):
        yield "name", match.group()


def _predicate(sentence: str) -> str:
    """The first verb in the third person with all that follows; empty where there is none."""
    tokens = sentence.split(" ")
    for i in range(1, len(tokens) - 2):
        if tokens[i] in VERBS and tokens[i - 1].lower() not in ("the", "a", "an", "of", "all", "any", "these", "and"):
            found = " ".join(tokens[i:]).replace("`", "")
            return found if _stands_alone(found) else ""
    return ""


def _is_thing(text: str) -> bool:
    """Whether a text is a noun phrase to its end: no finite verb but in a clause of its own."""
    tokens = [token.strip("`,()").lower() for token in text.split()]
    for token in tokens:
        if token in OPENERS - {"and", "or"}:
            break
        if token in FINITE or token in VERBS:
            return False
    return not set(tokens[-4:]) & BE


def _stands_alone(text: str) -> bool:
    return len(words(text)) > 2 and not points_away(text) and not has_pronoun(" ".join(text.split()[:3]))
