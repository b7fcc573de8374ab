"""Questions of an exam that the training data gives away: the same, nearly the same, or a long run of its words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from understudy.evaluation.similar import similar_pairs
from understudy.normal import normal, words
from understudy.types import MCQItem, QAPair

N = 8
COSINE = 0.85
Gram = tuple[str, ...]


def ngrams(tokens: Sequence[str], n: int = N) -> set[Gram]:
    """All runs of `n` words."""
    return {tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)}


def leaked(items: Sequence[MCQItem], pairs: Iterable[QAPair]) -> dict[str, str]:
    """Why a question was given away, by item_id, for those that were: by a pair that is trained on or chosen by.

    pairs: of all splits; those held out for test give nothing away.
    """
    taught = [pair.question for pair in pairs if pair.split != "test"]
    same = {normal(question) for question in taught}
    runs = {gram for question in taught for gram in ngrams(words(question))}
    near = {i for i, _, _ in similar_pairs([item.question for item in items], taught, COSINE)}
    found: dict[str, str] = {}
    for number, item in enumerate(items):
        if normal(item.question) in same:
            found[item.item_id] = "asked in the training data"
        elif not runs.isdisjoint(ngrams(words(item.question))):
            found[item.item_id] = "shares 8 words with a question of the training data"
        elif number in near:
            found[item.item_id] = "nearly asked in the training data"
    return found
