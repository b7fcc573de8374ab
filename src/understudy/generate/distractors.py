"""Wrong options: real values of the key's type from the passages that retrieval brings for the question.

An option is wrong by the corpus: it answers another question, and no statement that gives it speaks of what is
asked for. Options come from the same passages as the key, so that none stands out by being found there; how many
are longer than the key, and how many share more words with the passages, is spread evenly over the items, so that
neither length nor overlap points to the key.
"""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

from understudy.evaluation.leakage import ngrams
from understudy.evaluation.lexical import K1, B, Bm25
from understudy.evaluation.lexical import words as lexical_words
from understudy.generate.base import Ask, Fact, Option
from understudy.generate.forms import form_of, is_whole
from understudy.generate.hints import gist, parts, shared, weight
from understudy.generate.phrases import passage_options
from understudy.generate.values import PRECISE
from understudy.normal import normal, strict, words
from understudy.types import Chunk

# Types that may lend each other distractors where one alone has too few values.
_FAMILIES: tuple[frozenset[str], ...] = (
    frozenset({"number", "port"}),
    frozenset({"path", "file"}),
    frozenset({"identifier", "key", "env"}),
    frozenset({"phrase", "sentence", "description", "action", "definition"}),
)
LONGEST_OPTION = 320
DEPTHS = (1, 3, 5)  # how many of the best passages a reader may be shown
_FIRST = 8.0  # what an option of the key's own passage is worth
_OVERLAP = 4.0  # what an option too many or too few that matches more than the key costs
_ALSO = 2  # wrong options that hold what the key and the asked name have in common
_POOL = 13  # rivals of which every combination is weighed
_ENOUGH = 8  # rivals from the passages that make a wider search needless
_ROUND = re.compile(r"-?(?:\d|1[0-2]|[1-9]\d?0+|[1-9]*[05]|16|32|64|128|256|512|1024|2048|4096|8192|\d\.\d)")
_REMEMBERED = 512  # passages whose words are held
_RUN = 6  # words in a row by which a statement speaks of what is asked for
NOT_WHOLE = "the right answer is no whole phrase"
TOO_FEW = "too few distractors of its type, form and length"
TOLD = "a word of the question stands in the right answer alone"


@dataclass(frozen=True, slots=True)
class Rival:
    """A possible wrong option. near: how plausible; overlap: its match with as many retrieved passages as each of
    `DEPTHS` says."""

    text: str
    near: float
    overlap: tuple[float, ...]

    def higher(self, key: tuple[float, ...]) -> float:
        """The share of depths at which it matches more than the key."""
        return sum(mine > its for mine, its in zip(self.overlap, key, strict=True)) / len(key)


