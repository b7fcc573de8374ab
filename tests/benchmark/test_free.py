"""Free answers: what is right, what is refused, and that a question without an answer has none in what is read."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmark.planted import Bench, PlantedAnswerer, PlantedReader, World, asked, reads, world

from understudy.artifact import read_records
from understudy.benchmark.config import FreeConfig
from understudy.benchmark.free import FreeAnswer
from understudy.evaluation import support
from understudy.prompts import ABSTAIN
from understudy.types import Arm, Hit

FREE = FreeConfig(answerable=24, unanswerable=12)


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


def test_an_interrupted_measurement_asks_no_arm_again(tmp_path: Path, known: World) -> None:
    bench = Free(tmp_path, known, {"honest": honest(known)})
    first = bench.run(arms=("honest+rag",), free=FREE, floors=())
    calls = bench.readers["honest"].calls
    again = bench.run(arms=("honest+rag",), free=FREE, floors=())
    assert again == first
    assert bench.readers["honest"].calls == calls
