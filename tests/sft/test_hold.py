"""Replay that holds the model: the divergence against float64, the loss of a mixed batch, and what it keeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from understudy.artifact import read_records
from understudy.errors import UnderstudyError
from understudy.models.chat import IGNORED
from understudy.models.load import load_model, load_tokenizer
from understudy.sft import stage
from understudy.sft.batches import load_rows, save_rows
from understudy.sft.config import MixConfig, ReplayConfig, SftConfig
from understudy.sft.hold import divergence
from understudy.sft.job import TRAIN, Job
from understudy.sft.replay import replay_rows
from understudy.sft.rows import Row
from understudy.sft.train import train
from understudy.stage import Inputs, RunContext
from understudy.suite import practice

Context = Callable[..., RunContext]
CLOSED = MixConfig(closed_book=1, context=0, multiple_choice=0, short=0)
SETTINGS: dict[str, Any] = {
    "method": "full",
    "mix": CLOSED,
    "epochs": 1,
    "batch_size": 8,
    "learning_rate": 1e-3,
    "dev_rows": 0,
}


def test_divergence_against_float64() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 5, 40)) * 3
    p, q = (np.exp(x) / np.exp(x).sum(-1, keepdims=True) for x in (a, b))
    expected = (p * np.log(p / q)).sum(-1)
    found = divergence(torch.tensor(a, dtype=torch.float32), torch.tensor(b, dtype=torch.float32))
    assert found.numpy() == pytest.approx(expected, rel=1e-5)
    assert divergence(torch.tensor(a), torch.tensor(a)).abs().max() < 1e-6


def _log(run: RunContext) -> list[dict[str, Any]]:
    return [line for line in read_records(run.out / "log.jsonl", dict) if line["step"] > 0]


def test_what_is_held_is_the_divergence_at_each_answer_token(
    inputs: Inputs, context: Context, tiny_model: Path
) -> None:
    """The second step's figure, against float64 with the weights that one step of the same training gives."""
    settings = {**SETTINGS, "batch_size": 64, "bf16": False, "lr_scheduler_type": "constant", "warmup_ratio": 0}
    replay = ReplayConfig(share=0.25, max_tokens=4)
    one, two = context("one"), context("two")
    stage.run(SftConfig(**{**settings, "epochs": 1}, replay=replay), inputs, one)
    stage.run(SftConfig(**{**settings, "epochs": 2}, replay=replay), inputs, two)
    before = load_model(tiny_model, device=torch.device("cpu"), dtype=torch.float64)
    after = load_model(one.out / "model", device=torch.device("cpu"), dtype=torch.float64)
    found = []
    for row in load_rows(two.work / "job" / TRAIN)[64:]:
        if row.held:
            ids = torch.tensor([row.ids])
            with torch.no_grad():
                p, q = (m(input_ids=ids).logits[0, row.read - 1 : -1].softmax(-1) for m in (before, after))
            found.append((p * (p / q).log()).sum(-1))
    assert len(found) == 16
    assert _log(two)[1]["replay_kl"] == pytest.approx(float(torch.cat(found).mean()), rel=0.02)


def test_a_held_row_without_a_reply_holds_nothing(inputs: Inputs, context: Context) -> None:
    run = context()
    config = SftConfig(**{**SETTINGS, "batch_size": 64, "devices": 0}, replay=ReplayConfig(share=0.25, max_tokens=4))
    with pytest.raises(UnderstudyError, match="accelerate launch"):
        stage.run(config, inputs, run)
    job = Job.load(run.work / "job")
    rows = load_rows(job.folder / TRAIN)
    save_rows([replace(r, read=len(r.ids)) if r.held else r for r in rows], job.folder / TRAIN)
    train(job, lambda *_: None)
    assert [line["replay_kl"] for line in read_records(job.folder / "log.jsonl", dict) if line["step"]] == [0]


