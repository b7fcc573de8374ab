"""What every way of scoring has in common: questions in, one result a question out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from understudy.errors import InputError
from understudy.normal import folded
from understudy.types import Answerer, Chunk, ItemResult, MCQItem, Message, Prompt

TIE = 1e-6  # scores nearer than this are one score: float rounding must not choose
Results = Mapping[str, ItemResult]  # by item_id


@dataclass(frozen=True, slots=True)
class Question:
    """An item with what is known of its source.

    gold: the chunks that hold its answer; empty where they were not found in the corpus.
    taught: whether its fact was in the training data; None where that cannot be known.
    """

    item: MCQItem
    gold: tuple[Chunk, ...] = ()
    taught: bool | None = None


class Scorer(Protocol):
    """A way of reading an answer. Results come in the order of the questions."""

    name: str

    def score(self, arm: str, answerer: Answerer, questions: Sequence[Question]) -> list[ItemResult]: ...


@dataclass(frozen=True, slots=True)
class Prepared:
    """The prompts of one question, one a shift; `problem` says why there are none."""

    prompts: tuple[Prompt, ...] = ()
    problem: str = ""

    @property
    def messages(self) -> list[Sequence[Message]]:
        return [p.messages for p in self.prompts]


def prepare(answerer: Answerer, question: Question, shown: Sequence[str | None]) -> Prepared:
    """Ask the answerer for a prompt for each text in `shown`; what cannot be asked is recorded, not fatal."""
    try:
        return Prepared(
            tuple(answerer.prepare(question.item.question, shown=text, gold=question.gold) for text in shown)
        )
    except InputError as error:
        return Prepared(problem=str(error))


def result(
    arm: str,
    question: Question,
    prepared: Prepared,
    *,
    acc: float | None,
    predicted: int | None,
    circular: float | None = None,
    option_scores: tuple[tuple[float, ...], ...] = (),
    format_failure: bool = False,
    text: str = "",
    detail: dict[str, object] | None = None,
) -> ItemResult:
    """An ItemResult with its retrieval; a question that could not be asked is undefined, not wrong."""
    item = question.item
    extra = dict(detail or {})
    retrieved: tuple[str, ...] = ()
    hit: bool | None = None
    if prepared.prompts:
        hits = prepared.prompts[0].hits
        retrieved = tuple(h.chunk.chunk_id for h in hits)
        hit = answer_found(item, [h.chunk for h in hits], question.gold) if hits else None
        extra["dropped"] = max(p.dropped for p in prepared.prompts)
    else:
        acc, predicted, circular, extra["problem"] = None, None, None, prepared.problem
    return ItemResult(
        arm=arm,
        item_id=item.item_id,
        doc_id=item.doc_id,
        predicted=predicted,
        correct=item.correct,
        acc=acc,
        circular=circular,
        option_scores=option_scores,
        retrieved=retrieved,
        hit=hit,
        format_failure=format_failure,
        text=text,
        detail=extra,
    )


def answer_found(item: MCQItem, shown: Sequence[Chunk], gold: Sequence[Chunk]) -> bool | None:
    """Whether the answer span was shown: the quote itself, or else the gold chunk. None if unknown."""
    if item.quote:
        quote = folded(item.quote)
        if any(quote in folded(chunk.text) for chunk in shown):
            return True
    ids = {chunk.chunk_id for chunk in gold} | ({item.chunk_id} if item.chunk_id else set())
    if not ids and not item.quote:
        return None
    return any(chunk.chunk_id in ids for chunk in shown)


def choose(scores: Sequence[float], correct: int) -> tuple[int, float]:
    """The option with the highest score, and the accuracy it earns: the key's share of a tie."""
    best = max(scores)
    tied = [k for k, score in enumerate(scores) if score >= best - TIE]
    return tied[0], (1.0 / len(tied) if correct in tied else 0.0)


def right(result: ItemResult | None) -> bool | None:
    """Whether an answer counts as right; with several shifts, when more than half of them are."""
    return None if result is None or result.acc is None else result.acc > 0.5
