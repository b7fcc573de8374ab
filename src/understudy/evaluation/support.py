"""What in the passages speaks for an answer, word for word, and whether they speak of the question at all.

Both look at words alone, so that they hold whatever the model wrote. A question whose telling words are not in the
passages is one that the documentation does not answer; docs/real.md says how many of each kind that tells rightly.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from understudy.evaluation.lexical import STOP, Bm25, content, stem_of, words
from understudy.evaluation.sentences import sentences
from understudy.evaluation.wording import agree, numbers, without_yes_no, yes_or_no
from understudy.types import Chunk

SPOKEN_OF = 0.4
"""Share of a question's words, weighted by how rare they are, that one passage must hold to be about it."""
_BACKED = 0.5  # share of an answer's telling words that one sentence must hold, or the passages of a longer answer
_LOOKED_AT = 3  # passages
_ASSERTS = 4  # telling words of a sentence that says something by itself
_CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_MARKER = re.compile(r"^ *\d+[.)] ", re.MULTILINE)


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
        return self._most(question, self.nearest(question, _LOOKED_AT))

    def nearest(self, question: str, limit: int) -> list[Chunk]:
        """The passages that share most with a question, best first."""
        scores = self._index.scores(question)
        best = sorted(scores, key=lambda place: (-scores[place], place))[:limit]
        return [self._index.chunks[place] for place in best]

    def covers(self, question: str, chunks: Sequence[Chunk], *, follows: bool = False) -> bool:
        """Whether both the passages read and those that share most with a question speak of it.

        True for a question without any telling word. chunks: best first. follows: it goes on from another question, and
        may leave out what was said; half as much must be there.
        """
        least = SPOKEN_OF / 2 if follows else SPOKEN_OF
        return not (set(words(question)) - STOP) or self.spoken_of(question, chunks) >= least

    def spoken_of(self, question: str, chunks: Sequence[Chunk]) -> float:
        """The share of a question's telling words that both the passages read and those that share most with it hold.

        Passages found by related words hold something of nearly every question, and what is not read answers nothing.
        chunks: best first.
        """
        return min(self._most(question, chunks[:_LOOKED_AT]), self.share(question))

    def _most(self, question: str, chunks: Sequence[Chunk]) -> float:
        return max((self.held(question, chunk) for chunk in chunks), default=0.0)

    def held(self, text: str, chunk: Chunk) -> float:
        """Of a text's telling words, weighted by how rare they are, the share that a passage holds."""
        return self._index.coverage(text, self._index.place[chunk.chunk_id])

    def weight(self, stem: str) -> float:
        """How rare a stem is: the inverse document frequency of its words together."""
        if stem not in self._weights:
            n = len({k for word in self._words.get(stem, ()) for k, _ in self._index.holding(word)})
            self._weights[stem] = math.log(1 + (len(self._index.chunks) - n + 0.5) / (n + 0.5))
        return self._weights[stem]

    @cached_property
    def _words(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for word in self._index.vocabulary:
            found.setdefault(stem_of(word), []).append(word)
        return found


def supporting(topic: Topic, question: str, answer: str, chunks: Sequence[Chunk]) -> Support | None:
    """The sentence that holds most of what an answer says beyond the question; None where the passages do not say it.

    Of an answer of one sentence, a sentence must hold half, and its passage every number; one that denies what the
    answer asserts, or the other way round, does not support it. Of a longer answer, the passages must hold half
    together, and every number. Whatever an answer shows as code stands in them, or in the question. An answer that
    repeats the question is matched by all its words; a bare yes or no by none. chunks: the passages read, best first.
    """
    told, asked = content(without_yes_no(answer)), content(question)
    wanted = (told - asked) or told
    if not told - asked and yes_or_no(answer):
        return None
    total = sum(topic.weight(word) for word in wanted)
    passages = [f"{chunk.breadcrumb} {chunk.text}" for chunk in chunks]
    together = "\n".join([question, *passages])
    if not total or any(word not in together for code in _CODE.findall(answer) for word in code.split()):
        return None
    figures = numbers(_MARKER.sub("", answer)) - numbers(question)
    whole = len(sentences(answer)) == 1
    if not whole:
        held = sum(topic.weight(word) for word in wanted & content(" ".join(passages))) / total
        if held < _BACKED or not figures <= numbers(together):
            return None
    asserts = whole and len(told) >= _ASSERTS
    best: Support | None = None
    most = 0.0
    for chunk, passage in zip(chunks, passages, strict=True):
        if whole and not figures <= numbers(passage):
            continue
        for sentence in (part.text for part in sentences(chunk.text)):
            if asserts and not agree(answer, sentence, question):
                continue
            there = content(sentence)
            share = sum(topic.weight(word) for word in wanted & there) / total
            # Of sentences that hold as much of the answer, the one that also speaks of the question.
            rank = share + 0.25 * len(asked & there) / max(1, len(asked))
            if share >= (_BACKED if whole else 0.0) and rank > most:
                best, most = Support(sentence, chunk, share), rank
    return best
