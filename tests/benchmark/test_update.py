"""The rows of new, changed, unchanged and withdrawn facts, with a model whose answers are planted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from understudy.artifact import Artifact, seal, write_records
from understudy.benchmark.arms import ArmRun
from understudy.benchmark.questions import link
from understudy.benchmark.summary import Update
from understudy.benchmark.update import measure_update
from understudy.prompts import ABSTAIN
from understudy.stage import Inputs
from understudy.types import Arm, Chunk, Completion, ItemResult, MCQItem, Message, QAPair


class Planted:
    """Abstains on the questions named, and finds the answers named likely."""

    def __init__(self, abstains: set[str], likely: set[str]) -> None:
        self.abstains, self.likely = abstains, likely
        self.reader = self

    def generate(self, conversations: Sequence[Sequence[Message]], **_: Any) -> list[Completion]:
        return [Completion(ABSTAIN if c[-1].content in self.abstains else "9") for c in conversations]

    def loglikelihoods(self, conversations: Sequence[Any], options: Sequence[Sequence[str]]) -> list[list[float]]:
        return [[-1.0 if o in self.likely else -9.0 for o in row] for row in options]


def artifact(folder: Path, **files: list[Any]) -> Artifact:
    folder.mkdir(parents=True)
    for name, records in files.items():
        write_records(folder / f"{name}.jsonl", records)
    seal(folder, {"stage": folder.name, "key": "k"})
    return Artifact.open(folder)


def pairs(facts: dict[str, str]) -> list[QAPair]:
    return [
        QAPair(f"{fact}-{n}", f"What is {fact}, said {n}?", answer, "c", "a.md", f"{fact} is {answer}.", fact_id=fact,
               split="test" if n else "train")
        for fact, answer in facts.items() for n in (0, 1)
    ]  # fmt: skip


def item(fact: str, answer: str) -> MCQItem:
    return MCQItem(fact, f"What is {fact}, said 1?", (answer, "77", "88"), 0, "c", f"{fact}.md", fact_id=fact)


@pytest.fixture
def update(tmp_path: Path) -> Update:
    old = {"alpha": "10", "beta": "20", "gamma": "30", "delta": "40"}
    new = {"alpha": "10", "beta": "21", "gamma": "31", "epsilon": "50"}
    before = {name: item(name, answer) for name, answer in old.items()}
    now = {name: item(name, answer) for name, answer in new.items()}
    chunk = Chunk("c", "a.md", " ".join(f"{k} is {v}." for k, v in new.items()), 0, 9, 1, 1, 9, "A")
    results = [ItemResult("sft", name, f"{name}.md", 1, 0, 0.0) for name in before]
    inputs = Inputs(
        {
            "generate": artifact(tmp_path / "new", pairs=pairs(new)),
            "chunk": artifact(tmp_path / "chunk", chunks=[chunk]),
        },
        previous={
            "generate": artifact(tmp_path / "old", pairs=pairs(old)),
            "benchmark": artifact(tmp_path / "benchmark", items=list(before.values()), results=results),
        },
    )
    answers = [ItemResult("sft", name, f"{name}.md", 0, 0, 1.0) for name in now]
    runs = [ArmRun(Arm.parse("base")), ArmRun(Arm.parse("sft"), answers)]
    model = Planted({"What is delta, said 1?", "What is alpha, said 1?"}, {"21", "30"})
    found = measure_update(
        inputs, runs, link(list(now.values()), [chunk]), {n: n for n in now}, lambda arm: model,  # type: ignore[arg-type,return-value]
        confidence=0.95, seed=0,
    )  # fmt: skip
    assert found is not None
    return found


def test_every_kind_has_its_row_and_its_own_questions(update: Update) -> None:
    rows = {row.change: row for row in update.rows}
    assert update.facts == {"new": 1, "changed": 2, "unchanged": 1, "withdrawn": 1}
    assert [row.arm for row in update.rows] == ["sft"] * 4
    assert {c: row.acc.n for c, row in rows.items()} == {"new": 1, "changed": 2, "unchanged": 1, "withdrawn": 0}
    assert rows["withdrawn"].acc.value is None


def test_only_the_same_question_with_the_same_answer_is_paired(update: Update) -> None:
    rows = {row.change: row for row in update.rows}
    assert (rows["unchanged"].before.value, rows["unchanged"].difference.value) == (0.0, 1.0)
    assert rows["changed"].difference.n == 0  # its key is another one


def test_abstaining_and_old_answers_are_counted(update: Update) -> None:
    rows = {row.change: row for row in update.rows}
    assert rows["withdrawn"].abstains.value == 1.0
    assert rows["unchanged"].abstains.value == 1.0
    assert rows["changed"].abstains.value == 0.0
    assert rows["changed"].outdated.value == 0.5  # of beta the new answer is likelier, of gamma the old one
    assert rows["unchanged"].outdated.value is None


def test_without_an_earlier_run_there_is_no_section(tmp_path: Path) -> None:
    inputs = Inputs({"generate": artifact(tmp_path / "new", pairs=pairs({"a": "1"}))})
    assert measure_update(inputs, [], [], {}, lambda arm: None, confidence=0.95, seed=0) is None  # type: ignore[arg-type,return-value]
