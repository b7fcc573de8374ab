"""The bundled models: their names, and that transformers loads them with tokenizer and chat template."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy import lab
from understudy.errors import UnderstudyError


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UnderstudyError, match="reader"):
        lab.path("raeder")


def test_models_are_small_and_hold_no_pickle() -> None:
    assert "reader" in lab.names()
    for name in lab.names():
        files = [p for p in lab.path(name).iterdir() if p.is_file()]
        assert sum(p.stat().st_size for p in files) <= 16_000_000
        assert {p.suffix for p in files} <= {".json", ".md", ".safetensors"}


def test_the_reader_is_a_mistral_that_generates() -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, MistralForCausalLM

    folder = lab.path("reader")
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert isinstance(model, MistralForCausalLM)
    assert 1e6 <= model.num_parameters() <= 8e6
    assert torch.equal(model.lm_head.weight, model.model.embed_tokens.weight)
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": "What is it?"}], add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    out = model.generate(**prompt, max_new_tokens=4)
    assert out.shape[1] > prompt["input_ids"].shape[1]


def test_the_template_marks_what_the_assistant_says() -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(lab.path("reader"))
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Port 80"}]
    assert tokenizer.apply_chat_template(turns, tokenize=False) == "<s><|user|>Hi</s><|assistant|>Port 80</s>"
    encoded = tokenizer.apply_chat_template(turns, return_dict=True, return_assistant_tokens_mask=True)
    marked = [i for i, m in zip(encoded["input_ids"], encoded["assistant_masks"], strict=True) if m]
    assert tokenizer.decode(marked) == "Port 80</s>"


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60))
@settings(max_examples=150, deadline=None)
def test_every_text_survives_the_tokenizer(text: str) -> None:
    tokenizer = _tokenizer()
    encoding = tokenizer.encode(text, add_special_tokens=False)
    assert tokenizer.decode(encoding.ids, skip_special_tokens=False) == text
    for start, end in encoding.offsets:
        assert 0 <= start <= end <= len(text)
    if encoding.offsets:
        assert encoding.offsets[0][0] == 0
        assert encoding.offsets[-1][1] == len(text)


def test_digits_and_marks_stand_alone() -> None:
    tokens = _tokenizer().encode("port 8123, `--retry-limit`").tokens
    assert [t.lstrip("Ġ") for t in tokens][1:5] == ["8", "1", "2", "3"]
    assert "--" in tokens


def _tokenizer():  # type: ignore[no-untyped-def]
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(lab.path("reader") / "tokenizer.json"))
