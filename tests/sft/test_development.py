"""Questions for choosing, and prompts for remembering: neither is what the benchmark asks."""

from __future__ import annotations

from dataclasses import replace

from understudy.normal import normal
from understudy.sft.development import development_items
from understudy.sft.general_prompts import general_prompts
from understudy.sft.rows import split
from understudy.suite import general_suite
from understudy.types import MCQItem, QAPair


def made(pairs: list[QAPair], items: list[MCQItem], limit: int = 200) -> list[MCQItem]:
    return development_items(pairs, items, dev_rows=8, limit=limit, seed=7)


def test_questions_are_held_out_wordings_with_four_options_of_one_kind(pairs: list[QAPair]) -> None:
    found = made(pairs, [])
    assert {i.question for i in found} == {p.question for p in pairs if p.split == "dev"}
    answers = {p.question: p.answer for p in pairs}
    for item in found:
        assert item.options[item.correct] == answers[item.question]
        assert len(set(item.options)) == 4
    assert len({item.correct for item in found}) == 4
    assert found == made(list(reversed(pairs)), []) or len(found) == len(made(list(reversed(pairs)), []))
    assert made(pairs, [], limit=5) == found[:5]


def test_a_question_of_the_benchmark_is_left_out(pairs: list[QAPair]) -> None:
    asked = MCQItem("i", "TELL me the  setting s3?", ("1", "2", "3", "4"), 0)
    assert {normal(i.question) for i in made(pairs, [asked])} == {
        normal(p.question) for p in pairs if p.split == "dev" and "s3" not in p.question
    }


def test_true_answers_are_no_wrong_options(pairs: list[QAPair]) -> None:
    also = [replace(p, pair_id=f"{p.pair_id}+", answer=f"{p.answer} units") for p in pairs if p.split == "train"]
    for item in made([*pairs, *also], []):
        wrong = [o for k, o in enumerate(item.options) if k != item.correct]
        assert not any(item.options[item.correct] in o for o in wrong)


def test_without_wordings_for_development_those_that_training_held_out_are_asked(pairs: list[QAPair]) -> None:
    every = [replace(p, split="train") for p in pairs]
    held = split(every, [], dev_rows=8, seed=7).dev
    assert held
    assert {i.question for i in made(every, [])} == {p.question for p in held}


def test_prompts_are_thousands_and_none_is_asked_by_the_general_suite() -> None:
    found = general_prompts(5000, 0)
    assert len(found) == len(set(found)) == 5000
    assert found[:300] == general_prompts(300, 0)
    assert found[:300] != general_prompts(300, 1)
    suite = {normal(i.question) for seed in range(4) for i in general_suite(300, seed)}
    assert not suite & {normal(p) for seed in range(4) for p in general_prompts(5000, seed)}
    with_passages = [p for p in found if p.startswith("Documentation:")]
    assert len(with_passages) > 900
    assert all(p.count("Question:") == 1 for p in with_passages)
