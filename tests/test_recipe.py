"""Recipes: what is read, and how a mistake is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from understudy.errors import RecipeError
from understudy.recipe import load, parse

GOOD = """\
name: handbook
base_model: lab:reader
docs: {path: docs}
generate:
index:
sft: {r: 8}
benchmark: {arms: [base, sft]}
"""


def test_an_empty_section_takes_the_defaults_and_a_missing_one_is_skipped() -> None:
    recipe = parse(GOOD)
    assert recipe.index is not None
    assert recipe.chunk is not None
    assert recipe.chunk.chunk_size == 300
    assert recipe.merge is None
    assert recipe.sft is not None
    assert recipe.sft.r == 8


def test_settings_change_single_keys() -> None:
    recipe = parse(GOOD, ["sft.r=16", "chunk.chunk_size=200", "benchmark.arms=[base]", "seed=7"])
    assert recipe.sft is not None
    assert (recipe.sft.r, recipe.seed) == (16, 7)
    assert recipe.chunk is not None
    assert recipe.chunk.chunk_size == 200
    assert recipe.sft.lora_alpha == parse(GOOD).sft.lora_alpha  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nmae: x\nbase_model: m\n", "r.yaml:1: nmae: no such key. Did you mean 'name'?"),
        (GOOD + "chunk: {chunk_sise: 3}\n", "r.yaml:8: chunk.chunk_sise: no such key. Did you mean 'chunk_size'?"),
        (GOOD + "chunk: {chunk_size: many}\n", "r.yaml:8: chunk.chunk_size:"),
        ("base_model: m\n", "name: is missing"),
        ("name: x\n", "needs a base_model or a merge:"),
        ("name: x\nbase_model: m\nsft: {}\n", "sft: needs documentation; add `docs:"),
        ("name: x\nname: y\n", "line 2: name: stands twice"),
        ("name: [x\n", "r.yaml:2: not valid YAML"),
        ("- a\n", "a recipe is a mapping"),
        ("name: a/b\nbase_model: m\n", "r.yaml:1: name:"),
        (GOOD.replace("{r: 8}", "{method: lara}"), "r.yaml:6: sft.method: 'lara' is not one of"),
    ],
)
def test_a_mistake_names_file_line_key_and_the_next_step(text: str, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        parse(text, where="r.yaml")
    assert message in str(caught.value).splitlines()[0]


def test_every_mistake_is_told_at_once() -> None:
    with pytest.raises(RecipeError) as caught:
        parse(GOOD.replace("r: 8", "rr: 8") + "sede: 3\n", where="r.yaml")
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize("setting", ["sft.r", "=3", "sft..r=3", "name.x=3"])
def test_a_setting_that_cannot_be_applied_is_told(setting: str) -> None:
    with pytest.raises(RecipeError, match="--set"):
        parse(GOOD, [setting])


def test_a_missing_recipe_names_the_command_that_writes_one(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="understudy init"):
        load(tmp_path / "no.yaml")


@pytest.mark.parametrize(
    "path",
    sorted(p for p in (Path(__file__).resolve().parents[1] / "recipes").glob("*.yaml") if p.name != "lab-study.yaml"),
    ids=lambda p: p.name,
)
def test_every_bundled_recipe_is_valid(path: Path) -> None:
    assert load(path).name
