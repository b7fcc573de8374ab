"""Which pairs are taught where a budget has room for some: spread over the documentation, not its beginning."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence

from understudy.types import QAPair

BEYOND = "beyond the budget of rows"
"""Why a pair is not taught that had no room."""


def spread(pairs: Sequence[QAPair], most: int, seed: int) -> list[QAPair]:
    """At most so many of the pairs, in their own order.

    Every page gives one before any gives a second; in a page its passages take turns, in a passage its facts, and a
    fact gives its paraphrases one after the other. What is equal in this is drawn by the seed.
    """
    if len(pairs) <= most:
        return list(pairs)
    places = sorted(
        range(len(pairs)), key=lambda i: hashlib.sha256(f"{seed}|spread|{pairs[i].pair_id}|{i}".encode()).digest()
    )
    for group in (_fact, _passage, _page):
        places = _in_turns(places, [group(pair) for pair in pairs])
    return [pairs[i] for i in sorted(places[: max(0, most)])]


def _in_turns(places: Sequence[int], groups: Sequence[str]) -> list[int]:
    """The first of each group, then the second of each, and so on."""
    turn: Counter[str] = Counter()
    turns: dict[int, int] = {}
    for place in places:
        turns[place] = turn[groups[place]]
        turn[groups[place]] += 1
    order: Callable[[int], int] = turns.__getitem__
    return sorted(places, key=order)


def _fact(pair: QAPair) -> str:
    return pair.fact_id or pair.pair_id


def _passage(pair: QAPair) -> str:
    return pair.chunk_id or _fact(pair)


def _page(pair: QAPair) -> str:
    return pair.doc_id or _passage(pair)
