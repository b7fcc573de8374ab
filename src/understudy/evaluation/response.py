"""What a person is told: the model's answer where a passage says it, else the documentation's own words.

A model may write fluently what no passage says, so its words are the answer only where a sentence of the passages holds
what they say, and never those of a model so small that it often says the opposite of what it read. Else the one or two
sentences stand there that answer the question best, as far as can be seen (`choice.py`) and as the model's words point
at them; where none speaks of the question, the abstention. `ask`, `chat`, `serve` and the benchmark all ask here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from understudy.evaluation.choice import Candidate, candidates
from understudy.evaluation.lexical import content
from understudy.evaluation.support import Support, Topic, supporting
from understudy.prompts import ABSTAIN
from understudy.types import Arm, Chunk, LanguageModel, Prompt

SPEAKS = 1_000_000_000
"""Parameters below which a model's own words are not told as the answer."""
_POINTED = 2.0  # what it is worth to hold all of what the model's words say beyond the question
_TOGETHER = 400  # characters of two sentences that are told together
_NEXT = 2.5  # of a second one, as much less worth as is still told
_SAME = 0.8  # of the telling words of the shorter of two sentences
_MANY = 50  # passages: beyond these they are the whole documentation, in its own order
_NEAREST = 5


@dataclass(frozen=True, slots=True)
class Response:
    """text: what is shown as the answer. own: what the model wrote. support: the sentence behind it, with its place.

    quoted: the text is the documentation's: `support`, and `also` where a second sentence may be the one that answers.
    abstained: nothing was found.
    """

    text: str
    own: str
    support: Support | None = None
    quoted: bool = False
    abstained: bool = False
    also: Support | None = None

    @property
    def quotes(self) -> tuple[Support, ...]:
        """The sentences that are told as the answer, the best first."""
        return tuple(s for s in (self.support, self.also) if s is not None) if self.quoted else ()

    @property
    def parts(self) -> tuple[str, ...]:
        """The text, or each of its sentences where it is the documentation's."""
        return tuple(s.sentence for s in self.quotes) or (self.text,)


def speaks(reader: LanguageModel) -> bool:
    """Whether a model's own words may be the answer; of a model whose size is not known (an endpoint's) they may."""
    size: int | None = getattr(reader, "parameters", None)
    return size is None or size >= SPEAKS


def off_topic(topic: Topic | None, question: str, prompt: Prompt, arm: Arm, *, follows: bool = False) -> bool:
    """Whether what the arm would read does not speak of a question, so that no model needs to be asked.

    An arm that reads nothing answers whatever it is asked. follows: the question goes on from another, and may leave
    out what was said there.
    """
    if topic is None or arm.context == "closed-book":
        return False
    return not topic.covers(question, _read(topic, question, prompt), follows=follows)


def nothing(own: str = "") -> Response:
    """The abstention."""
    return Response(ABSTAIN, own, abstained=True)


def respond(topic: Topic | None, question: str, written: str, prompt: Prompt, *, speaks: bool = True) -> Response:
    """What is told of an answer that a model wrote to a prompt with its passages.

    Without passages, or without a topic, the model's words are all there is. speaks: whether they may be the answer.
    """
    own = written.strip()
    if own.startswith(ABSTAIN):
        return nothing(own)
    if not prompt.hits or topic is None:
        return Response(own, own)
    found = supporting(topic, question, own, [hit.chunk for hit in prompt.hits]) if speaks else None
    if found is not None:
        return Response(own, own, found)
    ranked = _ranked(topic, question, own, candidates(topic, question, _read(topic, question, prompt)))
    if not ranked:
        return nothing(own)
    best, also = ranked[0].support, _second(ranked)
    text = best.sentence if also is None else f"{best.sentence} … {also.sentence}"
    return Response(text, own, best, quoted=True, also=also)


@dataclass(frozen=True, slots=True)
class Reading:
    """A question with what an arm reads for it. See `reading`.

    topic: the documentation's; None where the model's words are all there is. speaks: they may be the answer. beside:
    nothing that is read speaks of the question, so that no model needs to be asked.
    """

    question: str
    prompt: Prompt
    topic: Topic | None
    speaks: bool
    beside: bool

    def told(self, written: str = "") -> Response:
        """What is told where the model wrote this; where none was asked, the abstention."""
        if self.beside:
            return nothing()
        return respond(self.topic, self.question, written, self.prompt, speaks=self.speaks)


def reading(
    topic: Topic | None, question: str, prompt: Prompt, arm: Arm, reader: LanguageModel, *, follows: bool = False
) -> Reading:
    """The one way from a question to what is told: whether the model is asked at all, then what becomes of its words.

    prompt: what the arm reads, from `Answerer.prepare`. follows: as `off_topic`.
    """
    beside = off_topic(topic, question, prompt, arm, follows=follows)
    return Reading(question, prompt, topic, speaks(reader), beside)


def _read(topic: Topic, question: str, prompt: Prompt) -> list[Chunk]:
    """The passages in a prompt, best first; of more than anybody would search for, the nearest."""
    chunks = [hit.chunk for hit in prompt.hits]
    return chunks if len(chunks) <= _MANY else topic.nearest(question, _NEAREST)


def _ranked(topic: Topic, question: str, own: str, found: Sequence[Candidate]) -> list[Candidate]:
    """The candidates by what they are worth together with how much of what the model wrote they hold."""
    beyond = content(own) - content(question)
    total = sum(topic.weight(stem) for stem in beyond)

    def pointed(sentence: str) -> float:
        return sum(topic.weight(stem) for stem in beyond & content(sentence)) / total if total else 0.0

    valued = [Candidate(c.support, c.value + _POINTED * pointed(c.support.sentence)) for c in found]
    return sorted(valued, key=lambda c: -c.value)


def _second(ranked: Sequence[Candidate]) -> Support | None:
    """The next best sentence, where it is nearly as good and both are short enough to be told together."""
    best = ranked[0]
    first = best.support.sentence
    for candidate in ranked[1:5]:
        other = candidate.support.sentence
        if candidate.value < best.value - _NEXT:
            break
        if len(first) + len(other) <= _TOGETHER and not _says_the_same(first, other):
            return candidate.support
    return None


def _says_the_same(one: str, other: str) -> bool:
    """Whether one holds nearly all words of the other, as passages that overlap and lines of a table do."""
    a, b = content(one), content(other)
    return len(a & b) >= _SAME * min(len(a), len(b))
