"""Preference pairs from a run's own documents: the verified answer is chosen, the model's own wrong one rejected."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from understudy.generate.decisions import settle
from understudy.generate.filters import AGREES, agreement
from understudy.generate.screen import refuses
from understudy.normal import normal
from understudy.review.marks import MarkedAnswer
from understudy.review.session import Review
from understudy.types import MCQItem, QAPair


@dataclass(frozen=True, slots=True)
class Preference:
    """One line in TRL's format for preferences, as plain text."""

    prompt: str
    chosen: str
    rejected: str


def verified(review: Review, n: int, seed: int = 0) -> list[QAPair]:
    """At most n pairs to ask about, one a fact, by a seeded hash: trained on, with a quote that stands in its passage,
    not rejected, and as they were edited. What is held out for the exam is never among them."""
    found: dict[str, QAPair] = {}
    for entry in review.entries:
        pair = entry.record
        if not isinstance(pair, QAPair) or pair.split != "train" or entry.chunk is None:
            continue
        settled = settle(pair, review.decided)
        if settled is not None and pair.quote and pair.quote in entry.chunk.text:
            found.setdefault(pair.fact_id or pair.pair_id, settled)
    return sorted(found.values(), key=lambda p: hashlib.sha256(f"{seed}:{p.pair_id}".encode()).digest())[:n]


def corrected(review: Review) -> list[Preference]:
    """Marked answers for which a reviewer wrote a better one. What an exam question asks is never among them."""
    exam = {normal(e.record.question) for e in review.entries if isinstance(e.record, MCQItem)}
    found = []
    for entry in review.entries:
        decision = review.standing(entry) if isinstance(entry.record, MarkedAnswer) else None
        if decision is None or decision.what != "edit" or normal(entry.answer) == normal(decision.answer):
            continue
        if not {normal(decision.question), normal(entry.record.question)} & exam:
            found.append(Preference(decision.question, decision.answer, entry.answer))
    return found


def preferences(
    pairs: Sequence[QAPair], answer: Callable[[Sequence[str]], Sequence[str]]
) -> tuple[list[Preference], Counter[str]]:
    """A preference for each pair that the model answers wrongly, and how the others ended.

    answer: questions → the model's answers. Wrong is an answer that shares less than F1 0.4 of its words with the
    verified one, neither holding the other whole. To decline is no wrong answer: to train against it teaches invention.
    """
    counts: Counter[str] = Counter()
    found = []
    for pair, said in zip(pairs, answer([pair.question for pair in pairs]), strict=True):
        if not normal(said):
            counts["the model said nothing"] += 1
        elif refuses(said):
            counts["the model declined"] += 1
        elif agreement(said, pair.answer) >= AGREES:
            counts["the model's answer agrees"] += 1
        else:
            counts["wrong"] += 1
            found.append(Preference(pair.question, pair.answer, said.strip()))
    return found, counts
