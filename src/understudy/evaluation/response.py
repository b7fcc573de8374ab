"""What a person is told: the model's answer where a passage says it, else the documentation's own words.

A model may write fluently what no passage says, so its words are the answer only where a sentence of the passages holds
what they say, and never those of a model so small that it often says the opposite of what it read. Else the one or two
sentences stand there that answer the question best, as far as can be seen (`choice.py`) and as the model's words point
at them; where none speaks of the question, the abstention. `ask`, `chat`, `serve` and the benchmark all ask here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from understudy.evaluation.choice import Candidate, CloseTo, candidates
from understudy.evaluation.lexical import content
from understudy.evaluation.support import SPOKEN_OF, Support, Topic, supporting
from understudy.prompts import ABSTAIN
from understudy.types import Answerer, Arm, Chunk, Closeness, Hit, LanguageModel, Prompt

SPEAKS = 1_000_000_000
"""Parameters below which a model's own words are not told as the answer."""
_POINTED = 2.0  # what it is worth to hold all of what the model's words say beyond the question
_TOGETHER = 500  # characters of two sentences that are told together
_NEXT = 2.5  # of a second one, as much less worth as is still told
_SAME = 0.8  # of the telling words of the shorter of two sentences
_MANY = 50  # passages: beyond these they are the whole documentation, in its own order
_NEAREST = 5
_TOLD_FROM = 8  # passages, with those that a model does not get
_SPEAKS_OF = 0.6  # how near the nearest sentence is, and _WORDS of the share of the question's words, together
_WORDS = 0.4


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


def sources(prompt: Prompt, told: Response) -> tuple[Hit, ...]:
    """The passages behind what is told, best first: those that the model read, and others that a sentence is from."""
    behind = {quote.chunk.chunk_id for quote in told.quotes}
    return prompt.hits + tuple(hit for hit in prompt.further if hit.chunk.chunk_id in behind)


def speaks(reader: LanguageModel) -> bool:
    """Whether a model's own words may be the answer; of a model whose size is not known (an endpoint's) they may."""
    size: int | None = getattr(reader, "parameters", None)
    return size is None or size >= SPEAKS


def off_topic(
    topic: Topic | None,
    question: str,
    prompt: Prompt,
    arm: Arm,
    found: Sequence[Candidate] = (),
    *,
    follows: bool = False,
) -> bool:
    """Whether what the arm would read does not speak of a question, so that no model needs to be asked.

    By the question's words; where there is an embedding model, by how near the nearest sentence is as well. An arm that
    reads nothing answers whatever it is asked. found: the sentences that could answer. follows: the question goes on
    from another, and may leave out what was said there.
    """
    if topic is None or arm.context == "closed-book":
        return False
    chunks = _read(topic, question, prompt)
    near = [c.close for c in found if c.close is not None]
    if not near or not content(question):
        return not topic.covers(question, chunks, follows=follows)
    return max(near) + _WORDS * topic.spoken_of(question, chunks) < (_SPEAKS_OF / 2 if follows else _SPEAKS_OF)


def nothing(own: str = "") -> Response:
    """The abstention."""
    return Response(ABSTAIN, own, abstained=True)


def respond(
    topic: Topic | None,
    question: str,
    written: str,
    prompt: Prompt,
    found: Sequence[Candidate] | None = None,
    *,
    speaks: bool = True,
) -> Response:
    """What is told of an answer that a model wrote to a prompt with its passages.

    Without passages, or without a topic, the model's words are all there is. found: the sentences that could answer;
    None: those that share a word with the question. speaks: whether the model's words may be the answer.
    """
    own = written.strip()
    if own.startswith(ABSTAIN):
        return nothing(own)
    if topic is None or not prompt.hits:
        return Response(own, own)
    support = supporting(topic, question, own, [hit.chunk for hit in prompt.hits]) if speaks else None
    if support is not None:
        return Response(own, own, support)
    if found is None:
        found = candidates(topic, question, _all(topic, question, prompt))
    by_words = all(c.close is None for c in found)
    if by_words and max((c.support.share for c in found), default=0.0) < SPOKEN_OF:
        return nothing(own)
    best, also = _told(_ranked(topic, question, own, found))
    text = best.sentence if also is None else f"{best.sentence} … {also.sentence}"
    return Response(text, own, best, quoted=True, also=also)


