"""The general suite: balanced, seeded, answerable."""

from __future__ import annotations

from collections import Counter

from understudy.suite import SKILLS, general_suite, practice


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

    asked = [i for i in general_suite(160) if i.kind == "arithmetic"]
    for item in asked:
        numbers = [int(n) for n in re.findall(r"\d+", item.question)]
        answer = int(item.options[item.correct])
        if len(numbers) == 3:
            assert numbers[1] - numbers[0] == numbers[2] - numbers[1] == answer - numbers[2]
            continue
        a, b = numbers
        words = item.question
        if re.search(r"larger|fuller", words):
            assert answer == max(a, b)
        elif re.search(r" - |removed|deleted|expired|more does", words):
            assert answer == a - b
        else:
            assert answer == a + b
    assert len({i.question.translate(str.maketrans("", "", "0123456789")) for i in asked}) > 20


def test_programs_print_what_is_said() -> None:
    """The programs among the code items are run."""
    import contextlib
    import io
    import re

    run = 0
    for item in general_suite(150):
        answer = item.options[item.correct]
        body, _, question = item.question.rpartition("\n")
        if item.kind != "code":
            continue
        if question == "What is printed?" and "print(" in body and "$" not in body:
            body = re.sub(r"^(\w{5,}) = (\d+)$", r"\1 = '\2'", body, flags=re.M)
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(body, {})
            assert out.getvalue().strip() == answer
            run += 1
        elif body.startswith(("names", "d =", "def")):
            found = re.fullmatch(r"What (?:is|does) (.+?)(?: return)?\?", question)
            assert found
            space: dict[str, object] = {}
            exec(body, space)
            assert eval(found[1], space) == answer
            run += 1
    assert run > 60


def test_reading_items_hold_their_answer() -> None:
    for item in general_suite(40):
        if item.kind == "reading":
            assert item.options[item.correct] in item.question


def test_practice_is_of_all_skills_and_never_measured() -> None:
    found = practice(2000, 0)
    assert len({question for question, _ in found}) == 2000
    assert found[:50] == practice(50, 0) != practice(50, 1)
    assert not {q for q, _ in found} & {i.question for seed in range(5) for i in general_suite(300, seed)}
    assert sum(q.startswith("Documentation:") for q, _ in found) > 450
