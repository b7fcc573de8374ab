"""`understudy ask` and `chat` print the answer, what supports it word for word, and its sources."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
import typer
from typer.testing import CliRunner

from understudy import answerers, api
from understudy.artifact import Artifact, seal, write_records
from understudy.benchmark.summary import ArmSummary, Provenance, Summary
from understudy.cli.ask import ask
from understudy.cli.chat import chat
from understudy.evaluation.records import Interval
from understudy.pipeline import OpenedRun, RunRecord
from understudy.prompts import ABSTAIN
from understudy.types import Arm, Chunk, Hit, Message, Prompt

app = typer.Typer()
app.command()(ask)
app.command()(chat)


GUIDE = (
    "The server listens on port 7411 unless told otherwise. It writes a log of every request.",
    "Messages are kept for 14 days. Older ones are deleted at night.",
)
CHUNKS = tuple(
    Chunk(f"c{i}", "guide.md", GUIDE[i % 2], 0, 9, 10 * i + 1, 10 * i + 9, 12, "Guide", (f"Part {i}",))
    for i in range(12)
)


@dataclass(frozen=True)
class Sized:
    """A model of so many parameters."""

    parameters: int


@dataclass
class Says:
    """An arm that gives one answer, in pieces, after reading some passages; history holds what it was told before."""

    text: str
    read: tuple[Chunk, ...] = ()
    history: list[int] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    reader: Sized = field(default_factory=lambda: Sized(7_000_000_000))
    arm: Arm = field(default_factory=lambda: Arm.parse("sft+rag"))

    def converse(self, question: str, history: Sequence[Message] = ()) -> tuple[Prompt, Iterator[str]]:
        self.history.append(len(history))
        self.heard = [m.content for m in history]
        return Prompt((), tuple(Hit(chunk, 1.0) for chunk in self.read)), self._pieces()

    def _pieces(self) -> Iterator[str]:
        for piece in self.text.split("~"):
            if piece == "CTRL-C":
                raise KeyboardInterrupt
            yield piece


def benchmark(path: Path, arms: dict[str, tuple[Literal["arm", "floor"], float | None]]) -> Artifact:
    """A benchmark artifact whose summary has the given arms: name → (kind, accuracy)."""
    rows = tuple(
        ArmSummary(name, kind, name, Arm.parse(name).context, "cloze", Interval(value, None, None, None, 10, 2))
        for name, (kind, value) in arms.items()
    )
    made = Provenance(0, "cloze", "none", 4, "document", 2, (5, 5), 0.95, "", "", "", "", 10, 0.25)
    Summary("a headline", "inconclusive", rows, (), made).write(path / "summary.json")
    return Artifact(path, {"stage": "benchmark"})


RECIPE = {"name": "demo", "base_model": "lab:reader", "docs": {"path": "docs"}, "index": {}}


def demo(stages: dict[str, Artifact]) -> api.Run:
    record = RunRecord("demo", 1, RECIPE, "", "", "", {}, ("ingest", "chunk", "index", "sft", "benchmark"))
    return api.Run(OpenedRun(record, stages), Path("store"))


def test_the_best_arm_is_the_most_accurate_that_can_answer(tmp_path: Path) -> None:
    found = benchmark(
        tmp_path,
        {
            "base": ("arm", 0.3), "base+rag": ("arm", 0.6), "sft+rag": ("arm", 0.6), "sft": ("arm", None),
            "sft+oracle": ("arm", 0.9), "longest option": ("floor", 0.8),
        },
    )  # fmt: skip
    assert demo({"benchmark": found}).best_arm == "base+rag"
    alone = benchmark(tmp_path, {"base": ("arm", 0.3), "sft": ("arm", 0.9)})
    assert demo({"benchmark": alone}).best_arm == "sft"


def test_an_arm_that_can_cite_comes_before_a_better_one_that_cannot(tmp_path: Path) -> None:
    found = benchmark(tmp_path, {"sft": ("arm", 0.9), "sft+rag": ("arm", 0.8), "base+rag": ("arm", 0.7)})
    assert demo({"benchmark": found}).best_arm == "sft+rag"


@pytest.mark.parametrize(
    ("stages", "name"),
    [((), "base"), (("sft",), "sft"), (("index",), "base+rag"), (("index", "sft"), "sft+rag")],
)
def test_without_a_benchmark_the_stages_decide(tmp_path: Path, stages: tuple[str, ...], name: str) -> None:
    assert demo({s: Artifact(tmp_path, {}) for s in stages}).best_arm == name


@pytest.fixture
def says() -> dict[str, Says]:
    return {
        "sft+rag": Says("It is~ port [7411].", CHUNKS[:2]),
        "sft": Says("7411", arm=Arm.parse("sft")),
        "base+rag": Says("It is purple.", CHUNKS[:2]),
        "base+corpus": Says(ABSTAIN, CHUNKS, arm=Arm.parse("base+corpus")),
    }


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, says: dict[str, Says]) -> list[str]:
    """A run whose arms answer without a model; the list collects the arms opened."""
    arms: list[str] = []

    def open_arm(self: answerers.Answerers, arm: Arm) -> Says:
        assert self.model == "lab:reader"
        arms.append(arm.name)
        return says[arm.name]

    (tmp_path / "chunk").mkdir()
    write_records(tmp_path / "chunk" / "chunks.jsonl", CHUNKS)
    seal(tmp_path / "chunk", {"stage": "chunk", "key": "chunk"})
    stages = {s: Artifact(tmp_path, {}) for s in ("index", "sft")}
    stages["chunk"] = Artifact.open(tmp_path / "chunk")
    monkeypatch.setattr(api, "open_run", lambda name, **_: demo(stages))
    monkeypatch.setattr(answerers.Answerers, "open", open_arm)
    return arms


def test_an_answer_its_support_and_its_places(opened: list[str]) -> None:
    result = CliRunner().invoke(app, ["ask", "demo", "Which port does the server listen on?"])
    assert result.exit_code == 0, result.output
    assert opened == ["sft+rag"]
    shown = result.output
    assert shown.startswith("It is port [7411].\n")
    assert 'supported by: "The server listens on port 7411 unless told otherwise."\n    guide.md:1-9' in shown
    assert "1. guide.md:1-9  Guide › Part 0" in shown
    assert "2. guide.md:11-19  Guide › Part 1" in shown


def test_of_a_small_model_the_passages_words_are_the_answer_beside_the_best_passage(
    opened: list[str], says: dict[str, Says]
) -> None:
    says["sft+rag"].reader = Sized(4_000_000)
    shown = CliRunner().invoke(app, ["ask", "demo", "Which port does the server listen on?"]).output
    assert shown.startswith('The documentation says: "The server listens on port 7411 unless told otherwise."\n')
    assert "(the model's own words: It is port [7411].)" in shown
    assert f"best passage: guide.md:1-9  Guide › Part 0\n{GUIDE[0]}" in shown
    assert "lab:reader, " in shown
    assert "writes sentences poorly" in shown


def test_where_no_passage_says_the_answer_the_documentations_own_sentence_stands(opened: list[str]) -> None:
    shown = (
        CliRunner().invoke(app, ["ask", "demo", "Which port does the server listen on?", "--arm", "base+rag"]).output
    )
    assert shown.startswith('The documentation says: "The server listens on port 7411 unless told otherwise."\n')
    assert "(the model's own words: It is purple.)" in shown
    assert "guide.md:1-9  Guide › Part 0" in shown
    assert "supported by" not in shown


def test_a_question_about_something_else_is_refused_without_asking_the_model(opened: list[str]) -> None:
    shown = CliRunner().invoke(app, ["ask", "demo", "How do I bake sourdough bread?"]).output
    assert shown.startswith(ABSTAIN)
    assert "7411." not in shown
    assert "nearest, and not about it:\n1. guide.md:1-9" in shown


def test_an_arm_by_name_without_sources(opened: list[str]) -> None:
    result = CliRunner().invoke(app, ["ask", "demo", "Which port does the server listen on?", "--arm", "sft"])
    assert opened == ["sft"]
    assert "read:" not in result.output


def test_an_abstention_says_what_was_read_and_long_lists_are_cut(opened: list[str]) -> None:
    result = CliRunner().invoke(app, ["ask", "demo", "Which port?", "--arm", "base+corpus"])
    assert "not found there" in result.output
    assert "and 2 more" in result.output


def test_a_conversation_goes_on_is_begun_anew_and_ends(opened: list[str], says: dict[str, Says]) -> None:
    typed = ["Which port does the server listen on?", "And which log of which request?", "How do I bake bread?", "/new"]
    typed += ["Which port?", "", "Which server is never asked?"]
    result = CliRunner().invoke(app, ["chat", "demo"], input="\n".join(typed))
    assert result.exit_code == 0, result.output
    assert opened == ["sft+rag"]  # opened once
    assert says["sft+rag"].history == [0, 2, 4, 0]
    assert result.output.count("It is port [7411].") == 3
    assert result.output.count(ABSTAIN) == 1


def test_a_conversation_remembers_what_was_told_and_not_what_no_passage_says(
    opened: list[str], says: dict[str, Says]
) -> None:
    typed = ["Which port does the server listen on?", "Which port does it listen on by night?", ""]
    result = CliRunner().invoke(app, ["chat", "demo", "--arm", "base+rag"], input="\n".join(typed))
    assert "It is purple.\n(no passage supports these words)\nThe documentation says:" in result.output
    assert says["base+rag"].heard == [typed[0], "The server listens on port 7411 unless told otherwise."]


def test_stopping_an_answer_ends_no_conversation(opened: list[str], says: dict[str, Says]) -> None:
    says["sft+rag"].text = "It is~CTRL-C~ port 7411"
    typed = ["Which port does the server listen on?", "Which port does the server listen on?", ""]
    result = CliRunner().invoke(app, ["chat", "demo"], input="\n".join(typed))
    assert result.exit_code == 0, result.output
    assert result.output.count("(stopped)") == 2
    assert says["sft+rag"].history == [0, 0]  # what was stopped was not said
