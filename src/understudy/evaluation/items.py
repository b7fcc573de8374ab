"""Questions as they come: their ids, which of them can be scored at all, and how to take some of all documents."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from understudy.normal import folded
from understudy.types import MCQItem


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A question left out, and why."""

    item_id: str
    reason: str
    detail: str = ""


def item_id(question: str, options: Sequence[str]) -> str:
    """An id that depends on the content alone, so that runs weeks apart find their common questions."""
    text = "\x1f".join([folded(question), *(folded(option) for option in options)])
    return "q-" + hashlib.sha256(text.encode()).hexdigest()[:12]


def clean(items: Sequence[MCQItem]) -> tuple[list[MCQItem], list[Exclusion]]:
    """The items that can be scored, and the others with the reason.

    Left out: no question, fewer than two options, an empty option, two identical options, a key that is no
    option, a repeated question (the first stays; all go where their keys differ), a repeated id.
    """
    keys: dict[str, set[str]] = {}
    for item in items:
        if 0 <= item.correct < len(item.options):
            keys.setdefault(folded(item.question), set()).add(folded(item.options[item.correct]))
    kept: list[MCQItem] = []
    excluded: list[Exclusion] = []
    seen_questions: set[str] = set()
    seen_ids: set[str] = set()
    for item in items:
        reason = _fault(item) or _repeated(item, keys, seen_questions, seen_ids)
        if reason:
            excluded.append(Exclusion(item.item_id, reason, folded(item.question)[:120]))
            continue
        seen_questions.add(folded(item.question))
        seen_ids.add(item.item_id)
        kept.append(item)
    return kept, excluded


def _fault(item: MCQItem) -> str:
    options = [folded(option) for option in item.options]
    if not item.question.strip():
        return "no question"
    if len(options) < 2:
        return "fewer than two options"
    if not all(options):
        return "an empty option"
    if len(set(options)) < len(options):
        return "two identical options"
    if not 0 <= item.correct < len(options):
        return "the key is not among the options"
    return ""


def _repeated(item: MCQItem, keys: dict[str, set[str]], questions: set[str], ids: set[str]) -> str:
    question = folded(item.question)
    if len(keys[question]) > 1:
        return "the same question with different keys"
    if question in questions:
        return "duplicate question"
    return "duplicate item_id" if item.item_id in ids else ""


class Placed(Protocol):
    """A question that is known by a name, and of which the document may be known."""

    @property
    def item_id(self) -> str: ...

    @property
    def doc_id(self) -> str: ...


T = TypeVar("T", bound=Placed)


def spread(items: Sequence[T], n: int | None) -> list[T]:
    """At most n items, taken from the documents in turn; in the original order."""
    if n is None or len(items) <= n:
        return list(items)
    ordered: dict[str, list[T]] = {}
    for item in sorted(items, key=lambda i: hashlib.sha256(i.item_id.encode()).digest()):
        ordered.setdefault(item.doc_id, []).append(item)
    turns = [(turn, doc, item) for doc, group in ordered.items() for turn, item in enumerate(group)]
    chosen = {id(item) for _, _, item in sorted(turns, key=lambda t: (t[0], t[1]))[:n]}
    return [item for item in items if id(item) in chosen]
