"""Questions in templates that nothing practises: balanced, right, and unlike all that is practised."""

from __future__ import annotations

import re
from collections import Counter

from understudy.lab import lexicon as lx
from understudy.sft.general_prompts import general_prompts
from understudy.suite import SKILLS, practice, unpractised_suite


def shape(question: str) -> str:
    """A question without its numbers, words of the lexicon and quotes: what is left is the template."""
    words = "|".join({w for text in (*lx.COMPONENTS, *lx.OBJECTS) for w in text.split()})
    return re.sub(rf"\b({words})\b", "w", re.sub(r"\d+", "n", question))


def asked(question: str) -> str:
    """The question itself, without the passages before it."""
    return question.rpartition("Question: ")[2]


def test_items_are_well_formed_and_balanced() -> None:
    items = unpractised_suite(50)
    assert Counter(i.kind for i in items) == dict.fromkeys(SKILLS, 50)
    assert len({i.question for i in items}) == len({i.item_id for i in items}) == len(items)
    for item in items:
        assert len(set(item.options)) == 4
        if item.kind == "reading":
            assert item.options[item.correct] in item.question
    assert all(25 <= c <= 75 for c in Counter(i.correct for i in items).values())
    assert unpractised_suite(5, seed=1) != unpractised_suite(5, seed=2) == unpractised_suite(5, seed=2)


def test_no_template_is_practised() -> None:
    practised = {shape(q) for q, _ in practice(3000, 0)} | {shape(q) for q in general_prompts(3000, 0)}
    items = [i for i in unpractised_suite(150) if i.kind != "reading"]
    shared = {shape(i.question) for i in items} & practised
    assert not shared
    begins = {" ".join(asked(i.question).split()[:4]) for i in unpractised_suite(60) if i.kind == "reading"}
    assert not begins & {" ".join(asked(q).split()[:4]) for q, _ in practice(3000, 0)}


def test_sums_and_programs_are_right() -> None:
    """Arithmetic is done again from the numbers of the question; Python programs are run."""
    import contextlib
    import io

    run = 0
    for item in unpractised_suite(120):
        answer, question = item.options[item.correct], item.question
        if item.kind == "arithmetic":
            numbers = [int(n) for n in re.findall(r"\d+", question)]
            if len(numbers) == 3:
                assert numbers[1] - numbers[0] == numbers[2] - numbers[1] == int(answer) - numbers[2]
            elif "bigger" in question:
                assert int(answer) == max(numbers)
            elif re.search(r"away|minus|Out of|exceed", question):
                assert int(answer) == abs(numbers[0] - numbers[1])
            else:
                assert int(answer) == sum(numbers)
        elif question.startswith(("def pick", "result")):
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(question.rpartition("\n")[0], {})
            assert out.getvalue().strip() == answer
            run += 1
    assert run > 20
