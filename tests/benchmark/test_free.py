"""Free answers: what is right, what is refused, and that a question without an answer has none in what is read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from benchmark.planted import Bench, PlantedAnswerer, PlantedReader, World, asked, reads, world
from pydantic import ValidationError

from understudy.artifact import read_records
from understudy.benchmark.across_runs import compare_sides, read_side
from understudy.benchmark.config import FreeConfig
from understudy.benchmark.free import FreeAnswer
from understudy.errors import InputError
from understudy.evaluation import support
from understudy.evaluation.open_questions import key_terms, missing, read_open, right
from understudy.prompts import ABSTAIN
from understudy.types import Arm, Hit, OpenQuestion

FREE = FreeConfig(answerable=24, unanswerable=12)
ALL_WITHOUT = FreeConfig(answerable=0, unanswerable=96)


class Searching(PlantedAnswerer):
    """As the planted one, with its retriever in the open: chunks that share most words with the question."""

    top_k = 2

    @property
    def retriever(self) -> Searching:
        return self

    def search(self, query: str, top_k: int) -> list[Hit]:
        words = set(query.rstrip("?").split())
        ranked = sorted(self.world.chunks, key=lambda c: -len(words & set(c.text.replace(".", "").split())))
        return [Hit(c, 1.0) for c in ranked[:top_k]]


class Free(Bench):
    def open_answerer(self, arm: Arm) -> PlantedAnswerer:
        return (Searching if arm.context == "rag" else PlantedAnswerer)(arm, self.readers[arm.model], self.world)


def honest(known: World) -> PlantedReader:
    """Writes what the passages say of the name that is asked for, and abstains where they do not."""

    def says(shown: str) -> str:
        name = asked(shown).removeprefix("What is the ").rstrip("?")
        _, found, rest = shown.partition(f"The {name} is ")
        return f"It is {rest.partition('.')[0]}." if found else ABSTAIN

    return PlantedReader(reads(), says)


def liar() -> PlantedReader:
    return PlantedReader(reads(), lambda shown: "It is as purple as a plum.")


@pytest.fixture
def known() -> World:
    return world()


def test_an_honest_reader_is_right_with_passages_and_refuses_without_an_answer(tmp_path: Path, known: World) -> None:
    summary = Free(tmp_path, known, {"honest": honest(known)}).run(arms=("honest", "honest+rag"), free=FREE)
    assert summary.free is not None
    closed, rag = summary.free.rows
    assert (closed.right.value, closed.refused.value, closed.refused_without_answer.n) == (0.0, 1.0, 0)
    assert (rag.right.value, rag.right.n, rag.supported.value, rag.refused.value) == (1.0, 24, 1.0, 0.0)
    assert (rag.refused_without_answer.value, rag.refused_without_answer.n) == (1.0, 12)
    answers = read_records(tmp_path / "out" / "free.jsonl", FreeAnswer)
    text = {c.doc_id: c.text for c in known.chunks}
    for answer in answers:
        assert answer.reference in text[answer.doc_id]
        if answer.arm == "honest+rag" and answer.answerable:
            assert answer.sentence in text[answer.doc_id]


def test_words_that_no_passage_says_give_way_to_the_likeliest_sentence(tmp_path: Path, known: World) -> None:
    summary = Free(tmp_path, known, {"liar": liar()}).run(arms=("liar", "liar+rag"), free=FREE)
    assert summary.free is not None
    closed, rag = summary.free.rows
    assert closed.right.value == closed.supported.value == 0.0
    assert rag.own_right.value == 0.0
    assert rag.supported.value == 1.0
    for answer in read_records(tmp_path / "out" / "free.jsonl", FreeAnswer):
        if answer.arm == "liar+rag" and not answer.abstained:
            assert answer.quoted
            assert answer.told == answer.sentence


def test_what_is_asked_without_an_answer_has_none_in_what_is_read(
    tmp_path: Path, known: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(support, "SPOKEN_OF", 0.0)  # else the question is refused before the model is asked
    read: list[str] = []

    def says(shown: str) -> str:
        read.append(shown)
        return ABSTAIN

    Free(tmp_path, known, {"notes": PlantedReader(reads(), says)}).run(
        arms=("notes+rag",), free=FreeConfig(answerable=0, unanswerable=12)
    )
    of = {item.question: item for item in known.items}
    assert len(read) == 12
    for shown in read:
        item = of[asked(shown)]
        page = next(c for c in known.chunks if c.doc_id == item.doc_id)
        assert page.text not in shown
        assert "Documentation:" in shown


def test_a_page_that_says_the_answer_in_other_words_is_taken_out_too(tmp_path: Path, known: World) -> None:
    item = known.items[0]
    value = item.options[item.correct]
    copy = replace(known.chunks[1], text=f"{known.chunks[1].text} Of {value.split()[0]} there are units.")
    read: list[str] = []
    reader = PlantedReader(reads(), lambda shown: read.append(shown) or ABSTAIN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(support, "SPOKEN_OF", 0.0)
        altered = replace(known, chunks=[known.chunks[0], copy, *known.chunks[2:]])
        Free(tmp_path, altered, {"notes": reader}).run(arms=("notes+rag",), free=ALL_WITHOUT)
    [shown] = [text for text in read if asked(text) == item.question]
    assert "Service 1\n" not in shown


def test_a_persons_own_questions_say_what_an_answer_must_hold_and_what_has_none(tmp_path: Path, known: World) -> None:
    file = tmp_path / "own.jsonl"
    asked_of, value = known.items[3], known.items[3].options[known.items[3].correct]
    rows = [
        {"question": asked_of.question, "answer": "see must", "must": [f"nothing | {value.split()[0]}"]},
        {"question": known.items[4].question, "answer": "x", "facts": ["no such words"]},
        {"question": "What is the port of service 99-0?", "answer": "none", "answerable": False},
    ]
    file.write_text("\n".join(map(json.dumps, rows)))
    summary = Free(tmp_path, known, {"honest": honest(known)}).run(
        arms=("honest", "honest+rag"), open_questions=str(file)
    )
    assert summary.free is not None
    closed, rag = summary.free.rows
    assert (rag.right.value, rag.right.n) == (0.5, 2)
    assert (closed.refused_without_answer.value, closed.refused_without_answer.n) == (1.0, 1)  # every arm is asked
    assert summary.free.questions == "own.jsonl"


def test_facts_are_found_whatever_their_marks_and_commas() -> None:
    question = OpenQuestion("q", "How many?", must=("1,000 | 1 k", "wal_autocheckpoint"), by_must=True)
    assert right(question, "When it has 1000 pages (`wal_autocheckpoint`).")
    assert not right(question, "When it has 10000 pages (`wal_autocheckpoint`).")
    assert not right(question, "1000 pages")
    assert missing(question, "1000 pages") == ("wal_autocheckpoint",)


@pytest.mark.parametrize(
    ("answer", "question", "terms"),
    [
        ("It is 7411.", "What is the port?", ("7411",)),
        ("The folder `data`, or --data-dir, since 2.1.", "Where is it?", ("data", "--data-dir", "2.1")),
        ("Port 7411 of node.js, e.g. and/or read-only", "Is it 7411?", ("node.js",)),
        ("A worker ended without a word", "What is `stale lease`?", ()),
    ],
)
def test_what_an_answer_has_to_say_are_its_numbers_and_names(answer: str, question: str, terms: tuple[str]) -> None:
    assert key_terms(answer, question) == terms


@pytest.mark.parametrize(
    "text",
    [
        '{"answer": "x"}',
        "",
        '{"question": "a", "key": "x"}\n{"question": "a", "key": "y"}',
        '{"question": "a", "answerable": true}',
        '{"question": "a", "answer": "x", "answerable": "perhaps"}',
    ],
)
def test_own_questions_that_cannot_be_asked(tmp_path: Path, text: str) -> None:
    (tmp_path / "own.jsonl").write_text(text)
    with pytest.raises(InputError, match=r"own\.jsonl"):
        read_open(tmp_path / "own.jsonl")


def test_own_questions_are_read_from_a_table_too(tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    file.write_text("question,answer,must,answerable,doc_id\nA?,It is 5.,5; five | V,,a.md\nB?,,,no,\nC?,yes,,,\n")
    first, second, third = read_open(file)
    assert (first.must, first.by_must, first.answerable, first.doc_id) == (("5", "five | V"), True, True, "a.md")
    assert (second.answerable, third.answerable, third.by_must) == (False, True, False)


def test_the_old_name_of_the_file_is_told() -> None:
    with pytest.raises(ValidationError, match="open_questions: file"):
        FreeConfig.model_validate({"questions": "own.jsonl"})


def test_a_judging_model_says_what_is_right(tmp_path: Path, known: World) -> None:
    yes = PlantedReader(lambda shown, options: [float(o == "yes" and "Reference answer" in shown) for o in options])
    summary = Free(tmp_path, known, {"liar": liar(), "yes": yes}).run(arms=("liar",), free=FREE, judge="yes")
    assert summary.free is not None
    assert (summary.free.rows[0].right.value, summary.free.judged_by) == (1.0, "yes")


def test_arms_and_runs_are_paired_on_their_common_questions(tmp_path: Path, known: World) -> None:
    readers = {"base": liar(), "sft": honest(known)}
    summary = Free(tmp_path / "a", known, readers).run(arms=("base+rag", "sft+rag"), free=FREE)
    assert summary.free is not None
    right, refused = summary.free.differences
    assert (right.first, right.second, right.what, right.difference.n) == ("sft+rag", "base+rag", "right", 24)
    assert refused.what == "refused without an answer"
    Free(tmp_path / "b", known, {"base": honest(known)}).run(arms=("base+rag",), free=FREE)
    found = compare_sides([read_side(tmp_path / name / "out", name) for name in ("a", "b")]).free
    assert (found[0].first, found[0].second, found[0].what) == ("b: base+rag", "a: base+rag", "right")
    assert found[0].difference.value == right.difference.value


def test_an_interrupted_measurement_asks_no_arm_again(tmp_path: Path, known: World) -> None:
    bench = Free(tmp_path, known, {"honest": honest(known)})
    first = bench.run(arms=("honest+rag",), free=FREE, floors=())
    calls = bench.readers["honest"].calls
    again = bench.run(arms=("honest+rag",), free=FREE, floors=())
    assert again == first
    assert bench.readers["honest"].calls == calls
