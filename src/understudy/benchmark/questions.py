"""Where questions come from, and which of them cannot be used."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence

from understudy.evaluation.lexical import Bm25
from understudy.evaluation.question import Question
from understudy.normal import folded
from understudy.types import Chunk, MCQItem, QAPair

FEWEST_DOCUMENTS = 6  # with fewer clusters no difference can be significant
LINKED = 0.6  # share of the idf-weighted words of question and key that a passage must hold to count as its source

NEVER_TAUGHT = frozenset({"heldout-doc", "heldout-chunk", "heldout-fact"})
"""Sources of questions whose fact is in no training pair; of `heldout-paraphrase` only the wording is held out."""


def link(items: Sequence[MCQItem], chunks: Sequence[Chunk], pairs: Sequence[QAPair] | None = None) -> list[Question]:
    """Find each item's supporting chunk and whether its fact was taught.

    A chunk named by the item or holding its quote is taken; else the chunk that shares most with question and
    key: of the document that the item names, or of all, if it holds LINKED of their idf-weighted words. Otherwise
    the item stays unlinked: a cluster of its own, no oracle. A document may be named by its path, the end of its
    path, or either without the ending of the file. pairs: all generated or imported pairs; None where there are none.
    """
    by_id = {chunk.chunk_id: chunk for chunk in chunks}
    documents = _Documents(chunks)
    index: Bm25 | None = None
    taught = _Taught(items, pairs)
    questions = []
    for item in items:
        if item.doc_id and (named := documents.find(item.doc_id)):
            item = dataclasses.replace(item, doc_id=named)
        gold = by_id.get(item.chunk_id) or _holding(item, chunks)
        if gold is None and chunks:
            index = index or Bm25(chunks)
            gold = _likely(item, index, documents.chunks.get(item.doc_id))
        if gold is not None and (item.chunk_id != gold.chunk_id or not item.doc_id):
            item = dataclasses.replace(item, chunk_id=gold.chunk_id, doc_id=gold.doc_id)
        questions.append(Question(item, (gold,) if gold else (), taught(item)))
    return questions


def _holding(item: MCQItem, chunks: Sequence[Chunk]) -> Chunk | None:
    quote = folded(item.quote)
    if not quote:
        return None
    same = [c for c in chunks if not item.doc_id or c.doc_id == item.doc_id]
    return next((c for c in same if quote in folded(c.text)), None)


def _likely(item: MCQItem, index: Bm25, within: frozenset[str] | None) -> Chunk | None:
    """The chunk that shares most with question and key. within: chunks of the document that the item names, whose
    best is taken however little it shares."""
    text = f"{item.question} {item.options[item.correct]}"
    scores = index.scores(text)
    best = sorted(scores, key=lambda place: (-scores[place], place))
    if within is not None:
        best = [place for place in best if index.chunks[place].chunk_id in within]
    covered = [(index.coverage(text, place), -rank, place) for rank, place in enumerate(best[:5])]
    share, _, place = max(covered, default=(0.0, 0, 0))
    return index.chunks[place] if share >= (LINKED if within is None else 1e-9) else None


class _Documents:
    """The documents that chunks come from, found by what an exam calls them."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        held: dict[str, set[str]] = {}
        for chunk in chunks:
            held.setdefault(chunk.doc_id, set()).add(chunk.chunk_id)
        self.chunks = {doc: frozenset(ids) for doc, ids in held.items()}
        self._names: dict[str, set[str]] = {}
        for doc in self.chunks:
            parts = _parts(doc)
            for k in range(len(parts)):
                tail = "/".join(parts[k:])
                self._names.setdefault(tail, set()).add(doc)
                self._names.setdefault(_without_ending(tail), set()).add(doc)

    def find(self, name: str) -> str | None:
        """The one document of that name; None where there is none, or more than one."""
        if name in self.chunks:
            return name
        parts = _parts(name.partition("#")[0])
        tails = ["/".join(parts[k:]) for k in range(len(parts))]
        for tail in (t for whole in tails for t in (whole, _without_ending(whole))):
            found = self._names.get(tail, set())
            if len(found) == 1:
                return next(iter(found))
        return None


def _parts(path: str) -> list[str]:
    return [p for p in path.replace("\\", "/").casefold().split("/") if p not in ("", ".")]


def _without_ending(path: str) -> str:
    folder, slash, name = path.rpartition("/")
    return folder + slash + (name.rpartition(".")[0] or name)


class _Taught:
    """Whether a fact was in the training data, by fact where pairs and items share facts, else by chunk."""

    def __init__(self, items: Sequence[MCQItem], pairs: Sequence[QAPair] | None) -> None:
        trained = [p for p in pairs or () if p.split == "train"]
        self.known = pairs is not None
        self.facts = {p.fact_id for p in trained if p.fact_id}
        self.chunks = {p.chunk_id for p in trained if p.chunk_id}
        self.by_fact = any(item.fact_id in self.facts for item in items if item.fact_id)

    def __call__(self, item: MCQItem) -> bool | None:
        if not self.known:
            return None
        if item.source in NEVER_TAUGHT:
            return False
        if self.by_fact and item.fact_id:
            return item.fact_id in self.facts
        return item.chunk_id in self.chunks if item.chunk_id and self.chunks else None


def clusters(questions: Sequence[Question], how: str) -> tuple[str, dict[str, str]]:
    """What questions depend on together: the kind of cluster, and the label of each item by item_id.

    auto: documents; passages where there are fewer than six documents; else questions.
    An item without a known source is a cluster of its own.
    """
    labels = {
        "document": {q.item.item_id: q.item.doc_id or q.item.item_id for q in questions},
        "passage": {q.item.item_id: q.item.chunk_id or q.item.item_id for q in questions},
        "question": {q.item.item_id: q.item.item_id for q in questions},
    }
    if how == "auto":
        how = next((k for k, of in labels.items() if len(set(of.values())) >= FEWEST_DOCUMENTS), "question")
    return how, labels[how]


def chance(questions: Sequence[Question]) -> float:
    """Expected accuracy of guessing."""
    return sum(1 / len(q.item.options) for q in questions) / len(questions)


def sizes(labels: Sequence[str]) -> tuple[int, ...]:
    """Cluster sizes, smallest first."""
    return tuple(sorted(Counter(labels).values()))
