"""Pairs and exam questions in the order in which they are worth reading: the likeliest to be bad first.

Each sign of trouble has a weight, the chance that it alone means trouble; a record's risk is the chance that at least
one does: 1 - (1 - w1)(1 - w2)... The weights are judgement, but for the kinds of claim that were read by hand.
"""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from understudy.evaluation.similar import similar_pairs
from understudy.generate.decisions import content_id
from understudy.generate.extractive.precision import LEAST, PRECISION
from understudy.normal import folded, normal, words
from understudy.review.marks import MarkedAnswer
from understudy.types import Chunk, Document, MCQItem, OpenQuestion, QAPair

Sign = tuple[str, float]
Sort = Literal["pair", "item", "open", "mark"]
SORTS: Mapping[Sort, str] = {
    "pair": "pair", "item": "exam question", "open": "question without options", "mark": "marked answer"
}  # fmt: skip
MARKED = 0.99  # somebody has read it and said so
COMPLAINT = ("a reader marked an answer to this question as bad", 0.5)
UNREAD_KIND = 0.15  # of a kind of which nobody has read a sample
SIMILAR = 0.85
_COVERED = 0.5
_FEWEST = 8  # texts without which no length is unusual
_STATES_FACTS = ("reference", "tutorial")
_POINTS = re.compile(
    r"^(?:\W*\w+\W+){0,4}(?:this|these|those|they|it(?! (?:right|true|correct|possible|safe)\b))\b", re.I
)
_SMALL = frozenset(words("a an and are as at be by for from has in is it its of on or that the to was which with you"))


@dataclass(frozen=True, slots=True)
class Entry:
    """A pair, exam question or marked answer with its passage. risk: 0 to 1. reasons: why, the weightiest first.

    kind: the kind of claim where the teacher tells kinds apart, and how it is asked.
    locked: a benchmark has asked this question.
    """

    id: str
    record: QAPair | MCQItem | OpenQuestion | MarkedAnswer
    chunk: Chunk | None
    risk: float = 0.0
    reasons: tuple[str, ...] = ()
    locked: bool = False
    claim: str = ""

    @property
    def kind(self) -> str:
        return f"{self.claim}, {self.record.kind}" if self.claim else self.record.kind

    @property
    def sort(self) -> Sort:
        """`pair`, `item` (an exam question), `open` (a question that is asked without options alone) or `mark` (an
        answer that a reader marked as bad)."""
        if isinstance(self.record, QAPair):
            return "pair"
        if isinstance(self.record, MCQItem):
            return "item"
        return "open" if isinstance(self.record, OpenQuestion) else "mark"

    @property
    def editable(self) -> bool:
        """Whether its text can be edited; a question of an exam can only be rejected."""
        return self.sort in ("pair", "mark")

    @property
    def is_pair(self) -> bool:
        return isinstance(self.record, QAPair)

    @property
    def doc_id(self) -> str:
        """The document it comes from; of a marked answer that of the first passage read."""
        return self.record.doc_id or (self.chunk.doc_id if self.chunk else "")

    @property
    def answer(self) -> str:
        """The pair's answer, the option that is the key, or what the model said."""
        record = self.record
        return record.options[record.correct] if isinstance(record, MCQItem) else record.answer


def queue(
    pairs: Sequence[QAPair],
    items: Sequence[MCQItem | OpenQuestion],
    chunks: Sequence[Chunk],
    documents: Sequence[Document] = (),
    asked: Collection[str] = (),
    claims: Mapping[str, str] | None = None,
) -> list[Entry]:
    """All records by falling risk, of equals in their own order.

    items: the exam's questions, and those that are asked without options alone. asked: questions that a benchmark has
    asked. claims: the kind of claim of each fact_id, where it is known.
    """
    of_chunk = {chunk.chunk_id: chunk for chunk in chunks}
    pages = {document.doc_id: document for document in documents}
    records: list[QAPair | MCQItem | OpenQuestion] = [*pairs, *items]
    kinds = claims or {}
    entries = [
        Entry(content_id(r), r, of_chunk.get(r.chunk_id), locked=r.question in asked, claim=kinds.get(r.fact_id, ""))
        for r in records
    ]
    unlike = _lengths(entries)
    twins = _twins(entries)
    judged = []
    for n, entry in enumerate(entries):
        page = pages.get(entry.record.doc_id)
        signs = [*_of_page(page), *unlike.get(n, ()), *twins.get(n, ()), *_of_text(entry)]
        base = _kind(entry.claim)
        signs.sort(key=lambda sign: -sign[1])
        told = [base[0]] if base[0] else []
        risk = 1 - (1 - base[1]) * math.prod(1 - weight for _, weight in signs)
        judged.append(replace(entry, risk=round(risk, 4), reasons=(*told, *(name for name, _ in signs))))
    return sorted(judged, key=lambda e: -e.risk)


def with_marks(entries: Sequence[Entry], marks: Sequence[MarkedAnswer], chunks: Mapping[str, Chunk]) -> list[Entry]:
    """Entries of a queue and answers that readers marked as bad, by falling risk; what asks a question whose answer was
    marked is riskier by that. chunks: by id."""
    complaints = {normal(mark.question) for mark in marks}
    told, weight = COMPLAINT
    judged = [_of_mark(mark, chunks) for mark in marks]
    for entry in entries:
        if normal(entry.record.question) in complaints:
            risk = round(1 - (1 - entry.risk) * (1 - weight), 4)
            entry = replace(entry, risk=risk, reasons=(told, *entry.reasons))
        judged.append(entry)
    return sorted(judged, key=lambda e: -e.risk)