def test_the_first_loss_is_that_of_the_taught_rows_over_all_answer_tokens(
    inputs: Inputs, context: Context, tiny_model: Path
) -> None:
    """Before the first update nothing has moved: held rows add their answers to the divisor, and no loss."""
    run = context()
    settings = {**SETTINGS, "epochs": 2, "batch_size": 64}  # an epoch is one batch
    stage.run(SftConfig(**settings, replay=ReplayConfig(share=0.25, max_tokens=4)), inputs, run)
    rows = load_rows(run.work / "job" / TRAIN)
    batch = rows[:64]
    assert sum(r.held for r in batch) == 16
    model = load_model(tiny_model, device=torch.device("cpu"), dtype=torch.float64)
    lost, answers = 0.0, 0
    for row in batch:
        labels = torch.tensor(row.labels[1:])
        answers += int((labels != IGNORED).sum())
        if not row.held:
            with torch.no_grad():
                logits = model(input_ids=torch.tensor([row.ids])).logits[0, :-1]
            lost += float(torch.nn.functional.cross_entropy(logits, labels, ignore_index=IGNORED, reduction="sum"))
    first, second = _log(run)[:2]
    assert first["loss"] == pytest.approx(lost / answers, rel=2e-3)
    assert first["replay_kl"] == pytest.approx(0, abs=1e-4)
    assert second["replay_kl"] > 0


def test_held_rows_keep_the_model_nearer_to_what_it_was(inputs: Inputs, context: Context, tiny_model: Path) -> None:
    settings = {**SETTINGS, "epochs": 6, "learning_rate": 5e-3, "early_stopping_patience": None}

    def kl(share: float) -> float:
        run = context(f"{share}")
        replay = ReplayConfig(share=share, max_tokens=4) if share else ReplayConfig(source="off")
        stage.run(SftConfig(**settings, replay=replay), inputs, run)
        before, after = (load_model(f, device=torch.device("cpu")) for f in (tiny_model, run.out / "model"))
        found = load_tokenizer(tiny_model)(["Explain bread to a child.", "What is 17 plus 26?"], padding=True)
        given = {name: torch.tensor(found[name]) for name in ("input_ids", "attention_mask")}
        with torch.no_grad():
            return float(divergence(before(**given).logits, after(**given).logits).mean())

    assert kl(0.4) < 0.7 * kl(0.0)


def test_an_adapter_is_held_to_its_base(inputs: Inputs, context: Context) -> None:
    run = context()
    settings = {**SETTINGS, "method": "lora", "batch_size": 64, "epochs": 4, "learning_rate": 3e-2}
    stage.run(SftConfig(**settings, replay=ReplayConfig(share=0.25, max_tokens=4)), inputs, run)
    kl = [line["replay_kl"] for line in _log(run)]
    assert kl[0] == pytest.approx(0, abs=1e-5)
    assert kl[1] > 10 * abs(kl[0])
    assert kl[2] > kl[1]


def test_rows_are_held_or_taught_whoever_replies(tmp_path: Path) -> None:
    file = tmp_path / "general.jsonl"
    file.write_text('{"prompt": "Hi", "completion": "Hello"}\n{"prompt": "Who?"}\n', encoding="utf-8")

    class Echo:
        def generate(self, conversations: Any, *, max_tokens: int) -> list[Any]:
            from understudy.types import Completion

            return [Completion("me") for _ in conversations]

    def rows(loss: Any) -> list[Row]:
        config = ReplayConfig(source=str(file), loss=loss)
        return replay_rows(config, 2, seed=0, work=tmp_path, open_language_model=Echo, progress=lambda *_: None)  # type: ignore[arg-type]

    assert [(r.answer, r.held) for r in rows("kl")] == [("Hello", True), ("me", True)]
    assert [(r.answer, r.held) for r in rows("answer")] == [("Hello", False), ("me", False)]


def test_practice_of_the_bundled_models_needs_no_reader_and_names_what_is_wrong(tmp_path: Path) -> None:
    config = ReplayConfig(source="lab:practice")

    rows = replay_rows(
        config, 9, seed=3, work=tmp_path, open_language_model=lambda: pytest.fail("nothing is to be answered"),
        progress=lambda *_: None,
    )  # fmt: skip
    assert [(r.messages[0].content, r.answer) for r in rows] == practice(9, 3)
    with pytest.raises(ValidationError, match="'lab:practise' is no source of prompts; write lab:practice"):
        ReplayConfig(source="lab:practise")
