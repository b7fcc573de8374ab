"""Ways of reading an answer: shifts, normalisations, letters in free text, judging."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from understudy.evaluation.baselines import letter_prior, overlap
from understudy.evaluation.cloze import Cloze, normalised
from understudy.evaluation.generation import Generation, read_letter
from understudy.evaluation.judge import Judge, match
from understudy.evaluation.letter import Letter
from understudy.evaluation.lexical import Bm25
from understudy.evaluation.question import Question, answer_found, choose
from understudy.evaluation.shifts import by_content, place_of, rotate
from understudy.types import Arm, Chunk, MCQItem


@given(st.lists(st.integers(), min_size=1, max_size=7, unique=True), st.integers(0, 6))
def test_shifts_are_undone(options: list[int], shift: int) -> None:
    assert by_content(rotate(options, shift), shift) == options
    for k, option in enumerate(options):
        assert rotate(options, shift)[place_of(k, shift, len(options))] == option


def test_every_option_stands_once_in_every_place() -> None:
    shown = [rotate("abcd", s) for s in range(4)]
    assert all(sorted(column) == list("abcd") for column in zip(*shown, strict=True))


def test_normalisations() -> None:
    raw, options = [-6.0, -8.0], ["ab", "äöü"]
    assert normalised(raw, options, "raw") == raw
    assert normalised(raw, options, "char") == [-3.0, pytest.approx(-8 / 3)]
    assert normalised(raw, options, "byte") == [-3.0, pytest.approx(-8 / 6)]
    assert normalised(raw, options, "pmi", [-1.0, -7.0]) == [-5.0, -1.0]
    assert normalised(raw, options, "pmi") is None


def test_ties_earn_their_expectation() -> None:
    assert choose([1.0, 3.0, 3.0 - 1e-9], 2) == (1, 0.5)
    assert choose([1.0, 3.0, 2.0], 2) == (1, 0.0)


def answerer(planted: ModuleType, rule: Any, says: Any = None, context: str = "") -> tuple[Any, list[Question]]:
    w = planted.world(3, 4)
    made = planted.PlantedAnswerer(Arm.parse(f"base{context}"), planted.PlantedReader(rule, says), w)
    by_id = {c.chunk_id: c for c in w.chunks}
    return made, [Question(i, (by_id[i.chunk_id],)) for i in w.items]


def test_letters_are_weighed_in_all_shifts_and_come_back_by_content(planted: ModuleType) -> None:
    def likes_a_but_knows(shown: str, options: list[str]) -> list[float]:
        return [2.0 * (k == 0) + 3.0 * (f"{o}." in shown) for k, o in enumerate(options)]

    made, questions = answerer(planted, likes_a_but_knows, context="+oracle")
    for r in Letter().score("base", made, questions):
        assert len(r.option_scores) == 4
        assert r.predicted == r.correct
        assert r.acc == 1.0
        assert r.circular == 1.0
    [two] = Letter(2).score("base", made, questions[:1])
    assert len(two.option_scores) == 2


def test_cloze_asks_each_question_once(planted: ModuleType) -> None:
    made, questions = answerer(planted, planted.reads(), context="+oracle")
    results = Cloze("char").score("base", made, questions)
    assert made.reader.calls == len(questions)
    assert all(r.acc == 1.0 and r.hit and len(r.option_scores) == 1 and r.circular is None for r in results)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("B", 1), ("b.", None), ("B.", 1), ("(C)", 2), ("**D**", 3), ("Answer: B", 1), ("The answer is C.", 2),
        ("The correct option is (A)", 0), ("B) 7411", 1), ("7411", 1), ("port  7411.", None), ("A port is open", None),
        ("I think it is B", None), ("Because", None), ("", None), ("E", None), ("B\nC", 1), ("A", 0), ("Z", None),
    ],
)  # fmt: skip
def test_letters_in_free_text(text: str, place: int | None) -> None:
    assert read_letter(text, ["80", "7411", "443", "22"]) == place


def test_format_failures_are_counted_apart(planted: ModuleType) -> None:
    made, questions = answerer(planted, planted.reads(), lambda shown: "B" if shown.count("-0?") else "Well, hm.")
    results = Generation(constrained=False).score("base", made, questions)
    assert [r.format_failure for r in results] == [not q.item.question.endswith("-0?") for q in questions]
    assert [r.predicted is None for r in results] == [r.format_failure for r in results]
    assert {r.acc for r in results if not r.format_failure} == {0.25}


def test_rounds_measure_decoding_noise_only(planted: ModuleType) -> None:
    turns = iter("ABCD" * 1000)
    made, questions = answerer(planted, planted.reads(), lambda shown: next(turns))
    results = Generation(constrained=False, rounds=5, temperature=1.0).score("base", made, questions)
    assert all(len(r.detail["rounds"]) == 5 for r in results)
    assert len(results) == len(questions)  # a question stays one question however often it is asked


def test_sampled_answers_depend_on_the_seed_and_not_on_batches(planted: ModuleType) -> None:
    made, questions = answerer(planted, planted.reads(), lambda shown: "ABCD"[int(torch.randint(4, ()))])

    def answers(seed: int, size: int) -> list[object]:
        scorer = Generation(constrained=False, rounds=2, temperature=1.0, seed=seed)
        blocks = [questions[k : k + size] for k in range(0, len(questions), size)]
        return [r.detail["rounds"] for block in blocks for r in scorer.score("base", made, block)]

    assert answers(1, 12) == answers(1, 5)
    assert answers(1, 12) != answers(2, 12)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It listens on port 7411 by default.", 1),
        ("7411", 1),
        ("Either 80 or 7411", None),
        ("74110", None),
        ("I do not know.", None),
        ("--port", 2),
        ("Use --port-file please", 3),
        ("the folder of the message files on the disk", 4),
    ],
)
def test_matching_free_answers(text: str, expected: int | None) -> None:
    options = ["80", "7411", "--port", "--port-file", "the folder where the message files are on the disk"]
    assert match(text, options) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("When sorted, values of storage class NULL come first, then integers.", 0),
        ("NULLs sort after all other values.", 1),
        ("Values with storage class NULL do not come first.", None),
        ("", None),
    ],
)
def test_a_free_answer_in_other_words_is_matched_unless_it_denies(text: str, expected: int | None) -> None:
    options = ["Values with storage class NULL come first.", "NULLs sort after all the others."]
    assert match(text, options, "Where do NULLs appear with ORDER BY?") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A generated column may not have a default value.", 0),
        ("Yes, a generated column may have a default value.", None),
        ("A generated column has a default value of 7.", None),
    ],
)
def test_a_yes_or_no_is_matched_by_what_is_denied(text: str, expected: int | None) -> None:
    options = ["No, a generated column may not use the DEFAULT clause.", "It needs 1,000 bytes."]
    assert match(text, options, "Can a generated column have a default value?") == expected


def test_a_number_of_the_reference_must_be_said() -> None:
    options = ["A checkpoint runs at 1,000 pages of the log.", "It never runs by itself at any size."]
    question = "When does a checkpoint run?"
    assert match("It does so when the log has 1000 pages.", options, question) == 0
    assert match("It does so when the log has 500 pages.", options, question) is None


def test_a_judging_model_sees_reference_and_answer(planted: ModuleType) -> None:
    seen: list[str] = []

    def judging(shown: str, options: list[str]) -> list[float]:
        seen.append(shown)
        return [float("Given answer: yes, it is" in shown), 0.5]

    made, questions = answerer(planted, planted.reads(), lambda shown: "yes, it is" if "-1?" in shown else "no idea")
    results = Judge(planted.PlantedReader(judging)).score("base", made, questions)
    assert [r.acc for r in results] == [float(q.item.question.endswith("-1?")) for q in questions]
    assert f"Reference answer: {questions[0].item.options[questions[0].item.correct]}" in seen[0]


def chunk(name: str, text: str) -> Chunk:
    return Chunk(name, "d", text, 0, len(text), 1, 1, 5, "T")


def test_the_span_counts_not_the_document() -> None:
    item = MCQItem("1", "?", ("x", "y"), 0, chunk_id="a", doc_id="d", quote="port is 7411")
    assert answer_found(item, [chunk("b", "The port  is\n7411.")], ()) is True
    assert answer_found(item, [chunk("a", "moved elsewhere")], ()) is True
    assert answer_found(item, [chunk("c", "The port is 80.")], ()) is False
    assert answer_found(MCQItem("2", "?", ("x", "y"), 0), [chunk("c", "x")], ()) is None


def test_the_lexical_floor_prefers_the_option_of_a_passage() -> None:
    index = Bm25([chunk("a", "The queue keeps messages on disk."), chunk("b", "Retention is set by retention_days.")])
    item = MCQItem("1", "?", ("by retention_days", "by moon phase", "messages on disk", "never"), 0)
    scores = overlap(item, index, None)
    assert scores[1] < scores[2]
    assert scores.index(max(scores)) in (0, 2)
    assert overlap(item, index, ["b"])[2] == 0.0
    assert overlap(item, index, [])[0] == 0.0


def test_the_letter_prior_does_not_see_its_own_document() -> None:
    items = [MCQItem(str(k), "?", ("x", "y"), int(k < 5), doc_id="a" if k < 5 else "b") for k in range(10)]
    labels = {i.item_id: i.doc_id for i in items}
    prior = letter_prior([Question(i) for i in items], labels)
    assert prior(items[0]) == [5.0, 0.0]  # its own document has only the other letter
    assert prior(items[9]) == [0.0, 5.0]
