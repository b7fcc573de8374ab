"""Floors: arms that know nothing. Where one scores above chance, the questions give something away.

Ties are credited with the key's share of them, so that a floor's accuracy is its expectation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from understudy.evaluation.lexical import Bm25, words
from understudy.evaluation.question import Question, choose
from understudy.types import ItemResult, MCQItem

Scores = Callable[[MCQItem], list[float] | None]
PREFIX = "floor:"


def run(
    names: Sequence[str],
    questions: Sequence[Question],
    index: Bm25,
    labels: Mapping[str, str],
    retrieved: Mapping[str, Sequence[str]] | None,
) -> dict[str, list[ItemResult]]:
    """Results of the floors that need no model. retrieved: chunk ids by item_id, None without retrieval."""
    ways: dict[str, Scores] = {
        "longest": lambda item: [float(len(option)) for option in item.options],
        "shortest": lambda item: [-float(len(option)) for option in item.options],
        "letter-prior": letter_prior(questions, labels),
        "overlap-corpus": lambda item: overlap(item, index, None),
    }
    if retrieved is not None:
        ways["overlap-retrieved"] = lambda item: overlap(item, index, retrieved.get(item.item_id, ()))
    return {PREFIX + name: results(PREFIX + name, questions, ways[name]) for name in names if name in ways}


def results(name: str, questions: Sequence[Question], scores: Scores) -> list[ItemResult]:
    """One result a question from a function that scores its options; None leaves a question undefined."""
    found = []
    for question in questions:
        item = question.item
        row = scores(item)
        predicted, acc = choose(row, item.correct) if row else (None, None)
        found.append(
            ItemResult(
                name, item.item_id, item.doc_id, predicted, item.correct, acc,
                option_scores=(tuple(row),) if row else (),
            )
        )  # fmt: skip
    return found


def letter_prior(questions: Sequence[Question], labels: Mapping[str, str]) -> Scores:
    """How often each position holds the key in the other clusters: the prior never sees its own question."""
    total: Counter[int] = Counter(q.item.correct for q in questions)
    own: dict[str, Counter[int]] = {}
    for q in questions:
        own.setdefault(labels[q.item.item_id], Counter())[q.item.correct] += 1

    def scores(item: MCQItem) -> list[float]:
        mine = own[labels[item.item_id]]
        return [float(total[k] - mine[k]) for k in range(len(item.options))]

    return scores


def overlap(item: MCQItem, index: Bm25, chunk_ids: Sequence[str] | None) -> list[float]:
    """Best BM25 match of each option with a single chunk, divided by its length in words to the power 0.7.

    chunk_ids: only these chunks count; None means the whole corpus.
    """
    allowed = None if chunk_ids is None else {index.place[c] for c in chunk_ids if c in index.place}
    row = []
    for option in item.options:
        scores = index.scores(option)
        best = max((s for k, s in scores.items() if allowed is None or k in allowed), default=0.0)
        row.append(best / max(1, len(words(option))) ** 0.7)
    return row
