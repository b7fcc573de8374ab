"""Attention that slides over the text, in a window smaller than the prompt: the same tokens in a batch, held to a
grammar that allows everything, and written by the library alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import torch
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    MistralConfig,
    MistralForCausalLM,
)

from understudy.models.chat import encode, render
from understudy.models.decode import Asked, decode
from understudy.models.load import load_tokenizer
from understudy.models.reader import TransformersModel, Turn
from understudy.types import Message

WINDOW = 8
SIZES = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 4, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 1024, "sliding_window": WINDOW, "initializer_range": 0.4,
    "tie_word_embeddings": False,
}  # fmt: skip
MIXED = {"head_dim": 8, "layer_types": ["sliding_attention", "full_attention"] * 2}
KINDS: dict[str, Any] = {
    "gemma 3": lambda size: Gemma3ForCausalLM(Gemma3TextConfig(vocab_size=size, **SIZES, **MIXED)),
    "gemma 2": lambda size: Gemma2ForCausalLM(Gemma2Config(vocab_size=size, **SIZES, **MIXED)),
    "mistral": lambda size: MistralForCausalLM(MistralConfig(vocab_size=size, **SIZES)),
}
ASK = [Message("user", "Which port does the queue server listen on, and why does it listen on that one?")]


class Everything:
    """A grammar that allows every token, and is never over."""

    problem = ""

    def __init__(self, size: int) -> None:
        self.size, self.asked = size, 0

    def allowed(self) -> Any:
        self.asked += 1
        return np.ones(self.size, dtype=bool)

    def take(self, token: int) -> bool:
        return False


@pytest.fixture(scope="module", params=list(KINDS))
def reader(request: pytest.FixtureRequest, tiny_model: Path) -> TransformersModel:
    tokenizer = load_tokenizer(tiny_model)
    torch.manual_seed(1)
    return TransformersModel(KINDS[request.param](len(tokenizer)), tokenizer, name=request.param)


def by_the_library(reader: TransformersModel, prompt: list[int], count: int) -> list[int]:
    ids = torch.tensor([prompt])
    written = reader.model.generate(
        input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=count, do_sample=False,
        eos_token_id=None, pad_token_id=2,
    )  # fmt: skip
    return list(written[0, len(prompt) :].tolist())


def test_the_window_is_felt(reader: TransformersModel) -> None:
    """Else nothing here would show anything: a token beyond every window changes what a model that slides alone
    writes only where layers carry it on."""
    ids = torch.arange(6, 46)[None]
    layer = "sliding_window"
    short = reader.model(input_ids=ids).logits[0, -1]
    old = getattr(reader.model.config, layer)
    try:
        setattr(reader.model.config, layer, 1000)
        assert not torch.allclose(short, reader.model(input_ids=ids).logits[0, -1], atol=1e-3)
    finally:
        setattr(reader.model.config, layer, old)


def test_the_same_tokens_alone_together_and_held_to_everything(reader: TransformersModel) -> None:
    assert reader.flows
    draws = np.random.default_rng(0)
    size = reader.model.config.vocab_size
    prompts = [draws.integers(6, size, n).tolist() for n in (40, 12, 25, 31, 19)]
    limits = [30, 5, 24, 12, 30]
    wanted = {k: by_the_library(reader, p, n) for k, (p, n) in enumerate(zip(prompts, limits, strict=True))}
    assert len({t for each in wanted.values() for t in each}) > 20
    guides = [Everything(size) for _ in prompts]
    for held in (None, guides):
        asked = [
            Asked(p, n, guide=None if held is None else held[k])
            for k, (p, n) in enumerate(zip(prompts, limits, strict=True))
        ]
        # Room for three rows: two leave, and two others join those that are being written.
        rows = decode(reader.model, asked, ends=set(), budget=3 * 70)
        got = {place: list(written.tokens) for place, written, finished in rows if finished}
        assert got == wanted
    assert [g.asked for g in guides] == limits


def test_answers_fit_their_schema_and_stream(reader: TransformersModel) -> None:
    schema = {
        "type": "object",
        "properties": {"port": {"type": "integer", "minimum": 0, "maximum": 65535}, "why": {"enum": ["old", "new"]}},
        "required": ["port", "why"],
        "additionalProperties": False,
    }
    assert len(encode(reader.tokenizer, render(reader.tokenizer, ASK))) > 2 * WINDOW
    (whole,) = reader.generate([ASK], max_tokens=80, schema=schema)
    assert whole.finish_reason == "stop"
    jsonschema.validate(json.loads(whole.text), schema)
    turns = [Turn(ASK, 80, guide=reader.constrainer.guide(schema)), Turn(ASK, 20)]
    pieces: dict[int, str] = {0: "", 1: ""}
    for number, text, _ in reader.converse(lambda: [turns.pop()] if turns else [], lambda n: False):
        pieces[number] += text
    assert pieces[1] == whole.text  # begun after the other, which it joined
    assert pieces[0]
