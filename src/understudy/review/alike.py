"""Carry one decision over to records like it: the same fact, the same kind of claim on the same page, or everywhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal, get_args

from understudy.generate.decisions import Decision
from understudy.review.queue import Entry
from understudy.review.session import Review

Scope = Literal["fact", "page", "kind"]
SCOPES: tuple[str, ...] = get_args(Scope)
_TOKEN = re.compile(r"\s+|\S+")


def alike(entry: Entry, review: Review, scope: Scope) -> list[Entry]:
    """Undecided records like this one, by falling risk.

    fact: paraphrases and exam questions of the same fact. page: of the same kind on the same page. kind: of the same
    kind anywhere; the last two stay among pairs, among exam questions, or among marked answers.
    """
    one = entry.record

    def fits(other: Entry) -> bool:
        two = other.record
        if scope == "fact":
            return bool(one.fact_id) and one.fact_id == two.fact_id
        same = other.sort == entry.sort and entry.kind == other.kind
        return same and (scope == "kind" or entry.doc_id == other.doc_id)

    return [other for other in review.waiting() if other.id != entry.id and fits(other)]


def carried(decision: Decision, entry: Entry, review: Review, scope: Scope) -> list[tuple[Entry, Decision]]:
    """What the same decision would do to records like it, to be shown before it is written.

    A rejection and an acceptance are carried over as they are; of an edit, the words that it replaced are replaced
    where they stand in the same way. Records on which it has no effect are left out.
    """
    found: list[tuple[Entry, Decision]] = []
    ids = {entry.id}
    for other in alike(entry, review, scope):
        if other.id in ids:
            continue
        if decision.what in ("accept", "reject"):
            made = review.draft(other, decision.what, reason=decision.reason, alike=entry.id)
        elif decision.what == "edit" and other.is_pair:
            question = replacement(decision.of, decision.question)(other.record.question)
            answer = replacement(decision.said, decision.answer)(other.answer)
            if (question, answer) == (other.record.question, other.answer) or not question or not answer:
                continue
            made = review.draft(other, "edit", question=question, answer=answer, alike=entry.id)
        else:
            continue
        ids.add(other.id)
        found.append((other, made))
    return found


def replacement(old: str, new: str) -> Callable[[str], str]:
    """The change from one text to another, as a function of a text: the words that differ are replaced where the old
    ones stand as whole words. A mere insertion is made between the same two neighbours."""
    before, after = _TOKEN.findall(old), _TOKEN.findall(new)
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    if start + end >= len(before):  # nothing is taken out: the neighbours say where
        start, end = max(0, start - 2), max(0, end - 2)
    gone, come = "".join(before[start : len(before) - end]), "".join(after[start : len(after) - end])
    gone, come = gone.strip(), come.strip() if gone.strip() else come
    if not gone or old == new:
        return lambda text: text
    pattern = re.compile(rf"(?<!\w){re.escape(gone)}(?!\w)")

    def change(text: str) -> str:
        return re.sub(r"[^\S\n]{2,}", " ", pattern.sub(lambda _: come, text)).strip() if pattern.search(text) else text

    return change
