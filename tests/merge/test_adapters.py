"""LoRA adapters as inputs: the base plus the change, unrounded, and equal to what peft makes of them."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

from understudy.errors import InputError
from understudy.merge.engine import merge
from understudy.merge.schema import MergeDocument

MODULE = "model.layers.0.self_attn.q_proj"


def adapter(maker: ModuleType, place: Path, arrays: dict[str, Any], **settings: Any) -> Path:
    place.mkdir(parents=True)
    maker.save_arrays(place / "adapter_model.safetensors", {f"base_model.model.{k}": v for k, v in arrays.items()})
    (place / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 4, "lora_alpha": 8, **settings}))
    return place


def low_rank(rows: int = 32, width: int = 32, rank: int = 4) -> dict[str, Any]:
    generator = np.random.default_rng(3)
    return {
        f"{MODULE}.lora_A.weight": generator.standard_normal((rank, width)).astype(np.float32),
        f"{MODULE}.lora_B.weight": generator.standard_normal((rows, rank)).astype(np.float32),
    }


def take(family: dict[str, Path], place: Path, out: Path) -> None:
    config = {"merge_method": "passthrough", "models": [{"model": f"{family['base']}+{place}"}]}
    merge(MergeDocument.model_validate(config), out)


@pytest.mark.parametrize(
    ("settings", "scale"),
    [
        ({}, 2.0),
        ({"use_rslora": True}, 4.0),
        ({"alpha_pattern": {"q_proj": 2}}, 0.5),
        ({"alpha_pattern": {"k_proj": 2}}, 2.0),
    ],
)
def test_an_adapter_is_added_with_its_scale(
    settings: dict[str, Any], scale: float, family: dict[str, Path], maker: ModuleType, tmp_path: Path
) -> None:
    parts = low_rank()
    head = np.ones((96, 32), np.float32)
    place = adapter(maker, tmp_path / "lora", {**parts, "lm_head.weight": head}, **settings)
    take(family, place, tmp_path / "out")
    base, out = maker.load_arrays(family["base"]), maker.load_arrays(tmp_path / "out")
    b, a = (parts[f"{MODULE}.lora_{x}.weight"].astype(np.float64) for x in "BA")
    expected = base[f"{MODULE}.weight"].astype(np.float64) + scale * b @ a
    assert np.allclose(out[f"{MODULE}.weight"], expected, rtol=1e-5, atol=1e-5)
    assert np.array_equal(out["lm_head.weight"], head)
    untouched = set(base) - {f"{MODULE}.weight", "lm_head.weight"}
    assert all(np.array_equal(base[k], out[k]) for k in untouched)


def test_embedding_adapters(family: dict[str, Path], maker: ModuleType, tmp_path: Path) -> None:
    generator = np.random.default_rng(4)
    a, b = generator.standard_normal((4, 96)).astype(np.float32), generator.standard_normal((32, 4)).astype(np.float32)
    names = {"model.embed_tokens.lora_embedding_A": a, "model.embed_tokens.lora_embedding_B": b}
    take(family, adapter(maker, tmp_path / "lora", names), tmp_path / "out")
    base, out = (maker.load_arrays(p)["model.embed_tokens.weight"] for p in (family["base"], tmp_path / "out"))
    assert np.allclose(out, base + 2.0 * (b @ a).T, rtol=1e-5, atol=1e-5)


def test_adapters_that_cannot_be_merged_are_refused(family: dict[str, Path], maker: ModuleType, tmp_path: Path) -> None:
    cases: list[tuple[dict[str, Any], dict[str, Any], str]] = [
        (low_rank(), {"use_dora": True}, "use_dora: True cannot be merged"),
        (low_rank(), {"peft_type": "IA3"}, "peft_type: IA3"),
        (low_rank(), {"bias": "all"}, "bias: all"),
        (low_rank(), {"bias": "lora_only"}, "bias: lora_only"),
        (low_rank(), {"init_lora_weights": "pissa_niter_4"}, "init_lora_weights: pissa_niter_4 cannot be merged"),
        (low_rank(), {"init_lora_weights": "loftq"}, "init_lora_weights: loftq"),
        (low_rank(), {"lora_bias": True}, "lora_bias: True"),
        (low_rank(), {"trainable_token_indices": [3]}, r"trainable_token_indices: \[3\]"),
        (low_rank(), {"layer_replication": [[0, 2]]}, "layer_replication"),
        (low_rank(), {"something_new": {"a": 1}}, "something_new"),
        (low_rank(), {"alpha_pattern": {"(": 2}}, "alpha_pattern"),
        (low_rank(), {"lora_alpha": "many"}, "lora_alpha"),
        (low_rank(), {"r": 8}, "has rank 4, its settings say 8"),
        (low_rank(width=16), {}, r"for a tensor of shape \[32, 16\]"),
        (
            {"model.embed_tokens.modules_to_save.weight": np.ones((98, 32), np.float32)},
            {},
            r"trained on a vocabulary of 98 tokens, the base has 96\.",
        ),
        ({f"{MODULE}.lora_A.weight": np.ones((4, 32), np.float32)}, {}, "incomplete"),
        ({"model.unknown.weight": np.ones(3, np.float32)}, {}, "belongs to no tensor"),
    ]
    for number, (arrays, settings, message) in enumerate(cases):
        place = adapter(maker, tmp_path / f"lora{number}", arrays, **settings)
        with pytest.raises(InputError, match=message):
            take(family, place, tmp_path / "out")


def test_settings_that_are_off_or_have_no_effect_are_taken(
    family: dict[str, Path], maker: ModuleType, tmp_path: Path
) -> None:
    off = {"use_dora": False, "something_new": None, "another": {}, "layers_to_transform": [0], "target_modules": ["q"]}
    take(family, adapter(maker, tmp_path / "lora", low_rank(), init_lora_weights=True, **off), tmp_path / "out")


PEFT: dict[str, tuple[bool, dict[str, Any]]] = {  # is the base tied, the adapter's settings
    "ranks and alphas by pattern": (
        True,
        {"target_modules": ["q_proj", "down_proj"], "rank_pattern": {"down_proj": 2}, "lora_alpha": 3, "r": 4,
         "alpha_pattern": {"layers.0.self_attn.q_proj": 9}, "use_rslora": True},
    ),
    "an adapted embedding": (True, {"target_modules": ["q_proj", "embed_tokens"]}),
    "an adapted embedding beside a head": (False, {"target_modules": ["q_proj", "embed_tokens"]}),
    "a saved embedding and head": (
        True, {"target_modules": ["v_proj"], "modules_to_save": ["embed_tokens", "lm_head"]}
    ),
    "a saved head": (True, {"target_modules": ["v_proj"], "modules_to_save": ["lm_head"]}),
    "a saved embedding": (True, {"target_modules": ["v_proj"], "modules_to_save": ["embed_tokens"]}),
    "saved as one": (
        True, {"target_modules": ["v_proj"], "modules_to_save": ["embed_tokens"], "ensure_weight_tying": True}
    ),
    "a head of its own, adapted": (False, {"target_modules": ["v_proj", "lm_head"]}),
    "a saved norm": (False, {"target_modules": ["v_proj"], "modules_to_save": ["input_layernorm"]}),
}  # fmt: skip


@pytest.mark.parametrize("name", PEFT)
def test_the_result_is_what_peft_merges(name: str, maker: ModuleType, tmp_path: Path) -> None:
    tied, settings = PEFT[name]
    shape = maker.Shape(hidden=32, layers=2, vocabulary=48, intermediate=16, family="llama", tied=tied)
    base = maker.make_model(tmp_path / "base", shape, dtype="F32")

    def load(folder: Path) -> Any:
        return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)

    torch.manual_seed(0)
    model = get_peft_model(load(base), LoraConfig(**settings))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.05 * torch.randn_like(parameter))
    model.save_pretrained(tmp_path / "adapter")
    expected = PeftModel.from_pretrained(load(base), str(tmp_path / "adapter")).merge_and_unload().state_dict()
    take({"base": base}, tmp_path / "adapter", tmp_path / "out")
    found = load(tmp_path / "out").state_dict()
    assert found.keys() == expected.keys()
    for tensor, values in expected.items():
        torch.testing.assert_close(found[tensor], values, atol=1e-6, rtol=1e-6, msg=tensor)


def test_a_tied_head_cannot_be_adapted_alone(maker: ModuleType, tmp_path: Path) -> None:
    base = maker.make_model(tmp_path / "base", maker.Shape(tied=True), dtype="F32")
    parts = {f"lm_head.lora_{x}.weight": np.ones(s, np.float32) for x, s in (("A", (4, 64)), ("B", (320, 4)))}
    with pytest.raises(InputError, match=r"adapts 'lm_head', which .* is tied to its embedding"):
        take({"base": base}, adapter(maker, tmp_path / "lora", parts), tmp_path / "out")
