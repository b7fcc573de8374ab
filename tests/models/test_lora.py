"""Schedules and batch sizes against known answers; merged adapters against the formula in float64."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from understudy.errors import ModelError, UsageError
from understudy.models.adapter import attach, merge_adapter, write_merged, write_scaled
from understudy.models.load import open_model
from understudy.models.lora import learning_rate_factor, micro_batch, with_lora
from understudy.models.open import open_language_model
from understudy.models.save import save_adapter, save_model, stored_dtype
from understudy.types import Message


@pytest.fixture(scope="module")
def adapter(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter whose two factors are random, so that it changes the model."""
    model, _ = open_model(str(tiny_model), device="cpu")
    torch.manual_seed(1)
    adapted = with_lora(model, r=4, lora_alpha=8, lora_dropout=0.0)
    for name, parameter in adapted.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(parameter, std=0.2)
    folder = tmp_path_factory.mktemp("adapter") / "adapter"
    save_adapter(adapted, folder, base="lab:tiny")
    return folder


@pytest.mark.parametrize("scale", [0.0, 0.4, 1.0])
def test_merged_is_the_base_plus_the_scaled_product(
    tiny_model: Path, adapter: Path, tmp_path: Path, scale: float
) -> None:
    base = {n: p.detach().double() for n, p in open_model(str(tiny_model), device="cpu")[0].named_parameters()}
    factors = load_file(adapter / "adapter_model.safetensors")
    write_scaled(adapter, scale, tmp_path / "scaled")
    adapted_model = attach(open_model(str(tiny_model), device="cpu")[0], tmp_path / "scaled")
    result = dict(adapted_model.merge_and_unload(safe_merge=True).named_parameters())
    adapted = 0
    for name, weight in base.items():
        stem = "base_model.model." + name.removesuffix(".weight")
        expected = weight
        if f"{stem}.lora_A.weight" in factors:
            a, b = factors[f"{stem}.lora_A.weight"].double(), factors[f"{stem}.lora_B.weight"].double()
            expected = weight + scale * (8 / 4) * (b @ a)
            adapted += 1
        torch.testing.assert_close(result[name].double(), expected, atol=1e-6, rtol=1e-5)
    assert adapted == 14  # seven linear layers in each of two blocks, and not the head


@pytest.mark.parametrize("strength", [0.3, 1.0])
def test_what_is_written_is_bit_for_bit_what_peft_merges(
    tiny_model: Path, adapter: Path, strength: float, tmp_path: Path
) -> None:
    write_merged(str(tiny_model), adapter, tmp_path / "out", strength=strength)
    model = PeftModel.from_pretrained(open_model(str(tiny_model), device="cpu")[0], str(adapter))
    for module in model.modules():
        if hasattr(module, "set_scale"):
            module.scaling["default"] *= strength
    expected = model.merge_and_unload(safe_merge=True).state_dict()
    written = AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype="auto").state_dict()
    assert written.keys() == expected.keys()
    assert all(torch.equal(written[n], expected[n]) for n in expected)
    AutoTokenizer.from_pretrained(tmp_path / "out")
    write_merged(str(tiny_model), adapter, tmp_path / "half", strength=strength, dtype=torch.bfloat16)
    assert stored_dtype(tmp_path / "half") == torch.bfloat16


def test_a_saved_head_unties_what_is_written(tiny_model: Path, tmp_path: Path) -> None:
    base = tmp_path / "base"
    model, tokenizer = open_model(str(tiny_model), device="cpu")
    model.config.tie_word_embeddings = True
    model.tie_weights()
    save_model(model, tokenizer, base, dtype=torch.float32)
    adapted = get_peft_model(
        open_model(str(base), device="cpu")[0], LoraConfig(target_modules=["q_proj"], modules_to_save=["lm_head"])
    )
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lm_head.modules_to_save" in name:
                parameter.add_(torch.randn_like(parameter))
    adapted.save_pretrained(tmp_path / "adapter")
    write_merged(str(base), tmp_path / "adapter", tmp_path / "out")
    expected = merge_adapter(open_model(str(base), device="cpu")[0], tmp_path / "adapter").state_dict()
    written = AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype="auto").state_dict()
    assert not torch.equal(written["lm_head.weight"], written["model.embed_tokens.weight"])
    assert all(torch.equal(written[n], expected[n]) for n in expected)


def test_reader_with_adapter_is_the_adapted_model(tiny_model: Path, adapter: Path) -> None:
    question, options = [[Message("user", "Which port?")]], [["7411", "32"]]
    base = open_language_model(str(tiny_model)).loglikelihoods(question, options)[0]
    taught = open_language_model(str(tiny_model), adapter=adapter)
    model, tokenizer = open_model(str(tiny_model), device="cpu")
    beside = type(taught)(attach(model, adapter), tokenizer, name="x").loglikelihoods(question, options)[0]
    assert taught.loglikelihoods(question, options)[0] == pytest.approx(beside, abs=1e-3)
    assert max(abs(a - b) for a, b in zip(base, beside, strict=True)) > 0.05


def test_adapters_that_cannot_be_used_are_named(tiny_model: Path, adapter: Path, tmp_path: Path) -> None:
    model, _ = open_model(str(tiny_model), device="cpu")
    with pytest.raises(ModelError, match=r"adapter_config\.json is missing"):
        attach(model, tmp_path)
    (tmp_path / "adapter_config.json").write_text((adapter / "adapter_config.json").read_text())
    (tmp_path / "adapter_model.bin").write_bytes(b"pickle")
    with pytest.raises(ModelError, match=r"a Python pickle .*never opened"):
        attach(model, tmp_path)
    whole = (adapter / "adapter_model.safetensors").read_bytes()
    (tmp_path / "adapter_model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match=r"adapter_model\.safetensors: is cut off"):
        attach(model, tmp_path)


@pytest.mark.parametrize(
    ("schedule", "middle", "last"), [("cosine", 0.5, 0.0), ("linear", 0.5, 0.0), ("constant", 1.0, 1.0)]
)
def test_learning_rate(schedule: str, middle: float, last: float) -> None:
    factors = [learning_rate_factor(schedule, 0.1, k, 1000) for k in range(1001)]
    assert factors[0] < factors[50] < factors[100] == 1.0
    assert factors[550] == pytest.approx(middle)
    assert factors[1000] == pytest.approx(last, abs=1e-9)
    assert all(0 <= f <= 1 for f in factors)


def test_micro_batches_divide_the_batch() -> None:
    assert micro_batch(16, None, 1, large=False) == 16
    assert micro_batch(16, None, 4, large=True) == 2
    assert micro_batch(16, 5, 1, large=False) == 4
    with pytest.raises(UsageError, match="cannot be shared by 3 devices"):
        micro_batch(16, None, 3, large=False)
