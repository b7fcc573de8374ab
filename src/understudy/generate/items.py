"""Multiple-choice items whose wrong options are real values of the same type from the corpus.

Guards, each a known way to guess without knowing: the key is not longer than its rivals more often than chance,
positions are balanced, options are alike in type and length, none repeats or contains another, none is a true
answer of the same question, and no wrong option is given away by standing in the question.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from understudy.generate.base import Ask, Fact
from understudy.generate.splits import HeldOut, pair_id
from understudy.generate.values import PRECISE
from understudy.normal import normal, strict, words
from understudy.types import MCQItem, QAPair

# Types that may lend each other distractors where one alone has too few values.
_FAMILIES: tuple[frozenset[str], ...] = (
    frozenset({"number", "port"}),
    frozenset({"path", "file"}),
    frozenset({"identifier", "key", "env"}),
    frozenset({"word", "name", "phrase"}),
    frozenset({"phrase", "sentence", "description"}),
)
_NEVER = frozenset({"boolean", "step number", "listing", ""})
_LONGEST_OPTION = 320


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
            if questions and ask.option and ask.type not in _NEVER and len(ask.option) <= _LONGEST_OPTION:
                source = held_out.source(fact)
                found.append(
                    Candidate(fact, ask, questions[0], source if trained or source != "heldout-paraphrase" else "docs")
                )
    return found


def make_items(
    found: Sequence[Candidate], facts: Sequence[Fact], n_items: int, n_options: int, seed: int
) -> tuple[list[MCQItem], ItemStatistics]:
    """Up to `n_items` items, spread over documents, facts and types."""
    pools = _pools(facts)
    items: list[MCQItem] = []
    skipped: Counter[str] = Counter()
    longest = 0
    waiting = _spread(found, seed)
    asked: set[str] = set()
    while waiting and len(items) < n_items:
        later: list[Candidate] = []
        before = len(items)
        for candidate in waiting:
            if len(items) >= n_items:
                break
            if normal(candidate.question) in asked:
                skipped["question asked before"] += 1
                continue
            rng = random.Random(f"{seed}:{candidate.fact.fact_id}:{candidate.ask.topic}")
            quota = longest + 1 <= (len(items) + 1) / n_options
            wrong = _distractors(candidate, pools, n_options, len(items) % n_options, quota, rng)
            if wrong is None:
                skipped["too few distractors of its type and length"] += 1
            elif not quota and len(candidate.ask.option) > max(map(len, wrong)):
                later.append(candidate)
            else:
                longest += len(candidate.ask.option) > max(map(len, wrong))
                asked.add(normal(candidate.question))
                items.append(_item(candidate, wrong))
        if len(items) == before:
            skipped["its key would be the longest option too often"] += len(later)
            break
        waiting = later
    items = _placed(items, n_options, seed)
    return items, statistics(items, skipped, n_options)


Pool = list[tuple[Fact, Ask, frozenset[str]]]


def _pools(facts: Sequence[Fact]) -> dict[str, Pool]:
    """Asks by the type of their option, each with the words that say what it is about.

    Words that many asks are about (`the`, `parameter`) do not tell one from another.
    """
    used = Counter(word for fact in facts for ask in fact.asks for word in set(words(ask.about)))
    n = sum(len(fact.asks) for fact in facts)
    common = {word for word, count in used.items() if count > max(8, 0.02 * n)}
    pools: dict[str, Pool] = defaultdict(list)
    for fact in facts:
        for ask in fact.asks:
            if ask.option and len(ask.option) <= _LONGEST_OPTION:
                pools[ask.type].append((fact, ask, frozenset(words(ask.about)) - common))
    return pools


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


def _distractors(
    candidate: Candidate,
    pools: Mapping[str, Pool],
    n_options: int,
    longer_wanted: int,
    may_be_longest: bool,
    rng: random.Random,
) -> list[str] | None:
    """Wrong options, `longer_wanted` of them longer than the key where possible; None if there are too few."""
    key, ask = candidate.ask.option, candidate.ask
    rivals = _rivals(candidate, pools[ask.type])
    if len(rivals) < n_options - 1:
        for family in _FAMILIES:
            if ask.type in family:
                for other in sorted(family - {ask.type}):
                    rivals += _rivals(candidate, pools.get(other, []))
    ranked = sorted(rivals, key=lambda r: (_bucket(len(r[0]) / len(key)), -r[1], rng.random()))
    if ask.type not in PRECISE:
        ranked = [r for r in ranked if _bucket(len(r[0]) / len(key)) < 3]
    if not may_be_longest:
        longer_wanted = max(longer_wanted, 1)
    chosen: list[str] = []
    for want_longer in (True, False, None):
        for text, _ in ranked:
            if len(chosen) == n_options - 1 or (want_longer is True and len(chosen) == longer_wanted):
                break
            is_longer = len(text) > len(key) or (len(text) == len(key) and ask.type in PRECISE)
            if (want_longer is None or is_longer == want_longer) and not any(_alike(text, c) for c in chosen):
                chosen.append(text)
    return chosen if len(chosen) == n_options - 1 else None


def _rivals(candidate: Candidate, pool: Pool) -> list[tuple[str, int]]:
    """Values that are wrong answers to the question, with how near they stand to the key."""
    ask, asked = candidate.ask, f" {normal(candidate.question)} "
    about = next((names for _, other, names in pool if other is ask), frozenset())
    words_asked = set(words(candidate.question))
    shared = len(words_asked & set(words(ask.option)))
    found: dict[str, int] = {}
    true = {strict(a.option) for _, a, _ in pool if a.topic == ask.topic} | {strict(ask.option)}
    for fact, other, names in pool:
        text = other.option
        if strict(text) in true or _alike(text, ask.option) or (len(text) > 2 and f" {normal(text)} " in asked):
            continue
        loose = ask.type not in PRECISE and ask.type not in ("data type", "word")
        if loose and (fact.quote == candidate.fact.quote or _related(about, names)):
            continue
        same_form = other.topic.split(" ", 1)[0] == ask.topic.split(" ", 1)[0]
        near = 4 * (other.about == ask.about) + 2 * same_form + (fact.doc_id == candidate.fact.doc_id)
        near += fact.chunk_id == candidate.fact.chunk_id
        # An option that shares more words with the question than its rivals would be a hint.
        near -= 3 * abs(len(words_asked & set(words(text))) - shared)
        found[text] = max(near, found.get(text, near))
    return list(found.items())


def _related(a: frozenset[str], b: frozenset[str]) -> bool:
    """Whether two subjects share so many words that an answer about one may be true of the other."""
    return bool(a) and bool(b) and len(a & b) * 2 > min(len(a), len(b))


def _alike(a: str, b: str) -> bool:
    """Equal, or one within the other as whole words."""
    x, y = f" {strict(a)} ", f" {strict(b)} "
    if x == y:
        return True
    if " " not in x.strip() and " " not in y.strip():
        return False
    p, q = f" {normal(a)} ", f" {normal(b)} "
    return p == q or p in q or q in p


def _bucket(ratio: float) -> int:
    for bucket, edge in enumerate((1.25, 1.6, 2.5)):
        if 1 / edge <= ratio <= edge:
            return bucket
    return 3


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


def _placed(items: Sequence[MCQItem], n_options: int, seed: int) -> list[MCQItem]:
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


def statistics(items: Sequence[MCQItem], skipped: Mapping[str, int], n_options: int) -> ItemStatistics:
    """How guessable the items are by length and position."""
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
        length_ratio_within=sum(0.8 <= r <= 1.25 for r in ratios) / len(ratios) if ratios else None,
    )
