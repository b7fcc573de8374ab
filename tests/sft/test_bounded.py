"""Training in passes that fit: what a pass may hold, and the same training as in one pass."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedModel

from understudy.artifact import read_records
from understudy.models.head import only_at, vocabulary
from understudy.models.load import load_model
from understudy.sft import bounded, stage, train
from understudy.sft.config import ContrastConfig, MixConfig, ReplayConfig, SftConfig
from understudy.sft.reading import PASS_LOGITS, passes
from understudy.stage import Inputs, RunContext

Context = Callable[..., RunContext]


@given(
    st.lists(st.tuples(st.integers(1, 900), st.integers(0, 300)), min_size=1, max_size=40),
    st.integers(100, 200_000),
    st.integers(64, 2048),
)
def test_every_row_has_one_pass_and_no_pass_is_larger_than_allowed(
    rows: list[tuple[int, int]], words: int, tokens: int
) -> None:
    lengths, labels = [length for length, _ in rows], [min(label, length) for length, label in rows]
    found = passes(lengths, labels, words, tokens)
    assert sorted(i for part in found for i in part) == list(range(len(rows)))
    for part in found:
        if len(part) > 1:
            assert len(part) * max(lengths[i] for i in part) <= tokens
            assert sum(labels[i] for i in part) * words <= PASS_LOGITS


def test_short_rows_go_together_and_a_long_one_alone() -> None:
    assert passes([60, 700, 65, 70], [20, 40, 20, 20], 49_152, tokens=1024) == [[1], [3, 2, 0]]
    assert passes([60] * 4, [200] * 4, 49_152, tokens=1024) == [[0], [1], [2], [3]]


def test_logits_are_made_only_where_they_are_asked_for(tiny_model: Path) -> None:
    model = load_model(tiny_model, device=torch.device("cpu"))
    ids = torch.randint(6, 200, (2, 7))
    where = torch.zeros(2, 7, dtype=torch.bool)
    where[0, 3] = where[1, 1:4] = True
    with torch.no_grad():
        whole = model(input_ids=ids).logits
        with only_at(model, where):
            some = model(input_ids=ids).logits
        after = model(input_ids=ids).logits
    assert some.shape == (4, vocabulary(model))
    torch.testing.assert_close(some, whole[where])
    torch.testing.assert_close(after, whole)


@pytest.mark.parametrize(("method", "wrong"), [("lora", 0), ("full", 0), ("lora", 2)])
def test_it_is_the_same_training_in_however_many_passes(
    inputs: Inputs, context: Context, monkeypatch: pytest.MonkeyPatch, method: str, wrong: int
) -> None:
    """Losses, divergence of held rows and held-out accuracy, step by step, against the plain trainer.

    Short passes attend plainly and long ones fused."""
    config = SftConfig(
        method=method,
        mix=MixConfig(closed_book=0.6, context=0.4, multiple_choice=0, short=0, distractors=1, together=3),
        contrast=ContrastConfig(wrong=wrong, scale=5),
        replay=ReplayConfig(share=0.25, max_tokens=6),
        lora_dropout=0,
        bf16=False,
        epochs=2,
        batch_size=16,
        learning_rate=5e-3 if method == "lora" else 1e-3,
    )
    plain, split = context("plain"), context("split")
    stage.run(config, inputs, plain)
    monkeypatch.setattr(train, "LARGE_VOCABULARY", 0)
    seen: list[int] = []

    def few(*given: Any) -> list[list[int]]:
        found = passes(*given, tokens=300)
        seen.append(len(found))
        return found

    monkeypatch.setattr(bounded, "passes", few)
    monkeypatch.setattr(bounded, "PLAIN_ATTENTION", 150)
    attended: set[str] = set()
    set_attention = PreTrainedModel.set_attn_implementation

    def noted(model: PreTrainedModel, implementation: str) -> None:
        attended.add(implementation)
        set_attention(model, implementation)

    monkeypatch.setattr(PreTrainedModel, "set_attn_implementation", noted)
    stage.run(config, inputs, split)
    assert max(seen) > 2
    assert attended == {"eager", "sdpa"}
    one, other = (list(read_records(c.out / "log.jsonl", dict)) for c in (plain, split))
    assert [line["step"] for line in one] == [line["step"] for line in other]
    for before, after in zip(one, other, strict=True):
        for name in ("loss", "replay_kl", "dev_loss"):
            assert (after[name] is None) == (before[name] is None)
            assert before[name] is None or after[name] == pytest.approx(before[name], rel=2e-3, abs=2e-5), (
                name,
                before["step"],
            )
    assert any(line["replay_kl"] for line in other)


def test_documents_take_turns_over_the_epochs(inputs: Inputs, context: Context) -> None:
    run = context("documents")
    config = SftConfig(
        method="lora",
        mix=MixConfig(closed_book=1, context=0, multiple_choice=0, short=0, documents=0.5),
        replay=ReplayConfig(source="off"),
        epochs=2,
        batch_size=16,
    )
    stage.run(config, inputs, run)
    taught = [row for row in read_records(run.out / "mix.jsonl", dict) if row["format"] == "documents"]
    assert [sum(row["epoch"] == e for row in taught) for e in (0, 1)] == [8, 8]
    without = config.model_copy(update={"mix": MixConfig(closed_book=1, context=0, multiple_choice=0, short=0)})
    assert "documents" not in without.identity()["mix"]
    assert config.identity()["mix"]["documents"] == 0.5
