"""`understudy lab`: list, show, world, and the errors of build."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from understudy.cli.lab import app
from understudy.errors import InputError, UnderstudyError, UsageError

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


def test_build_of_an_unknown_model_is_the_users_error(tmp_path: Path) -> None:
    result = runner.invoke(app, ["build", "writer", "--packages", str(tmp_path)])
    assert isinstance(result.exception, UsageError)
    assert "reader" in str(result.exception)


def test_build_without_packages_says_how_to_get_them(tmp_path: Path) -> None:
    result = runner.invoke(app, ["build", "reader", "--packages", str(tmp_path), "--work", str(tmp_path / "w")])
    assert isinstance(result.exception, InputError)
    assert "dpkg-deb -x" in str(result.exception)


@pytest.mark.slow
def test_build_makes_a_model_from_packages_and_resumes(tmp_path: Path) -> None:
    from understudy.lab.build import build
    from understudy.lab.corpus import TRAIN

    sentence = (
        "The cache of module {i} is a store of pages. It keeps {n} pages by default, and the limit is set to {n}.\n"
    )
    for name in TRAIN:
        folder = tmp_path / "packages" / name
        folder.mkdir(parents=True)
        text = "".join(sentence.format(i=i, n=i * 7) for i in range(400))
        (folder / "page.txt").write_text(text, encoding="utf-8")
    work = tmp_path / "work"
    first = build("reader", tmp_path / "packages", work, total_tokens=9_000, batch_tokens=1024)
    assert (first / "model.safetensors").exists()
    state = json.loads((work / "reader" / "state.json").read_text(encoding="utf-8"))
    build("reader", tmp_path / "packages", work, total_tokens=18_000, batch_tokens=1024)
    later = json.loads((work / "reader" / "state.json").read_text(encoding="utf-8"))
    assert later["step"] > state["step"]
    assert "four options" in (first / "README.md").read_text(encoding="utf-8")
