"""What is written, run by llama.cpp: each family computes the same, and each planted fault is caught."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from importlib import util
from pathlib import Path

import pytest
import torch
from export.models import FAMILIES, build, config_of, material, opened
from safetensors.torch import load_file, save_file

from understudy.errors import ModelError
from understudy.export import families, gguf_file, parity, quantise, vocabulary
from understudy.export.config import LIMITS
from understudy.export.parity import Check
from understudy.export.runtime import LlamaCpp

pytestmark = pytest.mark.skipif(
    util.find_spec("xllamacpp") is None or util.find_spec("gguf") is None,
    reason="llama.cpp is not installed (the extra llamacpp)",
)


def checks(reference: Path, written: Path, vocab: vocabulary.Vocabulary, kind: str = "f16") -> dict[str, Check]:
    """The folder `written` as GGUF, compared with the folder `reference`."""
    measured = opened(reference)
    file = written / f"{kind}.gguf"
    if kind == "q4_k_m":
        gguf_file.write(written, vocab, written / "f16.gguf", name="small")
        quantise.quantise(written / "f16.gguf", file, kind)
    else:
        gguf_file.write(written, vocab, file, name="small", kind=kind)
    shown = parity.as_chats(measured, material()) if vocab.prefix == "first" else material()
    with LlamaCpp(file, window=1024) as runtime:
        found = parity.check(measured, runtime, shown, LIMITS[kind], bos=measured.tokenizer.bos_token_id)
    return {c.name: c for c in found}


def failed(found: dict[str, Check]) -> set[str]:
    return {name for name, c in found.items() if not c.passed}


def read(folder: Path) -> vocabulary.Vocabulary:
    measured = opened(folder)
    found = vocabulary.read(folder, measured.tokenizer, config_of(folder), measured.end_tokens())
    return dataclasses.replace(found, pre=found.pre or "gpt-2")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_written_model_is_the_measured_one(family: str, tiny_model: Path, tmp_path: Path) -> None:
    folder = build(tmp_path / "m", tiny_model, family)
    found = checks(folder, folder, read(folder))
    assert not failed(found), {n: c.found for n, c in found.items()}
    assert found["kl"].n > 40


def test_eight_bits_lose_more_than_sixteen_and_stay_within_their_limit(tiny_model: Path, tmp_path: Path) -> None:
    folder = build(tmp_path / "m", tiny_model, "llama")
    found = checks(folder, folder, read(folder), "q8_0")
    # A random model's likeliest tokens lie close together, so that a few change places.
    assert not failed(found) - {"same top token"}, {n: c.found for n, c in found.items()}
    assert float(found["same top token"].found["share"] or 0.0) > 0.9
    assert float(found["kl"].found["mean"] or 0.0) > 1e-5
    assert (folder / "q8_0.gguf").stat().st_size < 500_000


@pytest.mark.skipif(util.find_spec("cyllama") is None, reason="llama.cpp's quantiser is not installed")
def test_four_bits_are_written_and_run(tiny_model: Path, tmp_path: Path) -> None:
    folder = build(tmp_path / "m", tiny_model, "llama", hidden_size=256, intermediate_size=512)
    found = checks(folder, folder, read(folder), "q4_k_m")
    assert not failed(found) & {"template", "tokens", "bos"}
    assert float(found["kl"].found["mean"] or 0.0) > 0.0


def edited(folder: Path, tmp_path: Path, change: dict[str, torch.Tensor | None]) -> Path:
    """A copy of a model folder with tensors changed, or left out where None."""
    copy = tmp_path / "faulty"
    copy.mkdir()
    for file in folder.iterdir():
        if file.suffix in (".json", ".jinja"):
            (copy / file.name).write_bytes(file.read_bytes())
    weights = load_file(folder / "model.safetensors")
    for name, value in change.items():
        if value is None:
            del weights[name]
        else:
            weights[name] = value
    save_file(weights, copy / "model.safetensors")
    return copy


def test_swapped_heads_are_caught(tiny_model: Path, tmp_path: Path) -> None:
    folder = build(tmp_path / "m", tiny_model, "llama")
    name = "model.layers.0.self_attn.q_proj.weight"
    heads = load_file(folder / "model.safetensors")[name].reshape(4, 32, 128)
    faulty = edited(folder, tmp_path, {name: heads[[1, 0, 2, 3]].reshape(128, 128).contiguous()})
    assert {"kl"} <= failed(checks(folder, faulty, read(folder)))


def test_values_of_a_head_in_the_wrong_order_are_caught(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = build(tmp_path / "m", tiny_model, "llama")
    vocab = read(folder)
    monkeypatch.setattr(families, "interleave", lambda values, heads: values)
    assert {"kl"} <= failed(checks(folder, folder, vocab))


@pytest.mark.parametrize("tensor", ["model.layers.1.self_attn.v_proj.bias", "lm_head.weight"])
def test_a_dropped_tensor_that_llama_cpp_does_not_miss_is_caught(tensor: str, tiny_model: Path, tmp_path: Path) -> None:
    folder = build(tmp_path / "m", tiny_model, "llama")
    faulty = edited(folder, tmp_path, {tensor: None})
    assert {"kl", "same top token"} & failed(checks(folder, faulty, read(folder)))


def test_a_dropped_tensor_that_llama_cpp_misses_stops_it(tiny_model: Path, tmp_path: Path) -> None:
    folder = build(tmp_path / "m", tiny_model, "llama")
    faulty = edited(folder, tmp_path, {"model.layers.1.mlp.up_proj.weight": None})
    with pytest.raises(ModelError, match="does not load"):
        checks(folder, faulty, read(folder))


def test_a_wrong_template_is_caught(tiny_model: Path, tmp_path: Path) -> None:
    folder = build(tmp_path / "m", tiny_model, "llama")
    vocab = read(folder)
    for wrong in (
        "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}",
        vocab.template.replace("{{ eos_token }}", ""),  # shows in conversations of several turns alone
    ):
        found = checks(folder, folder, dataclasses.replace(vocab, template=wrong))
        assert "template" in failed(found)
        assert found["kl"].passed


def test_a_second_bos_is_caught(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = build(tmp_path / "m", tiny_model, "llama")
    vocab = read(folder)
    doubled = dataclasses.replace(vocab, template="{{ bos_token }}" + vocab.template)
    assert {"template", "bos"} <= failed(checks(folder, folder, doubled))
    from gguf import GGUFWriter

    keep = GGUFWriter.add_add_bos_token
    monkeypatch.setattr(GGUFWriter, "add_add_bos_token", lambda self, value: keep(self, True))
    assert {"tokens", "bos"} & failed(checks(folder, folder, vocab))


def test_another_rule_for_words_is_caught(tiny_model: Path, tmp_path: Path) -> None:
    folder = build(tmp_path / "m", tiny_model, "llama")
    assert "tokens" in failed(checks(folder, folder, dataclasses.replace(read(folder), pre="falcon")))


def test_a_tokenizer_of_its_own_gets_the_rule_that_cuts_alike(tmp_path: Path) -> None:
    from understudy.models.load import load_tokenizer
    from understudy.models.resolve import local_folder

    folder = local_folder("lab:reader")
    tokenizer = load_tokenizer(folder)
    vocab = vocabulary.read(folder, tokenizer, config_of(folder))
    assert vocab.pre is None
    texts = ["Set `max_batch` to 32; it's 'quoted'.", "a  b\n\n  c(d) -- see [1]: 256 KB", "x_y = 3.14"]
    expected = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
    asked = []

    def cut(tried: vocabulary.Vocabulary) -> Sequence[list[int]]:
        asked.append(tried.pre)
        gguf_file.write_tokenizer(tried, tmp_path / "t.gguf")
        with LlamaCpp(tmp_path / "t.gguf") as runtime:
            return [runtime.tokens(text) for text in texts]

    found = vocabulary.choose(vocab, texts, expected, cut, ("qwen2", "gpt-2", "bloom"))
    assert found.pre == "gpt-2", json.dumps(asked)
