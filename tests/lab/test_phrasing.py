"""Held-out templates: other words for the same facts, and none of the words that the manuals are written with."""

from __future__ import annotations

import pytest

from understudy.lab.phrasing import HELD_OUT, HELD_OUT_FREE, PUBLISHED, Phrasing
from understudy.lab.relations import RELATIONS
from understudy.lab.worlds import make_world


def templates(phrasing: Phrasing) -> set[str]:
    """All templates, without case and marks."""
    own = dict(phrasing.own) or {r.attribute: r.statements for r in RELATIONS}
    found = {*phrasing.generic, *phrasing.bullets, phrasing.step, *(t for said in own.values() for t in said)}
    for entries in (phrasing.options, phrasing.endpoints, phrasing.errors):
        found |= {entry for _, entry in entries}
    return {t.lower() for t in found}


@pytest.mark.parametrize("phrasing", [HELD_OUT, HELD_OUT_FREE])
def test_no_template_is_written_with(phrasing: Phrasing) -> None:
    assert not templates(phrasing) & templates(PUBLISHED)
    assert set(phrasing.own) == {r.attribute for r in RELATIONS}
    assert all("{v}" in t.lower() and "{s}" in t.lower() for said in phrasing.own.values() for t in said)
    assert all("{a}" in t and "{v}" in t.lower() and "{s}" in t.lower() for t in phrasing.generic)
    assert len(phrasing.options) == len(PUBLISHED.options)


def test_the_two_held_out_phrasings_differ() -> None:
    assert not templates(HELD_OUT) & templates(HELD_OUT_FREE)


@pytest.mark.parametrize("phrasing", [HELD_OUT, HELD_OUT_FREE])
@pytest.mark.parametrize("seed", range(3))
def test_the_same_facts_in_other_words(phrasing: Phrasing, seed: int) -> None:
    ours, theirs = make_world(seed, phrasing=phrasing), make_world(seed)
    assert list(ours.documents) == list(theirs.documents)

    def facts(world: object) -> list[tuple[str, str]]:
        return [(f.key, f.value) for f in world.facts if f.attribute != "step"]  # type: ignore[attr-defined]

    assert facts(ours) == facts(theirs)  # a step's value is its sentence
    for fact in ours.facts:
        text = ours.documents[fact.doc_id]
        assert text[fact.start : fact.end] == fact.sentence
        assert fact.value.strip("`") in fact.sentence
        assert "{" not in fact.sentence
