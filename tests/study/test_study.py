"""A whole study in the smallest size: every part runs, and the same command finds everything done."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from understudy.errors import UnderstudyError
from understudy.study import load
from understudy.study.run import run
from understudy.study.study import study

ROOT = Path(__file__).resolve().parents[2]


def test_seeds_in_processes_of_their_own_are_named_in_errors(tmp_path: Path) -> None:
    config = load(ROOT / "recipes" / "lab-study.yaml").model_copy(update={"base_model": "./nowhere"})
    with pytest.raises(UnderstudyError, match=r"^seed 1: .*nowhere"):
        run(config, tmp_path / "out", tmp_path / "store", jobs=2)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_study_runs_to_its_page_and_is_not_run_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    values = yaml.safe_load((ROOT / "recipes" / "lab-study.yaml").read_text(encoding="utf-8"))
    values |= {"name": "small", "seeds": 2, "manual": {"pages": 2, "facts_per_page": 15}, "suite_per_skill": 8}
    values |= {"preferences": {"pairs": 32}, "benchmark": {"max_items": 20}}
    for teach in values["teach"].values():
        teach |= {"epochs": 1, "sweep": {"enabled": True, "dev_items": 12, "general_items": 5, "lambdas": [0.6, 1.0]}}
    file = tmp_path / "study.yaml"
    file.write_text(yaml.safe_dump(values), encoding="utf-8")
    config, out, store = load(file), tmp_path / "out", tmp_path / "store"

    found = study(config, out, store)
    assert {claim.key for claim in found.claims} >= {"merge", "teach-naive", "teach-default", "forgetting", "recovery"}
    assert set(found.general) >= {"reader", "lab:math", "merge slerp", "aligned", "naive", "default"}
    made = sorted(store.glob("store/*/*/manifest.json"))
    times = [p.stat().st_mtime_ns for p in made]
    first = json.loads((out / "study.json").read_text(encoding="utf-8"))
    page = (out / "study.md").read_text(encoding="utf-8")
    assert all(claim.question in page for claim in found.claims)

    study(config, out, store, jobs=2)  # as they are, from processes of their own
    assert sorted(store.glob("store/*/*/manifest.json")) == made
    assert [p.stat().st_mtime_ns for p in made] == times
    assert json.loads((out / "study.json").read_text(encoding="utf-8")) == first
