"""The study file: what is read, and how a mistake is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from understudy.cli.main import app
from understudy.errors import InputError, RecipeError
from understudy.study.config import load
from understudy.study.study import check

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "recipes" / "lab-study.yaml"


def changed(tmp_path: Path, **changes: Any) -> Path:
    """The shipped study with changes; None removes a key."""
    values = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    for key, value in changes.items():
        if value is None:
            del values[key]
        else:
            values[key] = value
    file = tmp_path / "study.yaml"
    file.write_text(yaml.safe_dump(values), encoding="utf-8")
    return file


def test_the_shipped_study_is_valid_and_its_parts_are_recipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    config = load(SHIPPED)
    assert config.seeds >= 5
    check(config, tmp_path / "out")


def test_a_study_without_seeds_says_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"seeds: is missing.*seeds: 5"):
        load(changed(tmp_path, seeds=None))
    assert load(changed(tmp_path, seeds=None), seeds=3).seeds == 3


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"goes_on": "slurp"}, "Did you mean 'slerp'"),
        ({"specialists": {"lab:math": "sums", "lab:code": "code"}}, "sums.*arithmetic"),
        ({"teach": {"naive": {}}}, "default"),
        ({"sead": 1}, "no such key"),
        ({"seeds": 1}, "seeds"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        load(changed(tmp_path, **changes))


def test_a_wrong_section_is_found_before_anything_runs(tmp_path: Path) -> None:
    config = load(changed(tmp_path, teach={"naive": {"epochs": 0}, "default": {}}))
    with pytest.raises(RecipeError, match=r"teach\.naive.*epochs"):
        check(config, tmp_path / "out")


def test_an_unknown_model_is_named(tmp_path: Path) -> None:
    config = load(changed(tmp_path, specialists={"lab:meth": "arithmetic", "lab:code": "code"}))
    with pytest.raises(InputError, match="Did you mean 'math'"):
        check(config, tmp_path / "out")


def test_an_out_folder_that_is_a_file_is_the_users_error(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("", encoding="utf-8")
    result = CliRunner().invoke(app, ["study", str(SHIPPED), "--out", str(tmp_path / "taken" / "study")])
    assert isinstance(result.exception, InputError)
    assert "--out" in str(result.exception)


def test_a_missing_study_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no such study"):
        load(tmp_path / "none.yaml")
