"""Multiple-choice items whose wrong options are real values of the same type from the corpus.

Guards, each a known way to guess without knowing: the key is not longer than its rivals more often than chance,
positions are balanced, options are alike in type and length, none repeats or contains another, none is a true
answer of the same question, and no wrong option is given away by standing in the question.
"""

from __future__ import annotations

import math
import random
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from understudy.generate.base import Ask, Fact, Option
from understudy.generate.distractors import LONGEST_OPTION, Distractors, overlaps, shortcut_accuracy
from understudy.generate.splits import HeldOut, pair_id
from understudy.normal import normal
from understudy.types import Chunk, MCQItem, QAPair

_IN_COMMON = (
    "words in common with the first passage",
    "words in common with three passages",
    "words in common with the retrieved passages",
)
"""The shortcuts that a search by words gives, at each of `DEPTHS`."""
_NEVER = frozenset({"boolean", "step number", "listing", ""})


@dataclass(frozen=True, slots=True)
class Candidate:
    """A question that could become an item, with its key."""

    fact: Fact
    ask: Ask
    question: str
    source: str


@dataclass(frozen=True, slots=True)
class ItemStatistics:
    """What was made, and what guessing would find in it. Shares are None where there are no items."""

    items: int
    skipped: Mapping[str, int]
    key_longest: float | None
    positions: tuple[int, ...]
    length_ratio_within: float | None
    shortcuts: Mapping[str, float | None]


def candidates(facts: Sequence[Fact], pairs: Sequence[QAPair], held_out: HeldOut, trained: bool) -> list[Candidate]:
    """One candidate an ask, worded as one of its test pairs.

    trained: whether generated pairs are trained on; where only imported pairs are, the source is `docs`.
    """
    by_fact: dict[str, list[QAPair]] = defaultdict(list)
    for pair in pairs:
        if pair.split == "test":
            by_fact[pair.fact_id].append(pair)
    found = []
    for fact in facts:
        for ask in fact.asks:
            questions = [p.question for p in by_fact[fact.fact_id] if p.question in ask.questions]
            if not (ask.examined and re.search(r"[^\W_]", ask.option)) or ask.type in _NEVER:
                continue  # a symbol is no option that one can tell from others
            if len(ask.option) > LONGEST_OPTION:
                continue
            if questions:
                source = held_out.source(fact)
                found.append(
                    Candidate(fact, ask, questions[0], source if trained or source != "heldout-paraphrase" else "docs")
                )
    return found


def make_items(
    found: Sequence[Candidate],
    facts: Sequence[Fact],
    chunks: Sequence[Chunk],
    n_items: int,
    n_options: int,
    seed: int,
    options: Sequence[Option] = (),
) -> tuple[list[MCQItem], ItemStatistics]:
    """Up to `n_items` items, spread over documents, facts and types; none that a shortcut gives away too often."""
    distractors = Distractors(facts, options, chunks)
    items: list[MCQItem] = []
    skipped: Counter[str] = Counter()
    asked: set[str] = set()
    waiting = _spread(found, seed)
    while waiting and len(items) < n_items:
        batch: list[MCQItem] = []
        while waiting and len(items) + len(batch) < n_items:
            candidate = waiting.pop(0)
            made = len(items) + len(batch)
            if normal(candidate.question) in asked:
                skipped["question asked before"] += 1
                continue
            rng = random.Random(f"{seed}:{candidate.fact.fact_id}:{candidate.ask.topic}")
            longer, higher = made % n_options, made // n_options % n_options
            wrong = distractors.choose(
                candidate.fact, candidate.ask, candidate.question, n_options - 1, longer, higher, rng
            )
            if isinstance(wrong, str):
                skipped[wrong] += 1
            else:
                asked.add(normal(candidate.question))
                batch.append(_item(candidate, wrong))
        items, given_away = repaired([*items, *batch], distractors, n_options)
        skipped.update(given_away)
        if not given_away:
            break
    items = placed(items, n_options, seed)
    return items, statistics(items, skipped, n_options, distractors)


def shortcuts(items: Sequence[MCQItem], distractors: Distractors) -> dict[str, list[list[float]]]:
    """How each shortcut scores the options of each item: the longest, the shortest, the most words in common with
    the retrieved passages."""
    common = [overlaps(distractors, item.question, item.options) for item in items]
    return {
        "longest option": [[float(len(o)) for o in item.options] for item in items],
        "shortest option": [[-float(len(o)) for o in item.options] for item in items],
    } | {name: [[option[depth] for option in rows] for rows in common] for depth, name in enumerate(_IN_COMMON)}


