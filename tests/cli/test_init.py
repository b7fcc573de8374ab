"""What the project writes or ships as a recipe: every option that stands there as a comment can be taken."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from understudy.cli.main import app
from understudy.recipe import parse
from understudy.study.config import load as load_study

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
# A comment that begins like a key is an option; prose begins otherwise.
OPTION = re.compile(r"(?P<indent> *)# (?P<key>[a-z_]+): \S")
SETTING = re.compile(r"--set (\S+=\S+)")


def taken(text: str, number: int) -> str:
    """The recipe with the option of line `number` in force, in place of the same key beside it."""
    lines = text.split("\n")
    found = OPTION.match(lines[number])
    assert found
    indent, key = found["indent"], found["key"]
    lines[number] = lines[number].replace("# ", "", 1)
    own = re.compile(rf"{indent}{key}:")
    for step in (-1, 1):
        at = number + step
        while 0 <= at < len(lines) and (lines[at].startswith(indent) or not lines[at].strip()):
            if own.match(lines[at]):
                assert not lines[at + 1].startswith(indent + " ") or lines[at + 1].lstrip().startswith("#"), key
                del lines[at]
                return "\n".join(lines)
            at += step
    return "\n".join(lines)


def options(text: str) -> list[int]:
    return [number for number, line in enumerate(text.split("\n")) if OPTION.match(line)]


@pytest.fixture
def written(tmp_path: Path, docs_folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What `understudy init` writes, in a folder with the files that its options name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pairs.csv").write_text("question,answer\nWhich port?,7411\n", encoding="utf-8")
    header = "question,a,b,c,d,correct\n"
    (tmp_path / "questions.csv").write_text(header + "Which port?,7411,32,14,256,a\n", encoding="utf-8")
    assert CliRunner().invoke(app, ["init", str(docs_folder)]).exit_code == 0
    return Path("recipe.yaml").read_text(encoding="utf-8")


def test_every_option_that_init_writes_can_be_planned(written: str) -> None:
    found = options(written)
    keys = {line.split("# ")[1].split(":")[0] for line in written.split("\n") if OPTION.match(line)}
    assert {"base_model", "include", "exclude", "teacher", "remote", "pairs", "questions"} <= keys
    for number in found:
        Path("taken.yaml").write_text(taken(written, number), encoding="utf-8")
        assert taken(written, number) != written
        planned = CliRunner().invoke(app, ["plan", "taken.yaml"])
        assert planned.exit_code == 0, (written.split("\n")[number], planned.output, planned.exception)


def test_all_options_that_init_writes_go_together(written: str) -> None:
    text = written
    while numbers := options(text):
        text = taken(text, numbers[-1])
    recipe = parse(text)
    assert recipe.generate is not None
    assert recipe.generate.teacher == "openai:gpt-4o"
    assert recipe.generate.remote.max_usd == 5.0
    assert recipe.benchmark is not None
    assert recipe.benchmark.questions == "questions.csv"


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.yaml")), ids=lambda p: p.name)
def test_every_option_of_a_shipped_recipe_is_valid(path: Path, tmp_path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for number in options(text):
        if path.name == "lab-study.yaml":
            (tmp_path / "taken.yaml").write_text(taken(text, number), encoding="utf-8")
            assert load_study(tmp_path / "taken.yaml")
        else:
            assert parse(taken(text, number), where=path.name)


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.yaml")), ids=lambda p: p.name)
def test_every_setting_that_a_shipped_recipe_proposes_is_valid(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for line in text.split("\n"):
        proposed = SETTING.findall(line)
        if line.lstrip().startswith("#") and proposed:
            assert parse(text, proposed, where=path.name)


def test_an_option_is_taken_in_place_of_what_stands() -> None:
    text = "docs:\n  path: a\n  # path: b   # other\nindex: {}\n# name: y\nname: x\n"
    assert taken(text, 2) == "docs:\n  path: b   # other\nindex: {}\n# name: y\nname: x\n"
    assert taken(text, 4) == "docs:\n  path: a\n  # path: b   # other\nindex: {}\nname: y\n"
    assert options(text) == [2, 4]
