"""Whose fault is a wrong answer? Each question of each arm ends in exactly one cause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from understudy.benchmark.summary import CAUSES, Attribution, Decomposition, Transition
from understudy.evaluation.question import Question, Results, right
from understudy.types import Arm, ItemResult


def cause(question: Question, result: ItemResult, arm: Arm, closed: Results) -> str:
    """The cause of one answer, the first that holds.

    closed: the same model's closed-book results. An arm with retrieval is harmed where the model was right
    without it; retrieval misses where the answer span is not among them; otherwise the reader did not use
    what stood before it. A closed-book arm fails because no passage holds the fact, or the fact was never
    taught, or was taught and not learned; a model that was not fine-tuned simply does not know it.
    """
    if right(result):
        return "right"
    if result.format_failure:
        return "format failure"
    if not question.gold and not question.item.quote:
        return "not in the corpus"
    if arm.context == "closed-book":
        if arm.model != "sft" or question.taught is None:
            return "not known"
        return "generated but not learned" if question.taught else "not generated"
    if arm.context != "oracle" and right(closed.get(question.item.item_id)):
        return "harmed by retrieval"
    return "retrieval miss" if arm.context == "rag" and not result.hit else "reader miss"


def attribute(
    arms: Sequence[Arm], results: Mapping[str, Results], questions: Sequence[Question]
) -> tuple[Attribution, ...]:
    """Causes of every arm that has results; questions without a defined result are left out."""
    found = []
    for arm in arms:
        mine = results.get(arm.name, {})
        closed = results.get(arm.model, {}) if arm.context != "closed-book" else {}
        counts = Counter(
            cause(question, one, arm, closed)
            for question in questions
            if (one := mine.get(question.item.item_id)) is not None and one.acc is not None
        )
        if counts:
            found.append(Attribution(arm.name, counts.total(), {c: counts[c] for c in CAUSES if counts[c]}))
    return tuple(found)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def decompose(model: str, results: Mapping[str, Results]) -> Decomposition | None:
    """acc(rag) split into retriever and reader, over the questions that all arms of the model answered."""
    rag, closed, oracle = (results.get(f"{model}{tail}") for tail in ("+rag", "", "+oracle"))
    if not rag:
        return None
    present = [r for r in (rag, closed, oracle) if r]
    ids = [i for i in rag if all(i in r and r[i].acc is not None for r in present) and rag[i].hit is not None]
    if not ids:
        return None

    def acc(one: Results | None, chosen: Sequence[str]) -> float | None:
        return _mean([float(one[i].acc or 0.0) for i in chosen]) if one else None

    hits = [i for i in ids if rag[i].hit]
    all_rag, all_oracle = acc(rag, ids), acc(oracle, ids)
    return Decomposition(
        model=model,
        n=len(ids),
        hit_rate=len(hits) / len(ids),
        acc_hit=acc(rag, hits),
        acc_miss=acc(rag, [i for i in ids if not rag[i].hit]),
        closed_book=acc(closed, ids),
        rag=all_rag,
        oracle=all_oracle,
        retrieval_loss=None if all_oracle is None or all_rag is None else all_oracle - all_rag,
        reader_loss=None if all_oracle is None else 1.0 - all_oracle,
        harm=_mean([float(bool(right(closed[i])) and not right(rag[i])) for i in ids]) if closed else None,
        help=_mean([float(bool(right(rag[i])) and not right(closed[i])) for i in ids]) if closed else None,
    )


def transition(before: str, after: str, results: Mapping[str, Results]) -> Transition | None:
    """What an arm knows that another did not, and the reverse."""
    first, second = results.get(before), results.get(after)
    if not first or not second:
        return None
    pairs = Counter(
        (right(first[i]), right(second[i]))
        for i in first
        if i in second and first[i].acc is not None and second[i].acc is not None
    )
    return Transition(
        before, after, pairs.total(),
        known_known=pairs[True, True], unknown_known=pairs[False, True],
        known_unknown=pairs[True, False], unknown_unknown=pairs[False, False],
    )  # fmt: skip
