"""Questions without options: the exam's, further ones where it gives few, and such that have no answer.

Two kinds have none. One is a question that has an answer, with its page taken out of what is searched. The other is
about a thing that the documentation does not treat: its name is made of the parts of two names that stand there
(`--keep-daily` and `--max-size` make `--keep-size`), and stands nowhere itself, however it is written. So both speak as
the documentation does, and nothing in it answers them.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from understudy.evaluation.items import spread
from understudy.evaluation.open_questions import NOT_TREATED, TAKEN_OUT, key_terms, of_exam, taken_out, without_options
from understudy.generate.decisions import Decided, decision_on, review_items
from understudy.generate.items import Candidate
from understudy.generate.splits import pair_id
from understudy.types import Chunk, MCQItem, OpenQuestion, QAPair

_NAME = r"(?:--?)?[A-Za-z][A-Za-z0-9]*(?:[-_.][A-Za-z0-9]+)+"
_CODE = re.compile(rf"`({_NAME})`|(?<![\w./-])(--[a-z0-9]+(?:-[a-z0-9]+)+|[A-Za-z0-9]+(?:_[A-Za-z0-9]+)+)(?![\w./-])")
_IN_QUESTION = re.compile(rf"(?<![\w./-]){_NAME}(?![\w/-]|\.\w)")
_PART = re.compile(r"[A-Za-z0-9]+")
_COMMON = 0.2  # share of the passages from which a name is the product's rather than a thing's
_TRIES = 8  # names made for one question


def make_open(
    items: Sequence[MCQItem],
    found: Sequence[Candidate],
    chunks: Sequence[Chunk],
    least: int,
    pairs: Sequence[QAPair] = (),
    decided: Decided | None = None,
) -> list[OpenQuestion]:
    """The questions without options, those with an answer first.

    items: the exam, after review. found: what further questions are made of, so that `least` have an answer; as many at
    most are about what is not treated. pairs: as the teacher wrote them; decided: what people decided about these and
    about questions, which holds for further ones as for the exam's.
    """
    decided = decided or {}
    asked = of_exam(items)
    asked += _further(items, found, least - len(asked), pairs, decided)
    return [*asked, *taken_out(asked), *_untreated(asked, chunks, least, decided)]


def counted(questions: Sequence[OpenQuestion]) -> dict[str, int]:
    """How many have an answer, of those how many the exam asks too, and how many have none, by the reason."""
    found = {
        "answered": sum(q.answerable for q in questions),
        "in the exam": sum(q.in_exam and q.answerable for q in questions),
    }
    for source in (TAKEN_OUT, NOT_TREATED):
        found[source] = sum(q.source == source for q in questions)
    return found


def as_items(questions: Sequence[OpenQuestion]) -> list[MCQItem]:
    """Those that have an answer and are no part of the exam, as questions that training must not give away."""
    return [
        MCQItem(q.item_id, q.question, (q.answer,), 0, q.chunk_id, q.doc_id, q.quote, fact_id=q.fact_id)
        for q in questions
        if q.answerable and not q.in_exam
    ]


def _further(
    items: Sequence[MCQItem], found: Sequence[Candidate], wanted: int, pairs: Sequence[QAPair], decided: Decided
) -> list[OpenQuestion]:
    """At most `wanted` questions about facts that the exam does not ask for, documents in turn, one a fact."""
    seen = {item.fact_id for item in items}
    made: list[OpenQuestion] = []
    for candidate in found if wanted > 0 else ():
        fact, ask = candidate.fact, candidate.ask
        if fact.fact_id in seen or not without_options(candidate.question):
            continue
        seen.add(fact.fact_id)
        question = OpenQuestion(
            item_id=pair_id("open", fact.fact_id, candidate.question),
            question=candidate.question,
            answer=ask.option,
            must=key_terms(ask.option, candidate.question),
            chunk_id=fact.chunk_id,
            doc_id=fact.doc_id,
            quote=fact.quote,
            kind=ask.kind,
            fact_id=fact.fact_id,
            source=candidate.source,
        )
        made.append(question)
    kept = {item.item_id for item in review_items(as_items(made), pairs, decided)[0]}
    return spread([question for question in made if question.item_id in kept], max(0, wanted))


def _untreated(
    asked: Sequence[OpenQuestion], chunks: Sequence[Chunk], most: int, decided: Decided
) -> list[OpenQuestion]:
    """At most `most` of the questions, each about a thing of another name, which no passage holds."""
    names = _names(chunks)
    shapes: dict[str, list[str]] = defaultdict(list)
    for name in names:
        shapes[_shape(name)].append(name)
    drafts: list[tuple[OpenQuestion, list[tuple[str, str]]]] = []
    for question in asked:
        asked_of: str | None = next((n for n in _IN_QUESTION.findall(question.question) if n in names), None)
        if asked_of is not None and question.kind != "reversed":
            others = _others(asked_of, names, shapes[_shape(asked_of)], question.doc_id)
            drafts.append((question, [(asked_of, other) for other in itertools.islice(others, _TRIES)]))
    free = _standing_nowhere({other for _, made in drafts for _, other in made}, chunks)
    kept: list[OpenQuestion] = []
    seen: set[str] = set()
    for question, made in drafts:
        chosen = next(((name, other) for name, other in made if other in free and other not in seen), None)
        if chosen is None:
            continue
        text = question.question.replace(*chosen)
        untreated = OpenQuestion(
            item_id=pair_id("untreated", question.item_id, text),
            question=text,
            answerable=False,
            chunk_id=question.chunk_id,
            doc_id=question.doc_id,
            quote=question.quote,
            kind=question.kind,
            fact_id=question.fact_id,
            source=NOT_TREATED,
        )
        decision = decision_on(untreated, decided)
        if decision is None or decision.what != "reject":
            seen.add(chosen[1])
            kept.append(untreated)
    return spread(kept, most)


def _names(chunks: Sequence[Chunk]) -> dict[str, set[str]]:
    """Names of things, of two parts and more, with the documents in which they stand as code or as an option or
    variable; without those that stand nearly everywhere."""
    documents: dict[str, set[str]] = defaultdict(set)
    passages: dict[str, int] = defaultdict(int)
    for chunk in chunks:
        for name in {code or bare for code, bare in _CODE.findall(chunk.text)}:
            documents[name].add(chunk.doc_id)
            passages[name] += 1
    most = max(2.0, _COMMON * len(chunks))
    return {name: docs for name, docs in documents.items() if passages[name] <= most}


def _shape(name: str) -> str:
    """What stands between the parts of a name and before them, and which parts are in capitals."""
    return _PART.sub(lambda part: "X" if part[0].isupper() else "x", name)


def _others(name: str, names: Mapping[str, Collection[str]], alike: Sequence[str], doc_id: str) -> Iterator[str]:
    """Names made of this one and of those of its shape, those of its own page first, in an order of their own.

    Of a dotted name the last part stays, as of a file or a field; of another the first parts do.
    """
    cut = max(name.rfind(mark) for mark in "-_.") + 1

    def order(other: str) -> tuple[bool, bytes]:
        return doc_id not in names[other], hashlib.sha256(f"{name} {other}".encode()).digest()

    for other in sorted(alike, key=order):
        at = max(other.rfind(mark) for mark in "-_.") + 1
        made = other[:at] + name[cut:] if "." in name else name[:cut] + other[at:]
        if made not in names and made not in (name, other):
            yield made


def _standing_nowhere(made: set[str], chunks: Sequence[Chunk]) -> set[str]:
    """Names that no passage holds, whatever stands between their parts."""
    left = {_squeezed(name): name for name in made}
    for chunk in chunks:
        text = _squeezed(f"{chunk.breadcrumb} {chunk.text}")
        for name in [n for n in left if n in text]:
            del left[name]
    return set(left.values())


def _squeezed(text: str) -> str:
    return "".join(_PART.findall(text)).lower()
