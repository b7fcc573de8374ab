"""Phrases of the passages that can stand as wrong options: predicates, noun phrases, conditions, means, places.

They need not be answers to anything. What makes them good distractors is that they are the documentation's own words,
of the key's shape, from the passages that a search brings. A phrase that is not whole for certain is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from understudy.generate.base import Option
from understudy.generate.extractive.grammar import is_statement, split_at_verb
from understudy.generate.extractive.lexicon import VERBS
from understudy.generate.extractive.paraphrases import called
from understudy.generate.forms import form_of, is_whole
from understudy.generate.text import clip, plain, sentences, upper_first
from understudy.generate.values import PRECISE, precise_values, value_type
from understudy.normal import normal, words
from understudy.types import Chunk

_SHAPES: tuple[tuple[str, str, re.Pattern[str]], ...] = (
    ("condition", "clause", re.compile(r"\b((?:if|when|unless|until) [^,;:]{15,150})(?=[,.;]|$)")),
    ("means", "means", re.compile(r"\b((?:by|using|with|via|through) [a-zA-Z`][^,;:]{8,130})$")),
    ("location", "place", re.compile(r"\b((?:in|on|at|into|inside|under) (?:the|an?) [^,;:]{5,110})$")),
    ("use", "infinitive", re.compile(r"\b((?:to|for) [a-z]{3,} [^,;:]{8,130})$")),
)
_NAMES = re.compile(r"\b(?:[A-Z][a-z]+ ){1,4}[A-Z][a-z]+\b")
_THING = re.compile(r"\b[Tt]he `?[\w.:()-]*[_()A-Z.][\w.:()-]*`? [a-z]+(?= (?:is|are|was|can|may|must|[a-z]+s)\b)")
_LOOK_UP = re.compile(r"(?:see|refer|read|consult|visit)\b", re.IGNORECASE)


_TARGET = re.compile(r"\]\([^()\s]{1,2000}")
"""Where a link leads: an address that no sentence states."""


def passage_options(chunks: Sequence[Chunk]) -> Iterator[Option]:
    """Options of every passage, each with the sentence or line it stands in and what that is about."""
    for chunk in chunks:
        for block in re.split(r"\n\s*\n|\n(?=[-*+|] )", chunk.text):
            for start, end in sentences(block):
                flat = plain(block[start:end])
                if is_statement(flat) and not _LOOK_UP.match(flat):
                    flat = clip(flat)
                    for kind, text, about in _phrases(flat):
                        yield Option(text, kind, chunk.chunk_id, chunk.doc_id, block[start:end], "", about)
        for line in chunk.text.split("\n"):
            for value in precise_values(_TARGET.sub("]", line)):
                kind = value_type(value)
                if kind in PRECISE and len(value) <= 80 and not value.endswith(("...", "…")):
                    yield Option(value, kind, chunk.chunk_id, chunk.doc_id, line.strip())


def _phrases(sentence: str) -> Iterator[tuple[str, str, str]]:
    """(type, text, what it is about) of the whole phrases of one sentence."""
    whole = normal(sentence)
    told = split_at_verb(sentence, VERBS)
    if told:
        subject, verb, rest = told
        text = upper_first(f"{verb} {rest}".replace("`", ""))
        if len(words(text)) > 2 and form_of(text) == "verb" and is_whole(text):
            yield "action", text, normal(subject)
    for kind, form, pattern in _SHAPES:
        match = pattern.search(sentence)
        if match:
            text = upper_first(match[1].replace("`", ""))
            if len(words(text)) > 2 and form_of(text) == form and is_whole(text):
                yield kind, text, whole
    for match in _THING.finditer(sentence):
        noun = called(upper_first(match.group()))
        if noun:
            yield f"subject {noun}", upper_first(match.group().replace("`", "")), whole
    for match in _NAMES.finditer(sentence):
        yield "name", match.group(), whole
