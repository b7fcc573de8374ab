"""The file of decisions: what holds after which lines, and what it does to pairs and exam questions."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from review.kiln import COOL, HEAT, HEAT_AGAIN, ITEM, ITEMS, PAIRS

from understudy.errors import InputError
from understudy.generate.decisions import (
    SEEN,
    Decision,
    content_id,
    fold,
    read_decisions,
    review_items,
    review_pairs,
    settle,
)
from understudy.generate.screen import masked
from understudy.review.decisions import append, decisions_path, existing


def made(record: object, what: str, **texts: object) -> Decision:
    return Decision(content_id(record), what, **texts)  # type: ignore[arg-type]


def test_the_id_is_of_the_content_alone() -> None:
    again = replace(HEAT, pair_id="x", chunk_id="y", doc_id="z", split="dev", question=f" {HEAT.question}\n")
    assert content_id(again) == content_id(HEAT)
    assert len({content_id(r) for r in (*PAIRS, *ITEMS)}) == len(PAIRS) + len(ITEMS)
    assert content_id(replace(HEAT, answer="Another.")) != content_id(HEAT)


def test_the_last_line_holds_and_undo_takes_it_back() -> None:
    lines = [made(HEAT, "accept"), made(HEAT, "reject", reason="cut"), made(COOL, "accept")]
    undo = made(HEAT, "undo")
    assert fold(lines)[content_id(HEAT)].what == "reject"
    assert fold([*lines, undo])[content_id(HEAT)].what == "accept"
    assert content_id(HEAT) not in fold([*lines, undo, undo, undo])
    assert content_id(COOL) in fold([*lines, undo])


def test_lines_are_only_added(tmp_path: Path) -> None:
    path = tmp_path / "reviews" / "kiln.jsonl"
    assert existing(path) == []
    first = [made(HEAT, "reject", reason="„cut“\x85off")]
    append(path, first)
    before = path.read_bytes()
    append(path, [made(COOL, "edit", question="A?", answer="B")])
    assert path.read_bytes().startswith(before)
    assert read_decisions(path)[0] == first[0]
    path.write_bytes(path.read_bytes().removesuffix(b"\n"))  # as an editor leaves it
    append(path, [made(COOL, "undo")])
    assert [d.what for d in read_decisions(path)] == ["reject", "edit", "undo"]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "not valid JSON"),
        ("[]", "not a decision"),
        ('{"id": "p-1"}', "not a decision"),
        ('{"id": "p-1", "what": "keep"}', "use one of accept, reject"),
        ('{"id": "p-1", "what": "accept", "colour": "red"}', "not a decision"),
        ('{"id": "p-1", "what": "reject", "reason": 3}', "every value is a text"),
        ('{"id": "q-1", "what": "edit", "question": "A?"}', "never edited"),
        ('{"id": "p-1", "what": "edit"}', "needs the new question or answer"),
    ],
)
def test_a_damaged_line_is_named(tmp_path: Path, line: str, problem: str) -> None:
    path = tmp_path / "d.jsonl"
    path.write_text('{"id": "p-1", "what": "accept"}\n' + line + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=problem) as raised:
        read_decisions(path)
    assert f"{path}:2:" in str(raised.value)


def test_rejected_pairs_go_and_edited_ones_are_replaced() -> None:
    decided = fold([made(HEAT, "reject", reason="x"), made(COOL, "edit", question="Cool?", answer="12 hours.")])
    kept, counts = review_pairs(PAIRS, decided)
    assert [p.pair_id for p in kept] == ["2", "3", "4"]
    assert (kept[1].question, kept[1].answer, kept[1].quote) == ("Cool?", "12 hours.", COOL.quote)
    assert counts == {"pairs rejected": 1, "pairs edited": 1}
    assert review_pairs(PAIRS, fold([made(HEAT, "accept")])) == (PAIRS, {})


def test_an_edit_of_an_edit_applies_in_turn_and_a_circle_ends() -> None:
    once = replace(COOL, question="Cool?", answer="12 hours.")
    edit = made(COOL, "edit", question="Cool?", answer="12 hours.")
    assert settle(COOL, fold([edit, made(once, "reject", reason="x")])) is None
    twice = settle(COOL, fold([edit, made(once, "edit", question="How long?", answer="12 hours.")]))
    assert twice is not None
    assert twice.question == "How long?"
    back = made(once, "edit", question=COOL.question, answer=COOL.answer)
    assert settle(COOL, fold([edit, back])) == COOL


def test_a_pair_is_known_by_its_masked_text() -> None:
    raw = replace(HEAT, answer="Write to jane.doe@kiln-works.com.")
    shown = masked(raw)[0]
    assert shown != raw
    assert settle(raw, fold([made(shown, "reject", reason="a person")])) is None


def test_exam_questions_go_with_their_pair_and_never_change() -> None:
    assert review_items(ITEMS, PAIRS, fold([made(ITEM, "reject", reason="two keys", seen=True)])) == (
        ITEMS[1:],
        {"questions rejected": 1, SEEN: 1},
    )
    for decision in (made(HEAT_AGAIN, "reject", reason="x"), made(HEAT_AGAIN, "edit", question="Q?", answer="A.")):
        left, counts = review_items(ITEMS, PAIRS, fold([decision]))
        assert left == ITEMS[1:]
        assert counts == {"questions whose pair was rejected or edited": 1}
    assert review_items(ITEMS, PAIRS, fold([made(HEAT, "reject", reason="x")])) == (ITEMS, {})


def test_the_file_stands_beside_the_recipe() -> None:
    assert decisions_path("kiln") == Path("reviews/kiln.jsonl")
    assert decisions_path("kiln", "own.jsonl") == Path("own.jsonl")


def test_a_line_says_what_was_decided_on_what(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    append(path, [made(HEAT, "accept", of=HEAT.question, who="ada")])
    plain = json.loads(path.read_text(encoding="utf-8"))
    assert plain == {"id": content_id(HEAT), "what": "accept", "of": HEAT.question, "who": "ada"}
