"""What in the passages speaks for an answer, word for word, and whether they speak of the question at all.

Both look at words alone, so that they hold whatever the model wrote. A question whose telling words are not in the
passages is one that the documentation does not answer; docs/real.md says how many of each kind that tells rightly.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from understudy.evaluation.lexical import STOP, Bm25, content, stem_of, words
from understudy.evaluation.wording import agree, numbers, without_yes_no
from understudy.types import Chunk

SPOKEN_OF = 0.4
"""Share of a question's words, weighted by how rare they are, that one passage must hold to be about it."""
_BACKED = 0.5  # share of an answer's telling words that one sentence must hold to be named as its support
_LOOKED_AT = 3  # passages
_FEWEST = 3  # words of a sentence that could be an answer
_LONGEST = 500  # characters of one
_CANDIDATES = 24  # sentences among which a model chooses
_ASSERTS = 4  # telling words of a sentence that says something by itself
_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[\"'(\[`]?[A-Z0-9`])")
_MARKUP = re.compile(r"^\s*(?:[-*+]\s+|\d+[.)]\s+|#+\s+|>\s*|\|)|\|\s*$")


@dataclass(frozen=True, slots=True)
class Support:
    """A sentence of a passage, word for word. share: of the answer's telling words, how many it holds."""

    sentence: str
    chunk: Chunk
    share: float


class Topic:
    """Whether a documentation speaks of a question. chunks: all of it, since rare words tell most."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self._index = Bm25(chunks)
        self._weights: dict[str, float] = {}

    def share(self, question: str) -> float:
        """The largest share of the question's telling words that one of the best passages holds, 0 to 1."""
        scores = self._index.scores(question)
        best = sorted(scores, key=lambda place: (-scores[place], place))[:_LOOKED_AT]
        return self._most(question, best)

    def covers(self, question: str, *, follows: bool = False) -> bool:
        """False for a question about something else; true for one without any telling word.

        follows: it goes on from another question, and may leave out what was said; half as much must be there.
        """
        least = SPOKEN_OF / 2 if follows else SPOKEN_OF
        return not (set(words(question)) - STOP) or self.share(question) >= least

    def covers_in(self, question: str, chunks: Sequence[Chunk]) -> bool:
        """As `covers`, of the best of the passages read instead of the best of all. chunks: best first."""
        places = [self._index.place[c.chunk_id] for c in chunks[:_LOOKED_AT]]
        return not (set(words(question)) - STOP) or self._most(question, places) >= SPOKEN_OF

    def _most(self, question: str, places: Sequence[int]) -> float:
        return max((self._index.coverage(question, place) for place in places), default=0.0)

    def held(self, text: str, chunk: Chunk) -> float:
        """Of a text's telling words, weighted by how rare they are, the share that a passage holds."""
        return self._index.coverage(text, self._index.place[chunk.chunk_id])

    def weight(self, stem: str) -> float:
        """How rare a stem is: the inverse document frequency of its words together."""
        if stem not in self._weights:
            n = len({k for word in self._words.get(stem, ()) for k, _ in self._index.postings[word]})
            self._weights[stem] = math.log(1 + (len(self._index.chunks) - n + 0.5) / (n + 0.5))
        return self._weights[stem]

    @cached_property
    def _words(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for word in self._index.postings:
            found.setdefault(stem_of(word), []).append(word)
        return found


def supporting(topic: Topic, question: str, answer: str, chunks: Sequence[Chunk]) -> Support | None:
    """The sentence that holds most of what the answer says beyond the question; None where none holds half of it.

    Its passage has every number of the answer. A sentence that denies what an answer of one whole sentence asserts,
    or the other way round, does not support it. An answer that repeats the question is matched by all its words.
    chunks: the passages read, best first.
    """
    told, asked = content(without_yes_no(answer)), content(question)
    wanted = (told - asked) or told
    total = sum(topic.weight(word) for word in wanted)
    if not total:
        return None
    best: Support | None = None
    most = 0.0
    figures = numbers(answer) - numbers(question)
    asserts = len(told) >= _ASSERTS and len(list(_sentences(answer))) == 1
    for chunk in chunks:
        if not figures <= numbers(f"{chunk.breadcrumb} {chunk.text}"):
            continue
        for sentence in _sentences(chunk.text):
            if asserts and not agree(answer, sentence, question):
                continue
            there = content(sentence)
            share = sum(topic.weight(word) for word in wanted & there) / total
            # Of sentences that hold as much of the answer, the one that also speaks of the question.
            rank = share + 0.25 * len(asked & there) / max(1, len(asked))
            if share >= _BACKED and rank > most:
                best, most = Support(sentence, chunk, share), rank
    return best


def candidates(topic: Topic, question: str, chunks: Sequence[Chunk]) -> list[Support]:
    """Sentences that could answer a question: those that hold SPOKEN_OF of its telling words, the most alike first.

    share: of the question's telling words, weighted by how rare they are. A passage's heading counts for each sentence
    below it. chunks: the passages read, best first.
    """
    asked = content(question)
    total = sum(topic.weight(word) for word in asked)
    found: dict[str, Support] = {}
    for chunk in chunks:
        above = content(chunk.breadcrumb)
        for sentence in _sentences(chunk.text):
            there = content(sentence)
            own = sum(topic.weight(word) for word in asked & there)
            share = (own + 0.5 * sum(topic.weight(word) for word in (asked & above) - there)) / total if total else 0.0
            if share > 0 and share >= SPOKEN_OF and len(sentence.split()) >= _FEWEST and len(sentence) <= _LONGEST:
                found.setdefault(sentence, Support(sentence, chunk, share))
    return sorted(found.values(), key=lambda s: -s.share)[:_CANDIDATES]


def _sentences(text: str) -> Iterator[str]:
    """Sentences, list entries and table rows as they stand in the text."""
    for line in _lines(text):
        for part in _END.split(line):
            part = _MARKUP.sub("", part).strip()
            if part:
                yield part


def _lines(text: str) -> Iterator[str]:
    """The text's lines; those of a paragraph are one."""
    kept: list[str] = []
    for line in [*text.split("\n"), ""]:
        if kept and (not line.strip() or _MARKUP.match(line)):
            yield " ".join(kept)
            kept = []
        if line.strip():
            kept.append(line.strip())
