"""LoRA adapters as inputs: the base plus the change, unrounded."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

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
        (low_rank(width=16), {}, r"changes a tensor of shape \[32, 16\]"),
        ({f"{MODULE}.lora_A.weight": np.ones((4, 32), np.float32)}, {}, "incomplete"),
        ({"model.unknown.weight": np.ones(3, np.float32)}, {}, "belongs to no tensor"),
    ]
    for number, (arrays, settings, message) in enumerate(cases):
        place = adapter(maker, tmp_path / f"lora{number}", arrays, **settings)
        with pytest.raises(InputError, match=message):
            take(family, place, tmp_path / "out")
