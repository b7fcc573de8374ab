"""Wrong answers to a question, out of the other pairs: true sentences in the same style, wrong for this question."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Collection, Sequence

from understudy.normal import may_both_be_right, normal, words
from understudy.types import QAPair

_LONGEST = 400  # characters


class WrongAnswers:
    """Finds answers to other questions that are wrong for a question, and alike."""

    def __init__(self, pairs: Sequence[QAPair]) -> None:
        self._of_page: dict[str, list[int]] = defaultdict(list)
        self._of_chunk: dict[str, list[int]] = defaultdict(list)
        self._pairs = list(pairs)
        self._asked = [set(words(p.question)) for p in pairs]
        self._told = [set(words(p.answer)) for p in pairs]
        for i, pair in enumerate(pairs):
            self._of_page[pair.doc_id].append(i)
            self._of_chunk[pair.chunk_id].append(i)

    def of(self, pair: QAPair, count: int, rng: random.Random, shown: Collection[str] = ()) -> tuple[str, ...]:
        """At most `count`: all but one from what is said in the passages shown, the rest from the same page.

        shown: ids of the chunks that stand before the question. Those of the page are taken in the order of how nearly
        they share as many words with the question as the right one, so that matching words does not find it.
        """
        asked, told = set(words(pair.question)), set(words(pair.answer))
        near = [i for chunk_id in sorted(shown) for i in self._of_chunk[chunk_id]]
        rng.shuffle(near)
        page = list(self._of_page[pair.doc_id])
        rng.shuffle(page)
        own = _share(told & asked, asked)
        page.sort(key=lambda i: abs(_share(self._told[i] & asked, asked) - own) + 0.3 * rng.random())
        found: dict[str, str] = {}
        for pool, most in ((near, max(1, count - 1)), (page, count)):
            for i in pool:
                if len(found) >= most:
                    break
                if self._is_wrong(i, pair, asked, told):
                    found.setdefault(normal(self._pairs[i].answer), self._pairs[i].answer.strip())
        return tuple(found.values())

    def _is_wrong(self, i: int, pair: QAPair, asked: set[str], told: set[str]) -> bool:
        """Whether the answer of pair `i` is one to another question, so that it cannot be right here as well."""
        other = self._pairs[i]
        if (other.fact_id or other.pair_id) == (pair.fact_id or pair.pair_id) or len(other.answer) > _LONGEST:
            return False
        if not other.answer.strip() or normal(other.answer) == normal(pair.answer):
            return False
        return not may_both_be_right(asked, told, self._asked[i], self._told[i])


def _share(some: set[str], of: set[str]) -> float:
    return len(some) / len(of) if of else 0.0
