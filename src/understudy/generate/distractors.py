"""Wrong options: real values of the key's type from the passages that retrieval brings for the question.

An option is wrong by the corpus: it answers another question, and no statement that gives it speaks of what is
asked for. Options come from the same passages as the key, so that none stands out by being found there; how many
are longer than the key, and how many share more words with the passages, is spread evenly over the items, so that
neither length nor overlap points to the key.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

from understudy.evaluation.lexical import K1, B, Bm25
from understudy.evaluation.lexical import words as lexical_words
from understudy.generate.base import Ask, Fact, Option
from understudy.generate.phrases import passage_options
from understudy.generate.values import PRECISE
from understudy.normal import normal, strict, words
from understudy.types import Chunk

# Types that may lend each other distractors where one alone has too few values.
_FAMILIES: tuple[frozenset[str], ...] = (
    frozenset({"number", "port"}),
    frozenset({"path", "file"}),
    frozenset({"identifier", "key", "env"}),
    frozenset({"word", "name", "phrase"}),
    frozenset({"phrase", "sentence", "description"}),
)
LONGEST_OPTION = 320
PASSAGES = 5  # as many as a reader is usually shown
_POOL = 13  # rivals of which every combination is weighed
_ENOUGH = 8  # rivals from the passages that make a wider search needless
_RUN = 6  # words in a row by which a statement speaks of what is asked for


@dataclass(frozen=True, slots=True)
class Rival:
    """A possible wrong option. near: how plausible; overlap: its match with the retrieved passages."""

    text: str
    near: float
    overlap: float


class Distractors:
    """Wrong options for the asks of a corpus: answers to other asks, spare phrases, and the values in passages."""

    def __init__(self, facts: Sequence[Fact], options: Sequence[Option], chunks: Sequence[Chunk]) -> None:
        self.index = Bm25(chunks)
        self.found: dict[str, list[str]] = {}
        self.counts = {c.chunk_id: Counter(lexical_words(f"{c.breadcrumb} {c.text}")) for c in chunks}
        self.pools: dict[str, list[Option]] = defaultdict(list)
        self.near: dict[tuple[str, str], list[Option]] = defaultdict(list)
        answers = [
            Option(ask.option, ask.type, fact.chunk_id, fact.doc_id, fact.quote, ask.topic, ask.about)
            for fact in facts
            for ask in fact.asks
            if ask.option
        ]
        used = Counter(word for option in answers for word in set(words(option.about)))
        self.common = {word for word, n in used.items() if n > max(8, 0.02 * len(answers))}  # `the`, `parameter`
        for option in [*answers, *options, *passage_options(chunks)]:
            if len(option.text) <= LONGEST_OPTION:
                self.near[option.chunk_id, option.type].append(option)
                if option.topic:
                    self.pools[option.type].append(option)

    def passages(self, question: str) -> list[str]:
        """The chunks that a search by words brings for a question, best first."""
        if question in self.found:
            return self.found[question]
        scores = self.index.scores(question)
        best = sorted(scores, key=lambda k: (-scores[k], k))[:PASSAGES]
        self.found[question] = [self.index.chunks[k].chunk_id for k in best]
        return self.found[question]

    def choose(
        self, fact: Fact, ask: Ask, question: str, n: int, longer: int, higher: int, rng: random.Random
    ) -> list[str] | None:
        """`n` wrong options, as near as can be `longer` of them longer than the key and `higher` of them sharing more
        with the retrieved passages; None where there are too few."""
        found = self.passages(question)
        rivals = self._rivals(fact, ask, question, found)
        if ask.type not in PRECISE:
            rivals = [r for r in rivals if bucket(len(r.text) / len(ask.option)) < 3]
        rng.shuffle(rivals)
        rivals.sort(key=lambda r: -r.near)
        key = self.overlap(ask.option, found)
        best: tuple[float, list[str]] | None = None
        for chosen in combinations(_diverse(rivals, len(ask.option), key), n):
            if any(alike(a.text, b.text) for a, b in combinations(chosen, 2)):
                continue
            cost = 3.0 * abs(sum(len(r.text) > len(ask.option) for r in chosen) - longer)
            cost += 4.0 * abs(sum(r.overlap > key for r in chosen) - higher)
            cost -= 0.5 * sum(r.near for r in chosen)
            if ask.type not in PRECISE:
                cost += sum(bucket(len(r.text) / len(ask.option)) for r in chosen)
            if best is None or cost < best[0]:
                best = cost, [r.text for r in chosen]
        return best[1] if best else None

    def overlap(self, option: str, found: Sequence[str]) -> float:
        """As the shortcut baseline measures it: the best BM25 match with one passage, by length to the power 0.7."""
        tokens = sorted(set(lexical_words(option)))
        best = 0.0
        for chunk_id in found:
            counts, length = self.counts[chunk_id], self.index.lengths[self.index.place[chunk_id]]
            score = 0.0
            for token in tokens:
                count = counts.get(token, 0)
                if count:
                    norm = K1 * (1 - B + B * length / self.index.mean_length)
                    score += self.index.idf(token) * count * (K1 + 1) / (count + norm)
            best = max(best, score)
        return best / max(1, len(lexical_words(option))) ** 0.7

    def _rivals(self, fact: Fact, ask: Ask, question: str, found: Sequence[str]) -> list[Rival]:
        """Values that are wrong answers to the question: of its type in the passages, else of its type anywhere, else
        of a kindred type."""
        family = next((sorted(f - {ask.type}) for f in _FAMILIES if ask.type in f), [])
        here = [option for chunk_id in found for option in self.near[chunk_id, ask.type]]
        kin = [option for chunk_id in found for name in family for option in self.near[chunk_id, name]]
        far = [option for name in family for option in self.pools[name]]
        rivals: dict[str, Rival] = {}
        asked, tokens = f" {normal(question)} ", words(question)
        runs, words_asked = _runs(tokens), set(tokens)
        shared = len(words_asked & set(words(ask.option)))
        about = frozenset(words(ask.about)) - self.common
        form = ask.topic.split(" ", 1)[0]
        true = {strict(o.text) for o in self.pools[ask.type] if o.topic == ask.topic} | {strict(ask.option)}
        loose = ask.type not in PRECISE and ask.type not in ("data type", "word")
        for level, options in enumerate((here, self.pools[ask.type], kin, far)):
            if level and len(rivals) >= _ENOUGH:
                break
            for option in options:
                text = option.text
                if text in rivals or strict(text) in true or alike(text, ask.option):
                    continue
                if len(text) > 2 and f" {normal(text)} " in asked:
                    continue
                if loose and (option.quote == fact.quote or _related(about, _word_set(option.about) - self.common)):
                    continue
                if option.quote != fact.quote and runs & _quote_runs(option.quote):
                    continue  # that statement speaks of what is asked for
                near = 2.0 * (option.about == ask.about) + 2 * (option.topic.split(" ", 1)[0] == form)
                near += (option.doc_id == fact.doc_id) + 5 * (level in (0, 2)) - 2 * (level > 1)
                if not loose:  # of like magnitude
                    near -= min(4.0, 0.7 * abs(len(text) - len(ask.option)))
                # An option that shares more words with the question than its rivals would be a hint.
                near -= 2.0 * abs(len(words_asked & _word_set(text)) - shared)
                rivals[text] = Rival(text, near, 0.0)
        ranked = sorted(rivals.values(), key=lambda r: (-r.near, r.text))[: 4 * _POOL]
        return [Rival(r.text, r.near, self.overlap(r.text, found)) for r in ranked]


def alike(a: str, b: str) -> bool:
    """Equal, or one within the other as whole words."""
    x, y = f" {strict(a)} ", f" {strict(b)} "
    if x == y:
        return True
    if " " not in x.strip() and " " not in y.strip():
        return False
    p, q = f" {normal(a)} ", f" {normal(b)} "
    return p == q or p in q or q in p


def bucket(ratio: float) -> int:
    """How far lengths are apart: 0 within a quarter, 3 beyond two and a half times."""
    for n, edge in enumerate((1.25, 1.6, 2.5)):
        if 1 / edge <= ratio <= edge:
            return n
    return 3


def _diverse(rivals: Sequence[Rival], length: int, key: float) -> list[Rival]:
    """The nearest rivals, with some longer and some shorter, some that share more and some that share less."""
    pool = list(rivals[: _POOL - 4])
    for wanted in (
        [r for r in rivals if len(r.text) > length and r.overlap > key],
        [r for r in rivals if len(r.text) > length and r.overlap <= key],
        [r for r in rivals if len(r.text) <= length and r.overlap > key],
        [r for r in rivals if len(r.text) <= length and r.overlap <= key],
    ):
        pool += [r for r in wanted if r not in pool][:1]
    return pool


@lru_cache(maxsize=1 << 16)
def _quote_runs(quote: str) -> frozenset[tuple[str, ...]]:
    return frozenset(_runs(words(quote)))


@lru_cache(maxsize=1 << 16)
def _word_set(text: str) -> frozenset[str]:
    return frozenset(words(text))


def _runs(tokens: Sequence[str]) -> set[tuple[str, ...]]:
    return {tuple(tokens[i : i + _RUN]) for i in range(len(tokens) - _RUN + 1)}


def _related(a: frozenset[str], b: frozenset[str]) -> bool:
    """Whether two subjects share so many words that an answer about one may be true of the other."""
    return bool(a) and bool(b) and len(a & b) * 2 > min(len(a), len(b))


def shortcut_accuracy(options: Sequence[Sequence[float]], correct: Sequence[int]) -> float | None:
    """How often the highest score is the key's; ties are credited with its share of them. None without questions."""
    credit = []
    for row, key in zip(options, correct, strict=True):
        best = [i for i, score in enumerate(row) if score == max(row)]
        credit.append(1 / len(best) if key in best else 0.0)
    return sum(credit) / len(credit) if credit else None


def overlaps(distractors: Distractors, question: str, options: Sequence[str]) -> list[float]:
    """The scores that the shortcut baseline `most words in common with the retrieved passages` gives the options."""
    found = distractors.passages(question)
    return [distractors.overlap(option, found) for option in options]
