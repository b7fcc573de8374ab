"""`understudy lab`: list, show, world."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from understudy.cli.lab import app
from understudy.errors import UnderstudyError

runner = CliRunner()


def test_list_names_each_model_with_its_size() -> None:
    result = runner.invoke(app, ["list"])
    assert result.exit_code == 0
    assert "lab:reader" in result.output
    assert "MB" in result.output


def test_show_prints_the_card() -> None:
    result = runner.invoke(app, ["show", "reader"])
    assert result.exit_code == 0
    assert "# lab:reader" in result.output


def test_show_of_an_unknown_model_names_the_known() -> None:
    result = runner.invoke(app, ["show", "raeder"])
    assert isinstance(result.exception, UnderstudyError)
    assert "reader" in str(result.exception)


def test_world_writes_the_manual_and_its_truth(tmp_path: Path) -> None:
    truth = tmp_path / "facts.jsonl"
    arguments = ["world", str(tmp_path / "docs"), "--seed", "5", "--pages", "2", "--truth", str(truth)]
    assert runner.invoke(app, arguments).exit_code == 0
    pages = {p.name: p.read_text(encoding="utf-8") for p in (tmp_path / "docs").glob("*.md")}
    assert len(pages) == 3
    for line in truth.read_text(encoding="utf-8").splitlines():
        fact = json.loads(line)
        assert pages[fact["doc_id"]][fact["start"] : fact["end"]] == fact["sentence"]