class Distractors:
    """Wrong options for the asks of a corpus: answers to other asks, spare phrases, and the values in passages."""

    def __init__(self, facts: Sequence[Fact], options: Sequence[Option], chunks: Sequence[Chunk]) -> None:
        self.index = Bm25(chunks)
        self.found: dict[str, list[str]] = {}
        self.counts = lru_cache(_REMEMBERED)(self._counts)  # of few passages, and those again
        self.titles = {c.chunk_id: _title(c) for c in chunks}
        self.names = frozenset(title for title in self.titles.values() if title)
        self.pools: dict[str, list[Option]] = defaultdict(list)
        self.near: dict[tuple[str, str], list[Option]] = defaultdict(list)
        answers = [
            Option(ask.option, ask.type, fact.chunk_id, fact.doc_id, fact.quote, ask.topic, ask.about)
            for fact in facts
            for ask in fact.asks
            if ask.option and is_whole(ask.option, read=True) and not _names_itself(ask.option, ask.about)
        ]
        used = Counter(word for option in answers for word in set(words(option.about)))
        self.common = {word for word, n in used.items() if n > max(8, 0.02 * len(answers))}  # `the`, `parameter`
        cut = [
            option
            for option in [*options, *passage_options(chunks)]
            if is_whole(option.text) and form_of(option.text) != "noun"
        ]
        for option in [*answers, *cut]:
            if len(option.text) <= LONGEST_OPTION:
                self.near[option.chunk_id, option.type].append(option)
                if option.topic:
                    self.pools[option.type].append(option)

    def _counts(self, chunk_id: str) -> Counter[str]:
        """The words of a passage, with how often each stands there."""
        chunk = self.index.chunks[self.index.place[chunk_id]]
        return Counter(lexical_words(f"{chunk.breadcrumb} {chunk.text}"))

    def passages(self, question: str) -> list[str]:
        """The chunks that a search by words brings for a question, best first."""
        if question in self.found:
            return self.found[question]
        scores = self.index.scores(question)
        best = sorted(scores, key=lambda k: (-scores[k], k))[: DEPTHS[-1]]
        self.found[question] = [self.index.chunks[k].chunk_id for k in best]
        return self.found[question]

    def choose(
        self, fact: Fact, ask: Ask, question: str, n: int, longer: int, higher: int, rng: random.Random
    ) -> list[str] | str:
        """`n` wrong options, as near as can be `longer` of them longer than the key and `higher` of them sharing more
        with the retrieved passages; or why there are none."""
        told_whole = ask.topic.startswith(("term ", "definition ")) and form_of(ask.option).startswith("sentence")
        if told_whole or not is_whole(ask.option, read=True):
            return NOT_WHOLE
        if _names_itself(ask.option, ask.about) or _initial(ask.option, ask.about):
            return TOLD
        found = self.passages(question)
        rivals = self._rivals(fact, ask, question, found)
        if ask.type not in PRECISE:
            rivals = [r for r in rivals if bucket(len(r.text) / len(ask.option)) < 3]
        rng.shuffle(rivals)
        rivals.sort(key=lambda r: -r.near)
        key = self.overlap(ask.option, found)
        told = shared(question, ask.option)
        plain = set(told) if ask.kind == "reversed" else _of_names(question) & set(told)
        pool = _diverse(rivals, ask.option, key, question, told)
        hides = [{part for part, level in told.items() if shared(question, r.text).get(part, 0) >= level} for r in pool]
        weights, most = [weight(question, r.text) for r in pool], weight(question, ask.option)
        apart = [[_apart(a.text, b.text) for b in pool] for a in pool]
        best: tuple[float, list[str]] | None = None
        for places in combinations(range(len(pool)), n):
            if not all(apart[i][j] for i, j in combinations(places, 2)):
                continue
            if told and (
                len(set().union(*(hides[i] for i in places))) < len(told) or max(weights[i] for i in places) < most
            ):
                continue
            if any(sum(part in hides[i] for i in places) < min(_ALSO, n) for part in plain):
                continue
            chosen = [pool[i] for i in places]
            cost = 3.0 * abs(sum(len(r.text) > len(ask.option) for r in chosen) - longer)
            for depth, its in enumerate(key):
                cost += _OVERLAP * abs(sum(r.overlap[depth] > its for r in chosen) - higher) / len(key)
            cost -= 0.5 * sum(r.near for r in chosen)
            if ask.type not in PRECISE:
                cost += sum(bucket(len(r.text) / len(ask.option)) for r in chosen)
            if best is None or cost < best[0]:
                best = cost, [r.text for r in chosen]
        return best[1] if best else TOLD if told and len(pool) >= n else TOO_FEW

    def overlap(self, option: str, found: Sequence[str]) -> tuple[float, ...]:
        """As the shortcut baseline measures it, at each depth: the best BM25 match with one passage, by length to the
        power 0.7."""
        tokens = sorted(set(lexical_words(option)))
        best, at_depth = 0.0, []
        for rank, chunk_id in enumerate(found, 1):
            counts, length = self.counts(chunk_id), self.index.lengths[self.index.place[chunk_id]]
            score = 0.0
            for token in tokens:
                count = counts.get(token, 0)
                if count:
                    norm = K1 * (1 - B + B * length / self.index.mean_length)
                    score += self.index.idf(token) * count * (K1 + 1) / (count + norm)
            best = max(best, score)
            if rank in DEPTHS:
                at_depth.append(best)
        at_depth += [best] * (len(DEPTHS) - len(at_depth))
        length = max(1, len(lexical_words(option)))
        return tuple(score / length**0.7 for score in at_depth)

    def _rivals(self, fact: Fact, ask: Ask, question: str, found: Sequence[str]) -> list[Rival]:
        """Values that are wrong answers to the question: of its type in the passages, else of its type anywhere, else
        of a kindred type."""
        family = next((sorted(f - {ask.type}) for f in _FAMILIES if ask.type in f), [])
        here = [option for chunk_id in found for option in self.near[chunk_id, ask.type]]
        kin = [option for chunk_id in found for name in family for option in self.near[chunk_id, name]]
        far = [option for name in family for option in self.pools[name]]
        rivals: dict[str, Rival] = {}
        asked, tokens = f" {normal(question)} ", words(question)
        runs, words_asked = ngrams(tokens, _RUN), set(tokens)
        repeated = len(words_asked & set(words(ask.option)))
        about, form = frozenset(words(ask.about)) - self.common, form_of(ask.option)
        loose = ask.type not in PRECISE and ask.type not in ("data type", "word")
        subject = gist(ask.about) if loose and ask.kind != "reversed" else frozenset()
        told = gist(ask.about) if ask.kind == "reversed" else frozenset()
        claim, named = ask.topic.split(" ", 1)[0], _spans(question)
        parts_asked = gist(" ".join(_of_names(question))) if ask.kind != "reversed" else frozenset()
        page = self.titles.get(fact.chunk_id, "")
        page = page if re.search(rf"(?<![\w-]){re.escape(page)}(?![\w-])", question.lower()) else ""
        default = ask.topic.startswith("default ")
        true = {strict(o.text) for o in self.pools[ask.type] if o.topic == ask.topic} | {strict(ask.option)}
        for level, options in enumerate((here, self.pools[ask.type], kin, far)):
            if level and len(rivals) >= _ENOUGH:
                break
            for option in options:
                text = option.text
                if text in rivals or form_of(text) != form or strict(text) in true or not _apart(text, ask.option):
                    continue
                if len(text) > 2 and f" {normal(text)} " in asked:
                    continue
                if loose and page and option.doc_id != fact.doc_id:
                    continue  # another program's
                if default and not _of_like_size(text, ask.option):
                    continue
                if ask.type == "number" and not option.topic and not _ROUND.fullmatch(text):
                    continue  # 739 of a bug's number is no value that anybody sets
                if loose and (
                    option.quote == fact.quote
                    or _same_subject(ask.about, option.about)
                    or _related(about, _word_set(option.about) - self.common)
                ):
                    continue
                if option.quote != fact.quote and (runs & _quote_runs(option.quote) or named & _spans(option.quote)):
                    continue  # that statement speaks of what is asked for
                if (subject and subject <= gist(text)) or (len(parts_asked) > 1 and parts_asked <= gist(text)):
                    continue  # it speaks of the asked thing
                if named & _spans(text) or (told and told <= gist(option.quote)):
                    continue  # it is named, or what it is for holds all that is asked for
                near = 2.0 * (option.about == ask.about) + 2 * (option.topic.split(" ", 1)[0] == claim)
                near += (option.doc_id == fact.doc_id) + 5 * (level in (0, 2)) - 2 * (level > 1)
                near += _FIRST * (option.chunk_id == fact.chunk_id)  # a reader shown one passage finds it there too
                near -= 4.0 * bool(_word_set(text) & self.names - words_asked)  # it says itself that it is elsewhere's
                if not loose:  # of like magnitude
                    near -= min(4.0, 0.7 * abs(len(text) - len(ask.option)))
                # An option that shares more words with the question than its rivals would be a hint.
                near -= 2.0 * abs(len(words_asked & _word_set(text)) - repeated)
                rivals[text] = Rival(text, near, ())
        ranked = sorted(rivals.values(), key=lambda r: (-r.near, r.text))[: 4 * _POOL]
        return [Rival(r.text, r.near, self.overlap(r.text, found)) for r in ranked]


