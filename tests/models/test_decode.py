"""Continuous batching: the same answers as one prompt at a time, rows that leave, prompts that take their places."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import torch
from transformers import FalconMambaConfig

from understudy.models.chat import encode, render
from understudy.models.decode import Asked, decode, suits
from understudy.models.load import load_model, load_tokenizer
from understudy.models.reader import TransformersModel
from understudy.types import Message

QUESTIONS = (
    "Hi",
    "What is the port of the queue server?",
    "Why?",
    "Tell me of the limits of a message, please.",
    "a b c d",
)


@pytest.fixture(scope="module")
def reader(tiny_model: Path) -> TransformersModel:
    return TransformersModel(
        load_model(tiny_model, device=torch.device("cpu")), load_tokenizer(tiny_model), name="tiny", batch_tokens=160
    )


def alone(reader: TransformersModel, prompt: list[int], steps: int, ends: set[int]) -> list[int]:
    """The likeliest tokens, each from a whole pass over everything before it, without a cache."""
    ids = list(prompt)
    for _ in range(steps):
        with torch.no_grad():
            token = int(reader.model(input_ids=torch.tensor([ids])).logits[0, -1].argmax())
        if token in ends:
            break
        ids.append(token)
    return ids[len(prompt) :]


def test_every_answer_is_that_of_the_prompt_alone(reader: TransformersModel) -> None:
    prompts = [encode(reader.tokenizer, render(reader.tokenizer, [Message("user", q)])) for q in QUESTIONS * 2]
    limits = [3, 17, 9, 25, 1] * 2
    # An end token that some answers reach early.
    ends = {Counter(t for p in prompts for t in alone(reader, p, 9, set())).most_common(1)[0][0]}
    got: dict[int, list[int]] = {}
    seen = Counter[int]()
    asked = [Asked(prompt, limit) for prompt, limit in zip(prompts, limits, strict=True)]
    for place, written, finished in decode(reader.model, asked, ends=ends, budget=200):
        seen[place] += 1
        if finished:
            got[place] = list(written.tokens)
    assert got == {i: alone(reader, p, limits[i], ends) for i, p in enumerate(prompts)}
    assert all(seen[i] in (len(got[i]), len(got[i]) + 1) for i in got)


def test_a_free_place_is_filled_before_the_batch_is_done(reader: TransformersModel) -> None:
    asked = [Asked([6 + i, 9, 12], limit) for i, limit in enumerate([2, 40, 2, 2, 2, 2, 2, 2])]
    order = [(place, finished) for place, _, finished in decode(reader.model, asked, ends=set(), budget=2 * 43)]
    last = max(k for k, (place, _) in enumerate(order) if place == 1)
    others = [k for k, (place, finished) in enumerate(order) if finished and place != 1]
    assert len(others) == 7
    assert max(others) < last  # the long one never kept a place from them


def test_answers_end_at_stops_and_limits(reader: TransformersModel) -> None:
    asked = [[Message("user", q)] for q in QUESTIONS]
    torch.manual_seed(5)
    whole = reader.generate(asked, max_tokens=12, temperature=1.0)
    assert max(c.completion_tokens for c in whole) == 12
    assert {c.finish_reason for c in whole if c.completion_tokens == 12} == {"length"}
    text = max((c.text for c in whole), key=len)
    torch.manual_seed(5)
    stopped = reader.generate(asked, max_tokens=12, temperature=1.0, stop=[text[3:5]])
    assert all(text[3:5] not in c.text for c in stopped)
    assert any(c.finish_reason == "stop" and text.startswith(c.text) for c in stopped)


def test_it_agrees_with_the_library(reader: TransformersModel, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [[Message("user", q)] for q in QUESTIONS]
    ours = reader.generate(asked, max_tokens=15)
    monkeypatch.setattr(reader, "flows", False)
    assert reader.generate(asked, max_tokens=15) == ours


def test_what_is_streamed_is_what_is_generated(reader: TransformersModel) -> None:
    asked = [Message("user", QUESTIONS[1])]
    torch.manual_seed(2)
    pieces = list(reader.stream(asked, max_tokens=20, temperature=1.0))
    assert len(pieces) > 5
    torch.manual_seed(2)
    assert "".join(pieces).strip() == reader.generate([asked], max_tokens=20, temperature=1.0)[0].text


def test_other_kinds_of_cache_are_left_to_the_library(reader: TransformersModel) -> None:
    assert reader.flows
    old = reader.model.config.to_dict()
    for kind, fits in (({"sliding_window": 8}, True), ({"attention_chunk_size": 8}, False)):
        config = reader.model.config.__class__(**{**old, **kind})
        assert suits(type("Model", (), {"config": config})()) is fits
    state = FalconMambaConfig(hidden_size=8, num_hidden_layers=1, state_size=4, vocab_size=16)
    assert not suits(type("Model", (), {"config": state})())
