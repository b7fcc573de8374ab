"""From claims to facts: questions that have one answer in the whole corpus, each with the context it needs."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence

from understudy.generate.base import Fact, Page
from understudy.generate.extractive.claims import Claim
from understudy.generate.extractive.paraphrases import asks, kind_of
from understudy.generate.extractive.premises import premise, values_by_type
from understudy.normal import normal, words

_LISTED = frozenset(
    {"attribute", "default", "list", "meaning", "method", "purpose", "required", "set", "steps", "term", "type"}
)
"""Forms that a page lists of a thing of its own: where two disagree, it is not said whose each is."""
_ASKED, _OF_PROGRAM, _UNASKED = 0, 1, 2
"""How a claim is asked: with no context but the product, with the program or command it belongs to, not at all."""
_NO_OWNER = "its questions would not say of what they ask"


def disambiguate(claims: Sequence[Claim], pages: dict[str, Page], product: str) -> tuple[list[Fact], dict[str, str]]:
    """Claims as facts whose questions have one answer in the whole corpus.

    Returns the facts and, for chunks that lost a claim, the reason. A question that would have two answers names the
    program or command; where there is none, or that does not help, it is not asked.
    """
    owners: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for claim in claims:
        owners[claim.form, claim.attribute, normal(claim.value)].add(
            normal(claim.subject or claim.words.get("goal", ""))
        )
    told = frozenset({"command", "endpoint"})
    level = {
        i: _OF_PROGRAM if claim.weak and not (product and claim.form in told) else _ASKED
        for i, claim in enumerate(claims)
    }
    for members in _by_question(claims, level, product).values():
        form = claims[members[0]].form
        if form in told | _LISTED and _disagree([claims[i] for i in members]):
            level.update(dict.fromkeys(members, _OF_PROGRAM if form in told else _UNASKED))
    for i in _told_twice(claims):
        level[i] = _UNASKED
    values = values_by_type(claims)
    facts: list[Fact] = []
    lost: dict[str, str] = {}
    taken: set[str] = set()
    for question, members in _by_question(claims, level, product).items():
        i = members[0]
        claim = claims[i]
        chunk = pages[claim.location.document.doc_id].chunk_at(claim.start, claim.end)
        if chunk is None:
            begun = pages[claim.location.document.doc_id].chunk_at(claim.start, claim.start + 1)
            if begun is not None:
                lost.setdefault(begun.chunk_id, "its statements are cut by the chunk's border")
            continue
        if _disagree([claims[j] for j in members]):
            lost.setdefault(chunk.chunk_id, "its questions have several answers")
            continue
        one_way = (
            len(owners[claim.form, claim.attribute, normal(claim.value)]) > 1 or not 1 <= len(words(claim.value)) <= 18
        )
        where = context(claim, level[i], product)
        if where is None:
            lost.setdefault(chunk.chunk_id, _NO_OWNER)
            continue
        asserted = premise(claim, where, values)
        made = asks(claim, where, one_way) + ((asserted,) if asserted else ())
        made = tuple(ask for ask in made if normal(ask.questions[0]) not in taken and ask.answer)
        taken.update(normal(ask.questions[0]) for ask in made)
        if made:
            doc = claim.location.document
            quote = doc.text[claim.start : claim.end]
            # By what it is asked, not by where it stands: an edit above, or a new name of the file, leaves it the same
            # fact, and its paraphrases in the splits in which they were.
            fact_id = hashlib.sha256(question.encode()).hexdigest()[:16]
            facts.append(Fact(fact_id, chunk.chunk_id, doc.doc_id, quote, made, kind_of(claim)))
    order = {c.chunk_id: n for n, c in enumerate(c for p in pages.values() for c in p.chunks)}
    facts.sort(key=lambda fact: order[fact.chunk_id])
    return facts, lost


def _told_twice(claims: Sequence[Claim]) -> list[int]:
    """Claims of what a page lists twice with two descriptions: which of the two is asked for would not be said."""
    told: dict[tuple[str, str], dict[int, list[int]]] = defaultdict(dict)
    for i, claim in enumerate(claims):
        if claim.form in ("purpose", "term", "meaning"):
            name = normal(claim.subject.partition("=")[0])
            told[claim.location.document.doc_id, name].setdefault(claim.start, []).append(i)
    listed = (places for places in told.values() if len({normal(claims[i[0]].value) for i in places.values()}) > 1)
    return [i for places in listed for found in places.values() for i in found]


def _disagree(claims: Sequence[Claim]) -> bool:
    """Whether claims give different values and do not overlap in the text (two readings of one sentence)."""
    first = claims[0]
    return any(
        normal(c.value) != normal(first.value)
        and not (c.location.document is first.location.document and c.start < first.end and first.start < c.end)
        for c in claims[1:]
    )


def _by_question(claims: Sequence[Claim], level: dict[int, int], product: str) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = {}
    for i, claim in enumerate(claims):
        where = context(claim, level[i], product)
        told = context(claim, _ASKED, product) if where is None else where
        asked = asks(claim, told or "", True) or asks(claim, told or "", False)
        if not asked:
            continue  # nothing to ask
        question = f"{asked[0].questions[0]}{f' {claim.location.document.doc_id}' if where is None else ''}"
        groups.setdefault(normal(question), []).append(i)
    return groups


def context(claim: Claim, level: int, product: str) -> str | None:
    """What is added to a question: nothing or the product, or the program or command that the claim belongs to.

    None where that is not enough: nobody asks what a page says "according to" itself.
    """
    location = claim.location
    said = (claim.words.get(w, "") for w in ("goal", "question", "rest", "base", "participle"))
    told = normal(" ".join([claim.subject, *said]))
    if level == _ASKED:
        bare = told.replace("'s", "")
        return "" if not product or f" {normal(product)} " in f" {bare} " else f" in {product}"
    return f" in {location.program}" if level == _OF_PROGRAM and location.program else None