def _of_like_size(a: str, b: str) -> bool:
    """Whether one could be taken for the other as a default: numbers of the same unit, none sixteen times the other."""
    x, y = _NUMBER.fullmatch(a), _NUMBER.fullmatch(b)
    if not (x and y) or x["unit"].lower() != y["unit"].lower():
        return False
    small, large = sorted((float(x["n"]), float(y["n"])))
    return small > 0 and large <= _TIMES * small


_NUMBER = re.compile(r"\W*(?P<n>\d+(?:\.\d+)?) ?(?P<unit>[A-Za-z%]*)\W*")
_TIMES = 16


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


def _diverse(
    rivals: Sequence[Rival], option: str, key: tuple[float, ...], question: str, told: Mapping[str, int]
) -> list[Rival]:
    """The nearest rivals, with some longer and some shorter, some that share more and some that share less, and the
    nearest that share with the question what the key shares."""
    pool, length = list(rivals[: _POOL - 4]), len(option)
    for longer in (True, False):
        for more, most in ((True, 3), (False, 1)):
            wanted = (r for r in rivals if (len(r.text) > length) == longer and (r.higher(key) > 0.5) == more)
            pool += [r for r in wanted if r not in pool][:most]
    for part, level in told.items():
        pool += [r for r in rivals if shared(question, r.text).get(part, 0) >= level and r not in pool][:2]
    if told:
        pool += [r for r in rivals if weight(question, r.text) >= weight(question, option) and r not in pool][:2]
    return pool


