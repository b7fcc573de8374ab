"""Training pairs that give a benchmark question away are dropped: equal or nearly equal questions, shared 8-grams.

The fact itself stays in training, in other paraphrases: what counts is the phrasing of the question. Three kinds of
8-grams are therefore no leak: the documentation's own text, what two paraphrases of the same fact have in common,
and, in generated pairs, phrases that the questions of several facts share (` in Nitro`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from understudy.evaluation.leakage import COSINE, Gram, ngrams
from understudy.evaluation.similar import similar_pairs
from understudy.normal import normal, words
from understudy.types import Chunk, MCQItem, QAPair


def decontaminate(
    pairs: Sequence[QAPair], items: Sequence[MCQItem], chunks: Iterable[Chunk], generated: Sequence[QAPair] = ()
) -> tuple[list[QAPair], dict[str, int]]:
    """Pairs without the contaminated ones of the train and dev splits, and how many were dropped by reason.

    generated: pairs whose fact_id groups paraphrases of one fact; they show which phrases are common to many.
    """
    asked = {normal(item.question) for item in items}
    leaks: dict[Gram, set[str]] = defaultdict(set)
    for item in items:
        for gram in _grams(item.question, item.options[item.correct]):
            leaks[gram].add(item.fact_id)
    for gram in _documented(leaks, chunks):
        del leaks[gram]
    near: dict[int, set[str]] = defaultdict(set)
    for i, j, _ in similar_pairs([p.question for p in pairs], [item.question for item in items], COSINE):
        near[i].add(items[j].fact_id)
    common, ours = _common(leaks, generated), {pair.fact_id for pair in generated}
    kept: list[QAPair] = []
    dropped = {
        "equals a benchmark question": 0,
        "shares 8 words with a benchmark question": 0,
        "nearly a benchmark question": 0,
    }
    for number, pair in enumerate(pairs):
        if pair.split == "test":
            kept.append(pair)
        elif normal(pair.question) in asked:
            dropped["equals a benchmark question"] += 1
        elif any(
            leaks.get(gram, set()) - {pair.fact_id}
            for gram in _grams(pair.question, pair.answer)
            if not (gram in common and pair.fact_id in ours)
        ):
            dropped["shares 8 words with a benchmark question"] += 1
        elif near[number] - {pair.fact_id} and not (pair.fact_id in ours and pair.fact_id):
            dropped["nearly a benchmark question"] += 1
        else:
            kept.append(pair)
    return kept, {reason: n for reason, n in dropped.items() if n}


def _grams(question: str, answer: str) -> set[Gram]:
    """Those of each alone: a run across the seam of question and answer is nobody's paraphrase."""
    return ngrams(words(question)) | ngrams(words(answer))


def _documented(leaks: Mapping[Gram, set[str]], chunks: Iterable[Chunk]) -> set[Gram]:
    """Those that stand in the documentation."""
    found: set[Gram] = set()
    for chunk in chunks:
        found |= ngrams(words(chunk.text)) & leaks.keys()
    return found


def _common(leaks: Mapping[Gram, set[str]], generated: Sequence[QAPair]) -> set[Gram]:
    """Those that the questions of several facts share."""
    users: dict[Gram, set[str]] = defaultdict(set)
    for pair in generated:
        for gram in ngrams(words(pair.question)) & leaks.keys():
            users[gram].add(pair.fact_id)
    return {gram for gram, facts in users.items() if len(facts) > 1}
