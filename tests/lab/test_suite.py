"""The general suite: balanced, seeded, answerable."""

from __future__ import annotations

from collections import Counter

from understudy.lab.suite import SKILLS, general_suite


def test_items_are_well_formed_and_balanced() -> None:
    items = general_suite(60)
    assert Counter(i.kind for i in items) == dict.fromkeys(SKILLS, 60)
    for item in items:
        assert len(set(item.options)) == 4
        assert 0 <= item.correct < 4
    assert len({i.item_id for i in items}) == len(items)
    # The right answer's position says nothing.
    assert all(30 <= c <= 90 for c in Counter(i.correct for i in items).values())


def test_the_seed_decides() -> None:
    assert general_suite(20, seed=1) == general_suite(20, seed=1)
    assert general_suite(20, seed=1) != general_suite(20, seed=2)


def test_sums_are_right() -> None:
    """The arithmetic is checked by reading the numbers of the question again."""
    import re

    for item in general_suite(80):
        numbers = [int(n) for n in re.findall(r"\d+", item.question)]
        if item.kind != "arithmetic":
            continue
        a, b = numbers
        answer = int(item.options[item.correct])
        if "removed" in item.question:
            assert answer == a - b
        elif "Each of" in item.question:
            assert answer == a * b
        else:
            assert answer == a + b


def test_reading_items_hold_their_answer() -> None:
    for item in general_suite(40):
        if item.kind == "reading":
            assert item.options[item.correct] in item.question