def _apart(a: str, b: str) -> bool:
    """Whether two options cannot be taken for the same: neither is within the other, in words or in what it says."""
    if alike(a, b):
        return False
    x, y = gist(a), gist(b)
    return not (x and y and (x == y or (min(len(x), len(y)) > 1 and (x <= y or y <= x))))


@lru_cache(maxsize=1 << 16)
def _spans(text: str) -> frozenset[str]:
    """The names in a text that mean one thing: code spans, and identifiers of four letters and more."""
    told = {span for span in re.findall(r"`([^`\n]+)`", text) if len(span) > 3}
    told |= {token for token in re.findall(r"[\w.:()-]{4,}", text) if _IDENTIFIER.search(token)}
    return frozenset(name.strip(".:()-").lower() for name in told)


@lru_cache(maxsize=1 << 16)
def _of_names(question: str) -> frozenset[str]:
    """The parts of the names that a question asks for: one that knows nothing compares them with the options."""
    names = [*re.findall(r"`([^`\n]+)`", question), *filter(_IDENTIFIER.search, re.findall(r"[\w.-]{4,}", question))]
    return frozenset(part for name in names for part, _ in parts(name, all_words=True, spans=frozenset(name.split())))


_IDENTIFIER = re.compile(r"[A-Za-z0-9]_[A-Za-z0-9]|\(\)|^--?[a-z]|[a-z][A-Z]|[a-z]\.[a-z]")


def _same_subject(a: str, b: str) -> bool:
    """Whether two subjects are one, or bear the same last name: `dialTimeout` of this and of that."""
    return bool(a) and bool(b) and (a == b or _leaf(a) == _leaf(b))


def _leaf(about: str) -> str:
    return re.split(r"[./:]", about.split(" ")[-1])[-1] if re.search(r"[._/:-]|\d", about) else about


def _names_itself(option: str, about: str) -> bool:
    """Whether a description says whose it is: `Set save_as to ...` of `save_as`."""
    leaf = _leaf(about)
    return bool(re.search(r"[_\d-]", leaf)) and leaf in words(option)


def _initial(option: str, about: str) -> bool:
    """Whether a flag of one letter is the initial of a word of what it does, `-v` of enabling verbosity, or one of more
    letters those of several in a row: `--sni` of a Server Name Indication."""
    if any(_spelled(name, text) for name, text in ((option, about), (about.split(" ")[-1], option))):
        return True
    flag = next((t.strip("`") for t in (option, about.split(" ")[-1]) if re.fullmatch(r"`?-[A-Za-z]`?", t)), "")
    return bool(flag) and any(word[0] == flag[1].lower() for word in words(f"{option} {about}") if len(word) > 1)


def _spelled(name: str, text: str) -> bool:
    letters = name.strip("`-").lower()
    initials = "".join(word[0] for word in words(text))
    return 2 < len(letters) < 6 and letters.isalpha() and letters in initials


def _title(chunk: Chunk) -> str:
    """The program that a chunk's page is about, where its title is its name."""
    match = re.fullmatch(r"([a-z][a-z0-9_.-]*?)(?: ?\(\d\w*\))?", chunk.title.lower())
    return match[1] if match else ""


@lru_cache(maxsize=1 << 16)
def _quote_runs(quote: str) -> frozenset[tuple[str, ...]]:
    return frozenset(ngrams(words(quote), _RUN))


@lru_cache(maxsize=1 << 16)
def _word_set(text: str) -> frozenset[str]:
    return frozenset(words(text))


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


def overlaps(distractors: Distractors, question: str, options: Sequence[str]) -> list[tuple[float, ...]]:
    """The scores that the shortcut baseline `most words in common with the retrieved passages` gives the options, at
    each depth."""
    found = distractors.passages(question)
    return [distractors.overlap(option, found) for option in options]