def _of_mark(mark: MarkedAnswer, of_chunk: Mapping[str, Chunk]) -> Entry:
    """A marked answer beside the first passage that its model had read, with what readers said of it."""
    told = f"a reader marked this answer of {mark.model or 'the model'} as bad"
    read = len(mark.passages)
    reasons = [
        ": ".join(part for part in (told, "; ".join(mark.notes)) if part),
        f"the model had read {read} passages" if read else "the model answered from memory alone",
    ]
    chunk = next((of_chunk[c] for c in mark.passages if c in of_chunk), None)
    return Entry(mark.id, mark, chunk, MARKED, tuple(reasons))


def _kind(kind: str) -> Sign:
    """The share of bad ones of a kind, with one good and one bad more than were read."""
    read = PRECISION.get(kind)
    if read is None:
        return "", UNREAD_KIND
    weight = 1 - (read.good + 1) / (read.read + 2)
    told = f"of claims of the kind '{kind}' {read.good} of {read.read} read were good"
    return (told if weight > 1 - LEAST else ""), weight


def _of_page(page: Document | None) -> Iterator[Sign]:
    if page is None:
        return
    if page.untaught:
        yield f"its page is not taught: {page.untaught}", 0.5
    elif page.kind not in _STATES_FACTS:
        yield f"its page is of the kind '{page.kind}'", 0.4


def _of_text(entry: Entry) -> Iterator[Sign]:
    record, chunk = entry.record, entry.chunk
    if chunk is None:
        yield "no passage is known for it", 0.4
    elif record.quote and record.quote not in chunk.text:
        yield "the quote does not stand in the passage", 0.6
    if _POINTS.search(record.question):
        yield "the question may point to something outside it", 0.2
    told = [word for word in words(entry.answer) if word not in _SMALL]
    for what, text, most in (("passage", chunk.text if chunk else "", 0.6), ("quote", record.quote, 0.3)):
        held = set(words(f"{text} {record.question} {chunk.breadcrumb if chunk else ''}"))
        n = sum(word in held for word in told)
        if text and told and n / len(told) < _COVERED:
            yield f"the {what} holds {n} of {len(told)} words of the answer", most * (1 - n / len(told))
            break
    if isinstance(record, MCQItem):
        yield from _of_options(record)


def _of_options(item: MCQItem) -> Iterator[Sign]:
    key, quote = item.options[item.correct], f" {normal(item.quote)} "
    for n, option in enumerate(item.options):
        if n != item.correct and normal(option) and f" {normal(option)} " in quote:
            yield f"the wrong option '{option}' stands in the quote too", 0.25
    longest = max((len(o) for n, o in enumerate(item.options) if n != item.correct), default=0)
    if len(key) > 1.5 * longest:
        yield "the key is much longer than the other options", 0.2


def _lengths(entries: Sequence[Entry]) -> Mapping[int, list[Sign]]:
    """Questions and answers far outside the lengths of the others (three times the middle half's spread, in logs)."""
    found: dict[int, list[Sign]] = {}
    questions = [(n, len(e.record.question)) for n, e in enumerate(entries)]
    answers = [(n, len(e.answer)) for n, e in enumerate(entries) if e.is_pair]
    for what, sizes in (("question", questions), ("answer", answers)):
        if len(sizes) < _FEWEST:
            continue
        logs = [math.log(1 + size) for _, size in sizes]
        low, _, high = statistics.quantiles(logs, n=4)
        for (n, _), size in zip(sizes, logs, strict=True):
            if not low - 3 * (high - low) <= size <= high + 3 * (high - low):
                how = "short" if size < low else "long"
                found.setdefault(n, []).append((f"an unusually {how} {what}", 0.25))
    return found


def _twins(entries: Sequence[Entry]) -> Mapping[int, list[Sign]]:
    """Pairs that ask what a pair of another fact asks: in nearly the same words with the same answer, or with the same
    words of weight and another answer."""
    chosen = [(n, e.record) for n, e in enumerate(entries) if isinstance(e.record, QAPair)]
    asked = [record.question for _, record in chosen]
    found: dict[int, list[Sign]] = {}
    for i, j, _ in similar_pairs(asked, asked, SIMILAR):
        (n, one), (_, other) = chosen[i], chosen[j]
        if i == j or n in found or (one.fact_id and one.fact_id == other.fact_id):
            continue
        if normal(one.answer) == normal(other.answer) and _values(one.question) == _values(other.question):
            found[n] = [(f"another fact is asked for nearly the same way: {other.question}", 0.2)]
        elif _weighty(one.question) == _weighty(other.question):
            found[n] = [(f"the same question is answered otherwise elsewhere: {_short(other.answer)}", 0.4)]
    return found


def _weighty(text: str) -> set[str]:
    return {word for word in words(text) if word not in _SMALL}


def _short(text: str) -> str:
    line = folded(text)
    return line if len(line) <= 120 else f"{line[:119]}…"


def _values(text: str) -> set[str]:
    return {word for word in words(text) if not word.isalpha()}
