"""A run whose benchmark would have nothing to ask ends before its training."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import GUIDE
from understudy import api
from understudy.errors import InputError

RECIPE = """
name: short
base_model: lab:reader
docs: {path: DOCS}
generate: {}
sft: {epochs: 1}
benchmark: {arms: [base, sft]}
"""


def test_documents_without_a_question_end_the_run_before_the_training(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text(GUIDE, encoding="utf-8")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE.replace("DOCS", str(tmp_path / "docs")), encoding="utf-8")
    store = tmp_path / "store"
    with pytest.raises(InputError, match=r"no exam question .* benchmark\.questions"):
        api.run(recipe, store=store)
    assert list((store / "store" / "generate").iterdir())
    assert not (store / "store" / "sft").exists()
