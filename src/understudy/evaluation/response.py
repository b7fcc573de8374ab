"""What a person is told: the model's answer where a passage supports it, else the documentation's own sentence.

A model may write fluently what no passage says. Its words are shown as the answer only where a sentence of the passages
holds what they say; otherwise the sentence stands there that speaks most of the question (of those that do nearly as
much, the one that the model itself finds most likely as the answer), and where none does, the abstention.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from understudy.errors import ModelError
from understudy.evaluation.support import Support, Topic, candidates, supporting
from understudy.prompts import ABSTAIN
from understudy.types import LanguageModel, Message, Prompt

_NEARLY = 0.9  # as much of the question as the sentence that holds most: a model may prefer it


@dataclass(frozen=True, slots=True)
class Response:
    """text: what is shown as the answer. own: what the model wrote. support: the sentence behind it, with its place.

    quoted: the text is that sentence, since the model's own words had no support. abstained: neither was found.
    """

    text: str
    own: str
    support: Support | None = None
    quoted: bool = False
    abstained: bool = False


def respond(topic: Topic | None, reader: LanguageModel, question: str, written: str, prompt: Prompt) -> Response:
    """What is told of an answer that the model wrote to a prompt with its passages.

    Without passages, or without a topic, the model's words are all there is.
    """
    own = written.strip()
    if own.startswith(ABSTAIN):
        return Response(ABSTAIN, own, abstained=True)
    if not prompt.hits or topic is None:
        return Response(own, own)
    chunks = [hit.chunk for hit in prompt.hits]
    found = supporting(topic, question, own, chunks)
    if found is not None:
        return Response(own, own, found)
    sentences = candidates(topic, question, chunks)
    near = [s for s in sentences if s.share >= _NEARLY * sentences[0].share]
    found = likeliest(reader, prompt.messages, near)
    if found is None:
        return Response(ABSTAIN, own, abstained=True)
    return Response(found.sentence, own, found, quoted=True)


def likeliest(reader: LanguageModel, messages: Sequence[Message], sentences: Sequence[Support]) -> Support | None:
    """The sentence that the model finds most likely, a character, as the answer; without likelihoods the first."""
    if len(sentences) < 2:
        return sentences[0] if sentences else None
    try:
        (weights,) = reader.loglikelihoods([messages], [[s.sentence for s in sentences]])
    except ModelError:
        return sentences[0]
    return max(zip(weights, sentences, strict=True), key=lambda pair: pair[0] / len(pair[1].sentence))[1]