@dataclass(frozen=True, slots=True)
class Reading:
    """A question with what an arm reads for it. See `reading`.

    topic: the documentation's; None where the model's words are all there is. speaks: they may be the answer. beside:
    nothing that is read speaks of the question, so that no model needs to be asked. found: the sentences that could
    answer, the best first.
    """

    question: str
    prompt: Prompt
    topic: Topic | None
    speaks: bool
    beside: bool
    found: Sequence[Candidate] = ()

    def told(self, written: str = "") -> Response:
        """What is told where the model wrote this; where none was asked, the abstention."""
        if self.beside:
            return nothing()
        return respond(self.topic, self.question, written, self.prompt, self.found, speaks=self.speaks)


def reading(
    topic: Topic | None, question: str, prompt: Prompt, arm: Arm, answerer: Answerer, *, follows: bool = False
) -> Reading:
    """The one way from a question to what is told: whether the model is asked at all, then what becomes of its words.

    prompt: what the arm reads, from `Answerer.prepare`. follows: as `off_topic`.
    """
    found: Sequence[Candidate] = ()
    if topic is not None and arm.context != "closed-book":
        found = candidates(topic, question, _all(topic, question, prompt), _nearness(answerer, question))
    beside = off_topic(topic, question, prompt, arm, found, follows=follows)
    return Reading(question, prompt, topic, speaks(answerer.reader), beside, found)


def _nearness(answerer: Answerer, question: str) -> CloseTo | None:
    """How near texts are to a question; None where what the answerer searches cannot say it."""
    retriever = getattr(answerer, "retriever", None)
    return partial(retriever.closeness, question) if isinstance(retriever, Closeness) else None


def _read(topic: Topic, question: str, prompt: Prompt) -> list[Chunk]:
    """The passages in a prompt, best first; of more than anybody would search for, the nearest."""
    chunks = [hit.chunk for hit in prompt.hits]
    return chunks if len(chunks) <= _MANY else topic.nearest(question, _NEAREST)


def _all(topic: Topic, question: str, prompt: Prompt) -> list[Chunk]:
    """The passages that sentences may be told from, best first: those in the prompt, and the next best."""
    read = _read(topic, question, prompt)
    return read + [hit.chunk for hit in prompt.further][: max(0, _TOLD_FROM - len(read))]


def _ranked(topic: Topic, question: str, own: str, found: Sequence[Candidate]) -> list[Candidate]:
    """The candidates by what they are worth together with how much of what the model wrote they hold."""
    beyond = content(own) - content(question)
    total = sum(topic.weight(stem) for stem in beyond)

    def pointed(sentence: str) -> float:
        return sum(topic.weight(stem) for stem in beyond & content(sentence)) / total if total else 0.0

    valued = [replace(c, value=c.value + _POINTED * pointed(c.text)) for c in found]
    return sorted(valued, key=lambda c: -c.value)


def _told(ranked: Sequence[Candidate]) -> tuple[Support, Support | None]:
    """The best sentence; and the next best, where it is nearly as good and both are short enough to be told together.

    One that goes on from the best, and so is told with it, takes its place.
    """
    best = ranked[0].support
    for candidate in ranked[1:6]:
        other = candidate.support
        if candidate.value < ranked[0].value - _NEXT:
            break
        if best.sentence in other.sentence:
            best = other
        elif len(best.sentence) + len(other.sentence) <= _TOGETHER and not _says_the_same(
            best.sentence, other.sentence
        ):
            return best, other
    return best, None


def _says_the_same(one: str, other: str) -> bool:
    """Whether one holds nearly all words of the other, as passages that overlap and lines of a table do."""
    a, b = content(one), content(other)
    return len(a & b) >= _SAME * min(len(a), len(b))
