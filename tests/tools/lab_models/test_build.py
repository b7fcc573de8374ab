"""`python -m tools.lab_models`: the errors, and a model made from packages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tools.lab_models.__main__ import app
from tools.lab_models.build import build
from tools.lab_models.corpus import TRAIN
from understudy.errors import InputError, UsageError

runner = CliRunner()


def test_build_of_an_unknown_model_is_the_users_error(tmp_path: Path) -> None:
    result = runner.invoke(app, ["writer", "--packages", str(tmp_path)])
    assert isinstance(result.exception, UsageError)
    assert "reader" in str(result.exception)


def test_build_without_packages_says_how_to_get_them(tmp_path: Path) -> None:
    result = runner.invoke(app, ["reader", "--packages", str(tmp_path), "--work", str(tmp_path / "w")])
    assert isinstance(result.exception, InputError)
    assert "dpkg-deb -x" in str(result.exception)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_build_makes_a_model_from_packages_and_resumes(tmp_path: Path) -> None:
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
