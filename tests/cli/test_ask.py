"""`understudy ask` prints the answer and its sources."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
import typer
from typer.testing import CliRunner

from understudy import answerers, api
from understudy.artifact import Artifact
from understudy.benchmark.summary import ArmSummary, Provenance, Summary
from understudy.cli.ask import ask
from understudy.evaluation.records import Interval
from understudy.pipeline import OpenedRun, RunRecord
from understudy.prompts import ABSTAIN
from understudy.types import Answer, Arm, Citation

app = typer.Typer()
app.command()(ask)


@dataclass
class Says:
    text: str
    citations: tuple[Citation, ...] = ()

    def answer(self, question: str, history: object = ()) -> Answer:
        return Answer(self.text, self.citations)


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


@pytest.mark.parametrize(
    ("stages", "name"),
    [((), "base"), (("sft",), "sft"), (("index",), "base+rag"), (("index", "sft"), "sft+rag")],
)
def test_without_a_benchmark_the_stages_decide(tmp_path: Path, stages: tuple[str, ...], name: str) -> None:
    assert demo({s: Artifact(tmp_path, {}) for s in stages}).best_arm == name


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """A run whose arms answer without a model; the list collects the arms opened."""
    arms: list[str] = []
    cited = tuple(Citation(f"c{i}", "guide.md", f"Guide › Part {i}", 10 * i + 1, 10 * i + 9, 1.0) for i in range(12))
    says = {
        "sft+rag": Says("Port [7411].", cited[:2]),
        "sft": Says("7411"),
        "base+corpus": Says(ABSTAIN, cited),
    }

    def open_arm(self: answerers.Answerers, arm: Arm) -> Says:
        assert self.model == "lab:reader"
        arms.append(arm.name)
        return says[arm.name]

    stages = {s: Artifact(tmp_path, {}) for s in ("index", "sft")}
    monkeypatch.setattr(api, "open_run", lambda name, **_: demo(stages))
    monkeypatch.setattr(answerers.Answerers, "open", open_arm)
    return arms


def test_an_answer_and_its_places(opened: list[str]) -> None:
    result = CliRunner().invoke(app, ["demo", "Which port?"])
    assert result.exit_code == 0, result.output
    assert opened == ["sft+rag"]
    assert "Port [7411]." in result.output
    assert "1. guide.md:1-9  Guide › Part 0" in result.output
    assert "2. guide.md:11-19  Guide › Part 1" in result.output


def test_an_arm_by_name_without_sources(opened: list[str]) -> None:
    result = CliRunner().invoke(app, ["demo", "Which port?", "--arm", "sft"])
    assert opened == ["sft"]
    assert "sources" not in result.output


def test_an_abstention_says_what_was_read_and_long_lists_are_cut(opened: list[str]) -> None:
    result = CliRunner().invoke(app, ["demo", "Which port?", "--arm", "base+corpus"])
    assert "not found there" in result.output
    assert "and 2 more" in result.output
