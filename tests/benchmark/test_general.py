"""Forgetting: general skills before and after, and how far the model has moved."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from understudy.artifact import write_records
from understudy.errors import MissingExtraError
from understudy.evaluation.probe import PROBE
from understudy.models.divergence import mean_kl, next_token_logprobs


def suite(planted: ModuleType, n: int) -> list[Any]:
    items = planted.world(n, 10, seed=4).items
    return [
        replace(i, item_id=f"g-{i.item_id}", doc_id="", kind="arithmetic" if k % 2 else "reading")
        for k, i in enumerate(items)
    ]


@pytest.mark.parametrize(("share", "verdict"), [(1.0, "kept"), (0.5, "lost")])
def test_losses_are_seen(planted: ModuleType, tmp_path: Path, share: float, verdict: str) -> None:
    w, general = planted.world(6, 4), suite(planted, 40)
    readers = {
        "base": planted.PlantedReader(planted.knows(general, 1.0)),
        "sft": planted.PlantedReader(planted.knows(general, share)),
    }
    summary = planted.Bench(tmp_path, w, readers, suite=general).run(general=("suite",), normalise="raw", margin=2.0)
    assert summary.general
    tasks = {t.name: t for t in summary.general.tasks}
    assert set(tasks) == {"reading", "arithmetic", "all"}
    assert tasks["all"].verdict == verdict
    assert tasks["all"].acc_before.n == 400
    assert tasks["all"].difference.value == pytest.approx(
        (tasks["all"].acc_after.value or 0) - (tasks["all"].acc_before.value or 0)
    )
    assert summary.general.kl == {}  # planted readers show no distribution


def test_own_items_and_a_missing_suite(planted: ModuleType, tmp_path: Path) -> None:
    w = planted.world(6, 4)
    readers = {name: planted.PlantedReader(planted.reads()) for name in ("base", "sft")}
    write_records(tmp_path / "logic.jsonl", suite(planted, 3))
    summary = planted.Bench(tmp_path / "a", w, readers).run(general=(str(tmp_path / "logic.jsonl"),))
    assert summary.general
    assert [t.name for t in summary.general.tasks] == ["logic"]
    assert summary.general.tasks[0].verdict == "inconclusive"  # thirty questions without a single change
    alone = planted.Bench(tmp_path / "c", w, {"base": readers["base"]}, suite=suite(planted, 3))
    assert alone.run(general=("suite",)).general.note.startswith("only one model")


def test_engines_that_cannot_be_measured_are_named(planted: ModuleType, tmp_path: Path) -> None:
    w = planted.world(6, 4)
    readers = {name: planted.PlantedReader(planted.reads()) for name in ("base", "openai:m@http://host/v1")}
    general = planted.Bench(tmp_path, w, readers).run(general=("lm_eval:arc_easy",)).general
    assert general
    assert general.tasks == ()
    assert "openai:m@http://host/v1 was left out: benchmark.general: lm_eval:arc_easy needs a model" in general.note


def test_divergence_equals_a_direct_computation(tiny_model: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    base = next_token_logprobs(model, tokenizer, PROBE)
    assert mean_kl(base, base) == 0.0
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.2 * torch.randn(p.shape, generator=torch.Generator().manual_seed(1)))
    other = next_token_logprobs(model, tokenizer, PROBE)
    p, q = base.double(), other.double()
    expected = float((p.exp() * (p - q)).sum(-1).mean())
    assert expected > 0.05
    assert mean_kl(base, other) == pytest.approx(expected, rel=2e-3)
    assert mean_kl(base, other[:, :-1]) is None


def test_lm_eval_missing_is_explained(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from understudy.benchmark.lm_eval_tasks import run_task

    empty = tmp_path / "python"
    empty.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    empty.chmod(0o755)
    monkeypatch.setenv("UNDERSTUDY_LM_EVAL_PYTHON", str(empty))

    class LanguageModel:
        model = AutoModelForCausalLM.from_pretrained(tiny_model)
        tokenizer = AutoTokenizer.from_pretrained(tiny_model)
        name = "tiny"

    with pytest.raises(MissingExtraError, match="pip install lm_eval"):
        run_task("arc_easy", LanguageModel(), tmp_path / "work")
    assert os.environ["UNDERSTUDY_LM_EVAL_PYTHON"] == str(empty)