def repaired(items: Sequence[MCQItem], distractors: Distractors, n_options: int) -> tuple[list[MCQItem], Counter[str]]:
    """Items without as many as it takes for no shortcut to beat chance by more than its sampling error allows
    (one-sided, 95 %), at most half of them; and how many were taken out, by shortcut."""
    kept, dropped = list(items), Counter[str]()
    most = len(items) // 2
    for name in (*reversed(_IN_COMMON[1:]), "longest option", "shortest option"):
        rows = shortcuts(kept, distractors)[name]
        right = [
            row[item.correct] == max(row) and row.count(max(row)) == 1 for row, item in zip(rows, kept, strict=True)
        ]
        while kept and dropped.total() < most:
            accuracy = shortcut_accuracy(rows, [item.correct for item in kept]) or 0.0
            chance = 1 / n_options
            if accuracy <= chance + 1.645 * math.sqrt(chance * (1 - chance) / len(kept)) or not any(right):
                break
            gaps = [r and row[item.correct] - sorted(row)[-2] for r, row, item in zip(right, rows, kept, strict=True)]
            worst = max(range(len(kept)), key=lambda i: (right[i], gaps[i]))
            for values in (kept, rows, right):
                del values[worst]
            dropped[f"given away by the {name}"] += 1
    return kept, dropped


def _spread(found: Sequence[Candidate], seed: int) -> list[Candidate]:
    """Documents in turn; within one, the first ask of every fact before the second of any."""
    queues: dict[str, list[tuple[int, float, Candidate]]] = defaultdict(list)
    used: Counter[str] = Counter()
    for candidate in found:
        rng = random.Random(f"{seed}:{candidate.fact.fact_id}:{candidate.question}")
        queues[candidate.fact.doc_id].append((used[candidate.fact.fact_id], rng.random(), candidate))
        used[candidate.fact.fact_id] += 1
    ordered = [[c for _, _, c in sorted(queue, key=lambda x: x[:2])] for _, queue in sorted(queues.items())]
    turns = max((len(queue) for queue in ordered), default=0)
    return [queue[turn] for turn in range(turns) for queue in ordered if turn < len(queue)]


def _item(candidate: Candidate, wrong: list[str]) -> MCQItem:
    fact, ask = candidate.fact, candidate.ask
    return MCQItem(
        item_id=pair_id("item", fact.fact_id, candidate.question),
        question=candidate.question,
        options=(ask.option, *wrong),
        correct=0,
        chunk_id=fact.chunk_id,
        doc_id=fact.doc_id,
        quote=fact.quote,
        kind=ask.kind,
        fact_id=fact.fact_id,
        source=candidate.source,
    )


def placed(items: Sequence[MCQItem], n_options: int, seed: int) -> list[MCQItem]:
    """Keys in every position equally often (to within one), wrong options in a drawn order."""
    rng = random.Random(f"{seed}:positions")
    positions = [i % n_options for i in range(len(items))]
    rng.shuffle(positions)
    placed = []
    for item, position in zip(items, positions, strict=True):
        wrong = list(item.options[1:])
        rng.shuffle(wrong)
        options = (*wrong[:position], item.options[0], *wrong[position:])
        placed.append(replace(item, options=options, correct=position))
    return placed


def statistics(
    items: Sequence[MCQItem], skipped: Mapping[str, int], n_options: int, distractors: Distractors
) -> ItemStatistics:
    """How guessable the items are by length, position and words in common."""
    positions = Counter(item.correct for item in items)
    longest = sum(
        len(i.options[i.correct]) > max(len(o) for j, o in enumerate(i.options) if j != i.correct) for i in items
    )
    ratios = [len(o) / len(i.options[i.correct]) for i in items for j, o in enumerate(i.options) if j != i.correct]
    return ItemStatistics(
        items=len(items),
        skipped=dict(skipped),
        key_longest=longest / len(items) if items else None,
        positions=tuple(positions[p] for p in range(n_options)),
        shortcuts={
            name: shortcut_accuracy(rows, [item.correct for item in items])
            for name, rows in shortcuts(items, distractors).items()
        },
        length_ratio_within=sum(0.8 <= r <= 1.25 for r in ratios) / len(ratios) if ratios else None,
    )
