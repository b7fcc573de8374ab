"""Pairs become training rows: which question is asked in which format, with which passages, in which epoch.

The mix follows RAFT (arXiv 2403.10131) and hard negatives from the serving retriever (arXiv 2410.05983). The
wordings of one fact take turns in the formats, and every epoch deals anew, so that with a few wordings and
epochs each fact is met in every format. Where RAFT teaches the answer though its passage is missing, the
default here teaches to abstain: one prompt cannot have both for its answer (`mix.absent`).
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from understudy import prompts
from understudy.normal import normal
from understudy.sft.config import ContrastConfig, MixConfig
from understudy.sft.wrong_answers import WrongAnswers
from understudy.types import Chunk, MCQItem, Message, QAPair, Retriever

_SHORT = 60  # characters: longer answers are not "a few words"
_TELLING = 12  # characters: a shorter answer ("4", "yes") stands in passages that do not answer the question
_TURN = 0.6180339887498949  # steps of the golden ratio visit every share evenly, however few they are
NO_CONTRAST = ContrastConfig()
_SPARE = 3  # more hits than distractors, for those that turn out to hold the answer


@dataclass(frozen=True, slots=True)
class Row:
    """One training example before tokens: a conversation, the reply to learn, its format.

    optional: indices of `passages` that may be left out where the row is too long, the worst first.
    held: the reply is not learned; the model is held to what it was (`hold.py`).
    seat: a number that rows share which are asked about the same passages on purpose (`MixConfig.together`), else 0.
    options: the pair's own answer, with which the reply begins, and wrong ones that it is taught against
    (`wrong_answers.py`); none where it is not.
    """

    messages: tuple[Message, ...]
    answer: str
    format: str
    pair_id: str = ""
    question: str = ""
    passages: tuple[str, ...] = ()
    optional: tuple[int, ...] = ()
    held: bool = False
    seat: int = 0
    options: tuple[str, ...] = ()

    def shorter(self) -> Row | None:
        """The row with one passage fewer; None where nothing can be left out."""
        if not self.optional:
            return None
        gone = self.optional[0]
        kept = tuple(p for i, p in enumerate(self.passages) if i != gone)
        optional = tuple(i - (i > gone) for i in self.optional[1:])
        messages = prompts.with_passages(self.question, kept)
        return replace(self, messages=messages, passages=kept, optional=optional)


@dataclass(slots=True)
class Split:
    """The pairs by their use. rejected: how many were left out, by reason."""

    train: list[QAPair]
    dev: list[QAPair]
    rejected: Counter[str] = field(default_factory=Counter)
    dev_source: str = "held-out wordings"


def split(pairs: Sequence[QAPair], items: Sequence[MCQItem], *, dev_rows: int, seed: int) -> Split:
    """Train and dev pairs. A training question that is also asked in dev, test or benchmark is left out.

    Without dev pairs one in twenty training pairs is held out instead, whole facts before single wordings.
    """
    held = {normal(p.question) for p in pairs if p.split != "train"} | {normal(i.question) for i in items}
    found = Split([], [p for p in pairs if p.split == "dev"])
    seen: set[tuple[str, str]] = set()
    for pair in pairs:
        if pair.split != "train":
            continue
        asked = normal(pair.question)
        if not asked or not pair.answer.strip():
            found.rejected["empty"] += 1
        elif asked in held:
            found.rejected["asked in dev, test or benchmark"] += 1
        elif (asked, normal(pair.answer)) in seen:
            found.rejected["duplicate"] += 1
        else:
            seen.add((asked, normal(pair.answer)))
            found.train.append(pair)
    rng = random.Random(f"{seed}|dev")
    if not found.dev and dev_rows and len(found.train) >= 40:
        chosen = set(rng.sample(range(len(found.train)), min(dev_rows, len(found.train) // 20)))
        found.dev = [p for i, p in enumerate(found.train) if i in chosen]
        found.train = [p for i, p in enumerate(found.train) if i not in chosen]
        found.dev_source = "one in twenty training pairs"
    if len(found.dev) > dev_rows:
        found.dev = rng.sample(found.dev, dev_rows)
    return found


class Dealer:
    """Deals every pair one row an epoch, the format chosen so that the shares of the mix come out.

    retriever: the one that will serve; None draws distractors at random from `chunks`.
    """

    def __init__(
        self,
        pairs: Sequence[QAPair],
        chunks: Sequence[Chunk],
        mix: MixConfig,
        *,
        seed: int,
        retriever: Retriever | None = None,
        contrast: ContrastConfig = NO_CONTRAST,
    ) -> None:
        self._pairs = list(pairs)
        self._chunks = list(chunks)
        self._by_id = {c.chunk_id: c for c in chunks}
        # What stands in a row's passages is asked only where they are shared, or answered against.
        named = mix.together > 1 or contrast.wrong > 0
        self._named = {prompts.passage(c): c.chunk_id for c in chunks} if named else {}
        self._contrast = contrast
        self._wrong = WrongAnswers(self._pairs if contrast.wrong else ())
        self._mix = mix
        self._seed = seed
        self._retriever = retriever
        self._found: dict[str, list[Chunk]] = {}
        self._facts: dict[str, list[int]] = defaultdict(list)
        for i, pair in enumerate(self._pairs):
            self._facts[pair.fact_id or pair.pair_id].append(i)
        answers: dict[str, dict[str, str]] = defaultdict(dict)
        for pair in self._pairs:
            answers[pair.kind].setdefault(normal(pair.answer), pair.answer.strip())
        self._answers = {kind: list(found.values()) for kind, found in answers.items()}

    def epoch(self, number: int, only: Collection[str] | None = None) -> list[Row]:
        """The rows of one epoch, in the order of the pairs. only: the ids of the pairs that get one; None: all."""
        rows: dict[int, Row] = {}
        for fact, members in self._facts.items():
            phase = int.from_bytes(hashlib.sha256(f"{self._seed}|{fact}".encode()).digest()[:4], "big") / 2**32
            for turn, i in enumerate(members):
                if only is not None and self._pairs[i].pair_id not in only:
                    continue
                place = (phase + _TURN * (number * len(members) + turn)) % 1
                rng = random.Random(f"{self._seed}|{number}|{self._pairs[i].pair_id}|{i}")
                rows[i] = self._row(self._pairs[i], place, rng)
        if self._mix.together > 1:
            self._seat(rows, random.Random(f"{self._seed}|{number}|together"))
        if self._contrast.wrong:
            rows = {i: self._against(row, i, number) for i, row in rows.items()}
        return [rows[i] for i in sorted(rows)]

    def by_heart(self, only: Collection[str] | None = None) -> list[Row]:
        """Each pair asked alone. only: as in `epoch`."""
        return [closed_book(pair) for pair in self._pairs if only is None or pair.pair_id in only]

    def _against(self, row: Row, i: int, epoch: int) -> Row:
        """The row with the wrong answers that it is taught against, where its reply begins with the pair's own."""
        if row.format not in ("closed_book", "context"):
            return row
        rng = random.Random(f"{self._seed}|{epoch}|{row.pair_id}|{i}|wrong")
        shown = {self._named[passage] for passage in row.passages}
        wrong = self._wrong.of(self._pairs[i], self._contrast.wrong, rng, shown)
        return replace(row, options=(self._pairs[i].answer.strip(), *wrong)) if wrong else row

    def _seat(self, rows: dict[int, Row], rng: random.Random) -> None:
        """Ask some questions about the passages dealt to another, where those hold their source too.

        What is asked and answered stays; which other passages stand beside the source is another question's finding.
        """
        waiting = [i for i, row in sorted(rows.items()) if row.format == "context"]
        rng.shuffle(waiting)
        of_chunk: dict[str, list[int]] = defaultdict(list)
        for i in waiting:
            of_chunk[self._pairs[i].chunk_id].append(i)
        seated: set[int] = set()
        for host in waiting:
            if host in seated:
                continue
            seated.add(host)
            passages, seat = rows[host].passages, host + 1
            rows[host] = replace(rows[host], seat=seat)
            ids = [self._named[passage] for passage in passages]
            guests = [i for chunk_id in ids for i in of_chunk[chunk_id] if i not in seated]
            for i in rng.sample(guests, min(len(guests), self._mix.together - 1)):
                seated.add(i)
                pair, golden = self._pairs[i], ids.index(self._pairs[i].chunk_id)
                optional = tuple(k for k in range(len(ids)) if k != golden)
                messages = prompts.with_passages(pair.question, passages)
                rows[i] = replace(rows[i], messages=messages, passages=passages, optional=optional, seat=seat)

    def documents(self, number: int, only: Collection[str] | None = None) -> list[Row]:
        """The chunks whose own text is taught in an epoch: over the epochs each comes equally often, to within one.

        only: ids of pairs whose chunks are taught; None: all chunks.
        """
        share, order = self._mix.documents, list(range(len(self._chunks)))
        if only is not None:
            named = {p.chunk_id for p in self._pairs if p.pair_id in only}
            order = [i for i in order if self._chunks[i].chunk_id in named]
        random.Random(f"{self._seed}|documents").shuffle(order)
        start, end = (round(len(order) * share * (number + more)) for more in (0, 1))
        chosen = [self._chunks[order[i % len(order)]] for i in range(start, end) if order]
        return [Row(prompts.about(c.breadcrumb), c.text.strip(), "documents") for c in chosen if c.text.strip()]

    def _row(self, pair: QAPair, place: float, rng: random.Random) -> Row:
        mix = self._mix
        shares = (("context", mix.context), ("multiple_choice", mix.multiple_choice), ("short", mix.short))
        for name, share in shares:
            if place < share:
                row = self._dealt(name, place / share, pair, rng)
                if row is not None:
                    return row
                break
            place -= share
        return closed_book(pair)

    def _dealt(self, name: str, within: float, pair: QAPair, rng: random.Random) -> Row | None:
        """A row in a format, or None where the pair does not suit it. within: its place in the share, 0 to 1."""
        if name == "context":
            return self._context(pair, rng, golden=within < self._mix.golden)
        if name == "multiple_choice":
            return self._multiple_choice(pair, rng)
        if len(pair.answer) > _SHORT:
            return None
        messages = prompts.closed_book(prompts.short_answer(pair.question))
        return Row(messages, pair.answer.strip(), "short", pair.pair_id)

    def _context(self, pair: QAPair, rng: random.Random, *, golden: bool) -> Row | None:
        chunk = self._by_id.get(pair.chunk_id)
        if chunk is None:  # without its source nobody knows which passages hold the answer
            return None
        wanted = rng.randint(max(0, self._mix.distractors - 1), self._mix.distractors)
        others = [c for c in self._candidates(pair.question, rng) if not _holds(c, pair)][:wanted]
        if not golden:
            # The passages must be as many as with the golden one, or their number would give the answer away.
            more = [c for c in self._candidates(pair.question, rng) if not _holds(c, pair)][wanted : wanted + 1]
            chosen, answer, kind = [*others, *more], prompts.ABSTAIN, "abstain"
            if not chosen:
                return None
            if self._mix.absent == "answer":
                answer, kind = pair.answer.strip(), "context, passage absent"
        else:
            chosen, kind = [chunk, *others], "context"
            answer = prompts.quoted_answer(pair.answer, pair.quote if self._mix.quote else "")
        order = list(range(len(chosen)))
        rng.shuffle(order)
        passages = tuple(prompts.passage(chosen[i]) for i in order)
        optional = tuple(order.index(i) for i in reversed(range(len(chosen))) if not (golden and i == 0))
        messages = prompts.with_passages(pair.question, passages)
        return Row(messages, answer, kind, pair.pair_id, pair.question, passages, optional)

    def _candidates(self, question: str, rng: random.Random) -> list[Chunk]:
        """Chunks that the retriever finds for the question, best first, then others at random."""
        if question not in self._found:
            hits = self._retriever.search(question, self._mix.distractors + _SPARE) if self._retriever else []
            self._found[question] = [h.chunk for h in hits]
        found = self._found[question]
        there = {c.chunk_id for c in found}
        spare = rng.sample(self._chunks, min(len(self._chunks), self._mix.distractors + _SPARE))
        return [*found, *(c for c in spare if c.chunk_id not in there)]

    def _multiple_choice(self, pair: QAPair, rng: random.Random) -> Row | None:
        """Four options: the answer and the three nearest in length of twelve answers to other such questions."""
        own = normal(pair.answer)
        pool = self._answers[pair.kind]
        drawn = {normal(a): a for a in rng.sample(pool, min(12, len(pool)))}
        drawn.pop(own, None)
        others = sorted(drawn.values(), key=lambda a: (abs(len(a) - len(pair.answer)), a))[:3]
        if len(others) < 3:
            return None
        place = rng.randrange(4)
        options = [*others[:place], pair.answer.strip(), *others[place:]]
        messages = prompts.closed_book(prompts.multiple_choice(pair.question, options))
        return Row(messages, prompts.LETTERS[place], "multiple_choice", pair.pair_id)


def closed_book(pair: QAPair) -> Row:
    """The question alone."""
    return Row(prompts.closed_book(pair.question), pair.answer.strip(), "closed_book", pair.pair_id)


def _holds(chunk: Chunk, pair: QAPair) -> bool:
    """Whether a chunk gives the answer away: it is the source, overlaps it, or holds quote or answer."""
    if chunk.chunk_id == pair.chunk_id:
        return True
    text, answer = normal(chunk.text), normal(pair.answer)
    return bool(pair.quote and normal(pair.quote) in text) or (len(answer) >= _TELLING and answer in text)
