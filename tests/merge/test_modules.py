"""Models of several parts: each merged in its own way, as mergekit's `modules:` says, or by its own layers."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import yaml

from understudy.errors import RecipeError
from understudy.merge import engine
from understudy.merge.document import load
from understudy.merge.engine import merge
from understudy.merge.modules import claims
from understudy.merge.schema import MergeDocument

TOWER, TEXT = "model.visual.blocks.{}.proj.weight", "model.language_model.layers.{}.proj.weight"
MERGER, HEAD = "model.visual.merger.weight", "lm_head.weight"
EMBEDDING = "model.language_model.embed_tokens.weight"


@pytest.fixture
def seeing(maker: ModuleType, tmp_path: Path) -> dict[str, Path]:
    """Three models that see: a tower of three layers beside a decoder of five."""
    made = {}
    for number, name in enumerate(("a", "b", "c")):
        folder = tmp_path / name
        folder.mkdir()
        generator = np.random.default_rng(number)
        names = [*(TOWER.format(i) for i in range(3)), MERGER, EMBEDDING, *(TEXT.format(i) for i in range(5)), HEAD]
        maker.save_arrays(
            folder / "model.safetensors", {n: generator.standard_normal((4, 4)).astype(np.float32) for n in names}
        )
        settings = {
            "architectures": ["SeeingForConditionalGeneration"], "model_type": "seeing",
            "text_config": {"num_hidden_layers": 5}, "vision_config": {"depth": 3},
        }  # fmt: skip
        (folder / "config.json").write_text(json.dumps(settings))
        made[name] = folder
    return made


def entries(models: dict[str, Path], **weights: Any) -> list[dict[str, Any]]:
    return [{"model": str(models[m]), "parameters": {"weight": w}} for m, w in weights.items()]


def test_each_part_has_its_own_models_layers_and_parameters(
    seeing: dict[str, Path], maker: ModuleType, tmp_path: Path
) -> None:
    document = {
        "merge_method": "linear",
        "base_model": str(seeing["c"]),
        "parameters": {"weight": 1.0, "normalize": False},
        "modules": {
            "text_decoder": {"models": entries(seeing, a=0.25, b=[0.0, 1.0], c=0.0)},
            "vision_tower": {
                "parameters": {"weight": [{"filter": "blocks.1", "value": 0.5}]},
                "slices": [
                    {"sources": [{"model": str(seeing[m]), "layer_range": [0, 2]} for m in ("a", "b")]},
                    {"sources": [{"model": str(seeing["b"]), "layer_range": [1, 3]}]},
                ],
            },
        },
    }
    (tmp_path / "m.yaml").write_text(yaml.safe_dump(document))
    (config,) = load(tmp_path / "m.yaml")
    merge(config, tmp_path / "out")
    out, a, b, c = (maker.load_arrays(p) for p in (tmp_path / "out", *seeing.values()))
    for layer in range(5):
        name = TEXT.format(layer)
        assert np.allclose(out[name], 0.25 * a[name] + layer / 4 * b[name], atol=1e-6)
    for name in (HEAD, EMBEDDING):  # outside the layers the first of the numbers holds
        assert np.allclose(out[name], 0.25 * a[name], atol=1e-6)
    tower = [TOWER.format(i) for i in range(4)]
    assert np.allclose(out[tower[0]], a[tower[0]] + b[tower[0]], atol=1e-6)
    # where the part's filter says nothing the merge's own number holds
    assert np.allclose(out[tower[1]], 0.5 * (a[tower[1]] + b[tower[1]]), atol=1e-6)
    assert np.allclose(out[tower[2]], b[tower[1]], atol=1e-6)
    assert np.allclose(out[tower[3]], b[tower[2]], atol=1e-6)
    assert np.array_equal(out[MERGER], c[MERGER])  # the projector was not named: it is the base's
    assert f"1 tensors of no module stay as they are in {seeing['c']}" in "\n".join(engine.plan(config).warnings)
    settings = json.loads((tmp_path / "out" / "config.json").read_text())
    assert settings["vision_config"] == {"depth": 4}
    assert settings["text_config"] == {"num_hidden_layers": 5}


def test_numbers_over_the_layers_are_spread_over_those_of_each_stack(
    seeing: dict[str, Path], maker: ModuleType, tmp_path: Path
) -> None:
    document = {"merge_method": "linear", "models": entries(seeing, a=[0, 1], b=0.0), "parameters": {"normalize": 0}}
    merge(MergeDocument.model_validate(document), tmp_path / "out")
    out, a = maker.load_arrays(tmp_path / "out"), maker.load_arrays(seeing["a"])
    assert set(out) == set(a)
    for layers, name in ((3, TOWER), (5, TEXT)):
        for layer in range(layers):
            assert np.allclose(out[name.format(layer)], layer / (layers - 1) * a[name.format(layer)], atol=1e-6)


def test_a_part_is_known_by_its_path_and_the_deepest_name_decides() -> None:
    names = [TOWER.format(0), MERGER, TEXT.format(0), HEAD, "encoder.block.0.q.weight", "decoder.block.0.q.weight"]
    tower, projector, text, head, encoder, decoder = names
    assert claims(names, ["vision_tower"]) == {tower: "vision_tower"}
    assert claims(names, ["visual", "merger"]) == {tower: "visual", projector: "merger"}
    assert claims(names, ["model.visual"]) == {tower: "model.visual"}
    assert claims(names, ["default", "multi_modal_projector"]) == {
        n: "multi_modal_projector" if n == projector else "default" for n in names if n != tower
    }
    found = claims([encoder, decoder, "shared.weight", HEAD], ["encoder", "decoder"])
    assert found == {encoder: "encoder", decoder: "decoder", "shared.weight": "decoder", HEAD: "decoder"}
    assert claims([text, head], ["text_decoder"]) == {text: "text_decoder", head: "text_decoder"}


def test_mistakes_in_modules_are_named(seeing: dict[str, Path], tmp_path: Path) -> None:
    def plan(**modules: Any) -> None:
        engine.plan(MergeDocument.model_validate({"merge_method": "linear", "modules": modules}))

    with pytest.raises(RecipeError, match=r"modules\.visuals: no tensor belongs .*Did you mean 'visual'\?"):
        plan(visuals={"models": entries(seeing, a=1)})
    with pytest.raises(RecipeError, match=r"modules\.visual\.slices\.0: .* has 3 layers, layer_range \[0, 4\]"):
        plan(visual={"slices": [{"sources": [{"model": str(seeing["a"]), "layer_range": [0, 4]}]}]})
    (tmp_path / "both.yaml").write_text(
        yaml.safe_dump({"merge_method": "linear", "models": [{"model": "a"}], "modules": {"x": {}}})
    )
    with pytest.raises(RecipeError, match="exactly one of `models`"):
        load(tmp_path / "both.yaml")
