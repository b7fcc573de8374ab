"""docs/settings.md says what the code takes: each setting described once, and the page is current."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, Field

from tools import settings_page
from understudy.recipe import Recipe
from understudy.study.config import StudyConfig

FOUND = Path(__file__).resolve().parents[2] / "docs" / "settings.md"


def test_the_page_is_current() -> None:
    assert FOUND.read_text(encoding="utf-8") == settings_page.page(), "run `python -m tools.settings_page`"


def classes(model: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[type[BaseModel]]:
    if model not in seen:
        seen.add(model)
        yield model
        for field in model.model_fields.values():
            for inner in settings_page._models(field.annotation):
                yield from classes(inner, seen)


@pytest.mark.parametrize("root", [Recipe, StudyConfig])
def test_every_setting_is_described(root: type[BaseModel]) -> None:
    found = list(classes(root, set()))
    bare = [
        f"{model.__name__}.{name}" for model in found for name, f in model.model_fields.items() if not f.description
    ]
    assert not bare
    assert len(found) > 2


class _Inner(BaseModel):
    depth: int = Field(default=2, ge=1, description="How deep.")


class _Outer(BaseModel):
    kind: Literal["a", "b"] = Field(default="a", description="a | b")
    rows: list[_Inner] | None = Field(default=None, description="rows")
    given: float = Field(gt=0.5, lt=2000, description="given")
    inner: _Inner = Field(default=_Inner(), description="inside")


def test_a_table_says_default_limits_and_nested_names() -> None:
    text = settings_page._section("x", _Outer, "x.", _Outer.model_fields, "what it is")
    assert text.splitlines() == [
        "## x",
        "",
        "What it is.",
        "",
        "| setting | default | takes | |",
        "|---|---|---|---|",
        '| `x.kind` | `"a"` | `a`, `b` | a \\| b |',
        "| `x.rows` | `null` | list of: section or null | rows |",
        "| `x.rows[].depth` | `2` | whole number, ≥ 1 | How deep |",
        "| `x.given` | – | number, > 0.5, < 2,000 | given |",
        "| `x.inner` |  | section | inside |",
        "| `x.inner.depth` | `2` | whole number, ≥ 1 | How deep |",
    ]
