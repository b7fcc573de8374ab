"""Two readings of a documentation: what counts as new, changed, unchanged and withdrawn."""

from __future__ import annotations

from understudy.facts import compare_facts
from understudy.types import Chunk, QAPair


def pair(fact: str, question: str, answer: str, quote: str = "") -> QAPair:
    return QAPair(f"{fact}-{question}", question, answer, quote=quote, fact_id=fact)


def chunk(text: str) -> Chunk:
    return Chunk("c", "a.md", text, 0, len(text), 1, 1, 9, "A")


def test_each_kind_of_change_is_told_from_the_others() -> None:
    before = [
        pair("port", "Which port does the gate use?", "7001", "The gate uses port 7001."),
        pair("limit", "What is the limit of the gate?", "12", "The limit is 12."),
        pair("mode", "Which mode is the default?", "quiet", "The default mode is quiet."),
        pair("owner", "Who owns the lock?", "the gate", "The lock belongs to the gate."),
    ]
    after = [
        pair("port", "Which port does the gate use?", "7002", "The gate uses port 7002."),
        pair("limit", "What is the limit of the gate?", "12", "The limit is 12."),
        pair("narrow", 'Who owns the lock according to the page "Gate"?', "the gate", "The lock belongs to the gate."),
        pair("time", "How long does the gate wait?", "9 s", "The gate waits 9 s."),
    ]
    found = compare_facts(before, after, [chunk("The gate uses port 7002. The limit is 12. The gate waits 9 s.")])
    assert found.now == {"port": "changed", "limit": "unchanged", "narrow": "unchanged", "time": "new"}
    assert found.withdrawn == {"mode", "owner"}
    assert found.before == {"which port does the gate use": "7001"}
    assert found.counts == {"new": 1, "changed": 1, "unchanged": 2, "withdrawn": 2}


def test_what_still_stands_in_the_text_is_not_withdrawn() -> None:
    before = [pair("mode", "Which mode is the default?", "quiet", "The default mode is **quiet**.")]
    assert not compare_facts(before, [], [chunk("By the way:\nthe default  mode is quiet.")]).withdrawn
    assert compare_facts(before, [], [chunk("The default mode is loud.")]).withdrawn == {"mode"}


def test_one_changed_question_makes_the_fact_changed_whatever_the_order() -> None:
    kept, moved = pair("f", "Which port?", "1"), pair("f", "Which host?", "old")
    now = pair("f", "Which host?", "new")
    assert compare_facts([kept, moved], [kept, now], []).now == {"f": "changed"}
    assert compare_facts([moved, kept], [now, kept], []).now == {"f": "changed"}
