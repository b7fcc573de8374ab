"""The gate, the history and the way back; the watch runs when something changed, and only then."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from understudy import api, served
from understudy.cli.served import seconds
from understudy.errors import InputError, Interrupted, StageError, StoreError, UsageError
from understudy.types import ItemResult, MCQItem


@dataclass
class Runs:
    """Runs whose answers are planted: label → right answers of 200 questions."""

    right: dict[str, int]

    def sides(self, named: Any, store: Path, same_options: bool) -> Any:
        from understudy.benchmark.across_runs import _side
        from understudy.evaluation.interchange.samples import Samples

        label, _, arm = str(named).partition(":")
        items = [MCQItem(f"{i}", f"Question {i}?", ("a", "b"), 0, doc_id=f"{i % 40}.md") for i in range(200)]
        rows = [
            ItemResult(arm, f"{i}", f"{i % 40}.md", 0, 0, float((i * 37) % 200 < self.right[label])) for i in range(200)
        ]
        return [_side(label, Samples(arm, items, rows))]


@dataclass
class Opened:
    label: str
    name: str = "keel"
    best_arm: str = "sft"

    def artifact(self, stage: str) -> None:
        """It has one."""


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    found = Runs({"keel@1": 150, "keel@2": 60, "keel@3": 151, "keel@4": 180})
    monkeypatch.setattr(api, "_sides", found.sides)
    monkeypatch.setattr(api, "open_run", lambda label, store: Opened(label))
    return found


def test_a_worse_run_is_refused_and_the_rest_are_kept_in_order(runs: Runs, tmp_path: Path) -> None:
    assert served.promote("keel@1", tmp_path).promoted
    refused = served.promote("keel@2", tmp_path)
    assert (refused.promoted, refused.served) == (False, "keel@1")
    assert "worse" in refused.why
    assert "cannot be told apart" in served.promote("keel@3", tmp_path).why
    assert served.promote("keel@4", tmp_path).promoted
    assert [e["run"] for e in served.history(tmp_path, "keel")] == ["keel@1", "keel@3", "keel@4"]


def test_a_bare_name_is_served_by_the_run_that_was_promoted(runs: Runs, tmp_path: Path) -> None:
    assert served.chosen(tmp_path, "keel") == "keel"
    served.promote("keel@1", tmp_path)
    assert served.chosen(tmp_path, "keel") == "keel@1"
    assert served.chosen(tmp_path, "keel@4") == "keel@4"
    assert served.chosen(tmp_path, "other") == "other"
    assert served.promote("keel@2", tmp_path, force=True).promoted
    assert served.served(tmp_path, "keel") == "keel@2"


def test_going_back_goes_further_back_each_time(runs: Runs, tmp_path: Path) -> None:
    for label in ("keel@1", "keel@3", "keel@4"):
        served.promote(label, tmp_path)
    assert served.roll_back("keel", tmp_path).served == "keel@3"
    assert served.roll_back("keel", tmp_path).served == "keel@1"
    with pytest.raises(InputError, match="none before it"):
        served.roll_back("keel", tmp_path)
    served.promote("keel@4", tmp_path)
    assert served.roll_back("keel", tmp_path).served == "keel@1"


def test_a_damaged_history_is_named(tmp_path: Path) -> None:
    (tmp_path / served.FILE).write_text('{"keel": [{}]}', encoding="utf-8")
    with pytest.raises(StoreError, match=r"served\.json: damaged"):
        served.served(tmp_path, "keel")


@dataclass
class Line:
    key: str

    class step:
        name = "sft"


@dataclass
class Plan:
    lines: tuple[Line, ...]
    to_do: tuple[Line, ...]
    usd: float = 0.0
    unpriced: tuple[str, ...] = ()


class Stop(Exception):
    """The test has seen enough."""


def test_the_watch_runs_what_changed_and_does_not_repeat_what_failed(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = iter(["a", "a", "b", "b", "b", "c"])  # the key of the folder at each look
    done: list[str] = []
    now = ""

    def plan(*_: Any, **__: Any) -> Plan:
        nonlocal now
        now = next(looks, "")
        if not now:
            raise Stop
        line = Line(now)
        return Plan((line,), () if now in done else (line,))

    tried: list[str] = []

    def run(*_: Any, **__: Any) -> Opened:
        tried.append(now)
        if now == "b":
            raise StageError("no memory")
        done.append(now)
        return Opened("keel@1" if now == "a" else "keel@2")

    monkeypatch.setattr(api, "plan", plan)
    monkeypatch.setattr(api, "run", run)
    told: list[str] = []
    with pytest.raises(Stop):
        served.watch(tmp_path / "r.yaml", tmp_path, say=told.append, wait=lambda _: None)
    assert tried == ["a", "b", "c"]
    assert served.served(tmp_path, "keel") == "keel@1"  # c was worse
    assert any("no memory" in t for t in told)
    monkeypatch.setattr(api, "plan", lambda *_, **__: Plan((), (), usd=2.0))
    with pytest.raises(UsageError, match="costs money"):
        served.watch(tmp_path / "r.yaml", tmp_path, once=True)
    monkeypatch.setattr(api, "plan", lambda *_, **__: Plan((), ()))
    assert served.watch(tmp_path / "r.yaml", tmp_path, once=True) is None


def test_the_watch_goes_on_where_it_cannot_look_and_ends_at_ctrl_c(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends: list[BaseException | None] = [None, InputError("the folder is away"), OSError(28, "full"), None]

    def plan(*_: Any, **__: Any) -> Plan:
        if (end := ends.pop(0)) is not None:
            raise end
        return Plan((Line("a"),), () if ends else (Line("a"),))

    def run(*_: Any, **__: Any) -> None:
        raise Interrupted("stopped")

    monkeypatch.setattr(api, "plan", plan)
    monkeypatch.setattr(api, "run", run)
    told: list[str] = []
    with pytest.raises(Interrupted):
        served.watch(tmp_path / "r.yaml", tmp_path, say=told.append, wait=lambda _: None)
    assert "the folder is away" in told[0]
    assert "no space left" in told[1]
    ends[:] = [InputError("no such recipe")]
    with pytest.raises(InputError):  # a mistake is said at once
        served.watch(tmp_path / "r.yaml", tmp_path, wait=lambda _: None)


@pytest.mark.parametrize(("text", "value"), [("30s", 30), ("10m", 600), ("2h", 7200), ("1.5d", 129600)])
def test_spans(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "10", "0s", "m", "-1m", "366d", "9" * 400 + "d"])
def test_what_is_no_span(text: str) -> None:
    with pytest.raises(UsageError, match="--every"):
        seconds(text)
