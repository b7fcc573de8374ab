"""The room's protocol: a teacher reads pages and says what they state, as facts that can be asked for.

A fact holds one or more asks; an ask is one direction of questioning (forward, reversed, how to, ...) in
several paraphrases with one answer. Pairs, held-out paraphrases and multiple-choice items are all made from asks,
so that every teacher gets the same splits, checks and distractors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from understudy.types import Chunk, Document

Status = Literal["accepted", "rejected", "failed"]


@dataclass(frozen=True, slots=True)
class Page:
    """A document with its chunks, in the order of the text."""

    document: Document
    chunks: tuple[Chunk, ...]

    def chunk_at(self, start: int, end: int) -> Chunk | None:
        """The first chunk that holds `document.text[start:end]` whole; None where a chunk border cuts it."""
        return next((c for c in self.chunks if c.start <= start and end <= c.end), None)


@dataclass(frozen=True, slots=True)
class Ask:
    """Paraphrases that ask for the same thing.

    questions: different paraphrases, each a complete question. answer: what a pair teaches.
    option: the same answer as an option of a multiple-choice item; empty where it makes no item.
    type: what kind of value the option is (port, path, flag, sentence, ...); distractors share it.
    topic: what is asked of what; options of other facts with the same topic are true answers too.
    about: what the option describes; options that describe nearly the same are no distractors of each other.
    examined: whether it can be asked in an exam; else its option is a wrong one of others only.
    """

    kind: str
    questions: tuple[str, ...]
    answer: str
    option: str = ""
    type: str = ""
    topic: str = ""
    about: str = ""
    examined: bool = True


@dataclass(frozen=True, slots=True)
class Fact:
    """One atomic statement of the documentation; `quote` stands verbatim in the chunk.

    claim: the kind of claim, as its precision is measured; empty where the teacher tells none apart.
    """

    fact_id: str
    chunk_id: str
    doc_id: str
    quote: str
    asks: tuple[Ask, ...]
    claim: str = ""


@dataclass(frozen=True, slots=True)
class Claimed:
    """What kind of claim a fact is, as a record."""

    fact_id: str
    claim: str


@dataclass(frozen=True, slots=True)
class Option:
    """A value or phrase of the documentation that can stand as a wrong option beside keys of its type.

    topic, about: as of an ask; empty where it answers no question. quote: the statement it was taken from.
    """

    text: str
    type: str
    chunk_id: str
    doc_id: str
    quote: str
    topic: str = ""
    about: str = ""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How one chunk ended: accepted, rejected with a reason, or failed with a reason."""

    chunk_id: str
    doc_id: str
    status: Status
    reason: str = ""
    facts: int = 0
    pairs: int = 0
    items: int = 0


@dataclass(frozen=True, slots=True)
class Taught:
    """What a teacher made of the pages.

    outcomes: one a chunk, keyed by chunk_id. dropped: pairs that a filter refused, by reason.
    options: phrases beside the facts' own answers that can stand as wrong options.
    usage: tokens, requests and money of a remote teacher; empty for a local one.
    """

    facts: tuple[Fact, ...]
    outcomes: Mapping[str, Coverage]
    dropped: Mapping[str, int] = field(default_factory=dict)
    options: tuple[Option, ...] = ()
    usage: Mapping[str, float] = field(default_factory=dict)


class Teacher(Protocol):
    """Anything that reads pages and writes facts."""

    name: str

    def teach(self, pages: Sequence[Page]) -> Taught:
        """Facts of all pages. Every chunk has an outcome. Raises TeacherError where nothing could be read."""
        ...
