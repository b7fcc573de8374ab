"""Four-option questions out of imported pairs: facts nobody trains on, and paraphrases of facts that are trained.

Pairs that say the same thing are one fact; whole facts are held out, so that no paraphrase of them is learned. The
wrong options of a question are answers to other questions about the same page, alike in form and length, and sharing
about as many words with the question as the right one: matching words should not find it.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

from understudy.generate.distractors import Distractors
from understudy.generate.items import ItemStatistics, placed, statistics
from understudy.generate.splits import pair_id
from understudy.normal import ALIKE_ANSWERS, jaccard, may_both_be_right, normal, words
from understudy.types import Chunk, MCQItem, QAPair

_SAME = 0.5  # share of the rarer words of two pairs on one page from which they state one fact
_COMMON = 0.15  # share of the pairs in which a word is too common to tell facts apart
_LONGEST = 320


def group_facts(pairs: Sequence[QAPair]) -> list[QAPair]:
    """The pairs with one `fact_id` for those on one page that state the same; given ones are kept.

    Two pairs state the same where they share at least half of their telling words, answer and question together.
    """
    used = Counter(word for pair in pairs for word in _telling(pair))
    limit = max(3.0, _COMMON * len(pairs))
    by_page: dict[str, list[int]] = defaultdict(list)
    for i, pair in enumerate(pairs):
        by_page[pair.doc_id].append(i)
    fact = [pair.fact_id for pair in pairs]
    for members in by_page.values():
        kept = {i: {w for w in _telling(pairs[i]) if used[w] <= limit} for i in members}
        for place, i in enumerate(members):
            for j in members[:place]:
                if fact[i] != fact[j] and jaccard(kept[i], kept[j]) >= _SAME:
                    old, new = fact[i], fact[j]
                    for k in members:
                        fact[k] = new if fact[k] == old else fact[k]
    return [replace(pair, fact_id=of) for pair, of in zip(pairs, fact, strict=True)]


def _telling(pair: QAPair) -> set[str]:
    return set(words(f"{pair.question} {pair.answer}"))


def hold_out_pairs(pairs: Sequence[QAPair], facts: float, paraphrases: float, seed: int) -> list[QAPair]:
    """The pairs with their split: `test` for the held-out share of whole facts, and for held-out paraphrases.

    facts: share of the pairs whose facts are held out whole, page by page. paraphrases: share of the pairs of the
    other facts that are held out, at least one of each fact being trained on.
    """
    by_page: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for i, pair in enumerate(pairs):
        by_page[pair.doc_id][pair.fact_id].append(i)
    split = [pair.split for pair in pairs]
    for page, of_page in sorted(by_page.items()):
        rng = random.Random(f"{seed}:{page}:facts")
        order = sorted(of_page)
        rng.shuffle(order)
        wanted, taken = facts * sum(map(len, of_page.values())), 0
        for fact in order:
            members = of_page[fact]
            if facts and page and taken + len(members) / 2 <= wanted:
                taken += len(members)
                for i in members:
                    split[i] = "test"
            elif paraphrases and len(members) > 1:
                for i in rng.sample(
                    members, min(len(members) - 1, round(len(members) * paraphrases + rng.random() / 2))
                ):
                    split[i] = "test"
    return [replace(pair, split=of) for pair, of in zip(pairs, split, strict=True)]


def make_own_items(
    pairs: Sequence[QAPair], chunks: Sequence[Chunk], n_items: int, n_options: int, seed: int
) -> tuple[list[MCQItem], ItemStatistics]:
    """Up to `n_items` items of the pairs held out for test, pages in turn, untaught facts before paraphrases.

    chunks: the documentation, to say what matching its words would find.
    source: `heldout-fact` where no pair of the fact is trained on, else `paraphrase`.
    """
    trained = {pair.fact_id for pair in pairs if pair.split != "test"}
    by_page: dict[str, list[QAPair]] = defaultdict(list)
    for pair in pairs:
        by_page[pair.doc_id].append(pair)
    items: list[MCQItem] = []
    skipped: Counter[str] = Counter()
    longest = 0
    asked: set[str] = set()
    for pair in _in_turn([p for p in pairs if p.split == "test"], trained, seed):
        if len(items) == n_items:
            break
        if len(pair.answer) > _LONGEST or normal(pair.question) in asked:
            skipped["too long, or asked before"] += 1
            continue
        may_be_longest = longest + 1 <= (len(items) + 1) / n_options
        wrong = _wrong(pair, by_page[pair.doc_id], n_options, may_be_longest, seed)
        if wrong is None:
            skipped["too few wrong options on its page"] += 1
            continue
        longest += len(pair.answer) > max(map(len, wrong))
        asked.add(normal(pair.question))
        items.append(
            MCQItem(
                item_id=pair_id("own", pair.fact_id, pair.question),
                question=pair.question,
                options=(pair.answer, *wrong),
                correct=0,
                chunk_id=pair.chunk_id,
                doc_id=pair.doc_id,
                quote=pair.quote,
                kind=pair.kind,
                fact_id=pair.fact_id,
                source="paraphrase" if pair.fact_id in trained else "heldout-fact",
            )
        )
    items = placed(items, n_options, seed)
    return items, statistics(items, skipped, n_options, Distractors((), (), chunks))


def _in_turn(pairs: Sequence[QAPair], trained: set[str], seed: int) -> list[QAPair]:
    """Untaught facts first; of each kind the pages take turns, in a drawn order within a page."""
    turns: Counter[tuple[bool, str]] = Counter()
    order: list[tuple[bool, int, str, QAPair]] = []
    for pair in sorted(pairs, key=lambda p: random.Random(f"{seed}:{p.pair_id}").random()):
        kind = (pair.fact_id in trained, pair.doc_id)
        order.append((kind[0], turns[kind], pair.doc_id, pair))
        turns[kind] += 1
    return [pair for *_, pair in sorted(order, key=lambda o: o[:3])]


def _wrong(
    pair: QAPair, page: Sequence[QAPair], n_options: int, may_be_longest: bool, seed: int
) -> tuple[str, ...] | None:
    """The wrong options, the most alike first; None where the page has too few."""
    asked, own = set(words(pair.question)), set(words(pair.answer))
    shared = _share_of(own, asked)
    found: dict[str, tuple[float, QAPair]] = {}
    for other in page:
        text = other.answer.strip()
        if other.fact_id == pair.fact_id or len(text) > _LONGEST or normal(text) == normal(pair.answer):
            continue
        told = set(words(text))
        if may_both_be_right(asked, own, set(words(other.question)), told):
            continue
        ratio = max(len(text), len(pair.answer)) / max(1, min(len(text), len(pair.answer)))
        far = 6 * abs(_share_of(told, asked) - shared) + (ratio - 1) + (_form(text) != _form(pair.answer))
        far += 0.5 * (_opening(other.question) != _opening(pair.question))
        found.setdefault(normal(text), (far, other))
    rng = random.Random(f"{seed}:{pair.pair_id}:options")
    ranked = sorted(found.values(), key=lambda f: (f[0], rng.random()))
    chosen: list[str] = []
    for _, other in ranked:
        text = other.answer.strip()
        full = (
            len(chosen) == n_options - 2 and not may_be_longest and not any(len(c) >= len(pair.answer) for c in chosen)
        )
        if full and len(text) < len(pair.answer):
            continue  # the last place is for one that is as long as the right answer
        if all(jaccard(set(words(text)), set(words(c))) < ALIKE_ANSWERS for c in chosen):
            chosen.append(text)
        if len(chosen) == n_options - 1:
            return tuple(chosen)
    return None


def _share_of(told: set[str], asked: set[str]) -> float:
    """Share of the question's words that an option repeats."""
    return len(told & asked) / len(asked) if asked else 0.0


def _form(answer: str) -> str:
    """Yes, no, or neither: an answer of another form would give itself away."""
    first = (words(answer) or [""])[0]
    return first if first in ("yes", "no") else ""


def _opening(question: str) -> str:
    return " ".join(words(question)[:1])
