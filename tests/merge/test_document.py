"""Merge files, their settings, series of merges, the search, the stage and the command."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import typer
import yaml
from typer.testing import CliRunner

from understudy.cli.merge import merge as command
from understudy.errors import InputError, RecipeError
from understudy.merge import parameters as parameter_values
from understudy.merge.config import MergeConfig
from understudy.merge.document import load
from understudy.merge.engine import merge, plan
from understudy.merge.estimate import estimate
from understudy.merge.schema import Conditional, MergeDocument, parse_size, split_reference
from understudy.merge.search import search
from understudy.merge.series import merge_series
from understudy.stage import Inputs, RunContext


def write(path: Path, *documents: Any) -> Path:
    path.write_text("---\n".join(yaml.safe_dump(d) for d in documents))
    return path


def linear(*models: Any, **more: Any) -> dict[str, Any]:
    entries = [{"model": str(m), "parameters": {"weight": 1.0}} for m in models]
    return {"merge_method": "linear", "models": entries, **more}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (
            {"merge_method": "tiess", "models": [{"model": "a"}]},
            r"merge_method: 'tiess' is not one of .*Did you mean 'ties'\?",
        ),
        (
            {"merge_method": "ties", "modells": [{"model": "a"}]},
            r"modells has no effect: no such key\. Did you mean 'models'\?",
        ),
        (
            {"merge_method": "ties", "models": [{"modell": "a"}]},
            r"models\.0\.modell has no effect: no such key\. Did you mean 'model'\?",
        ),
        ({"models": [{"model": "a"}]}, "merge_method is missing"),
        ({"merge_method": "ties"}, "exactly one of `models`, `slices` and `modules`"),
        ({"merge_method": "ties", "models": [{"model": "a"}], "dtype": "int8"}, "dtype: 'int8' is not one of"),
        ({"merge_method": "ties", "modules": {"a": {}}}, r"modules\.a: exactly one of `models` and `slices`"),
        ({"merge_method": "ties", "modules": {"a": {"model": []}}}, r"modules\.a\.model has .*Did you mean 'models'\?"),
        ([1], "a merge is a mapping"),
        (
            {"merge_method": "slerp", "slices": [{"sources": [{"model": "a", "layer_range": [2, 1]}]}]},
            r"layer_range \[2, 1\]",
        ),
    ],
)
def test_mistakes_are_explained(document: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=message) as caught:
        load(write(tmp_path / "merge.yaml", document))
    assert "merge.yaml" in str(caught.value)


def test_files_that_are_no_merge(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load(tmp_path / "nowhere.yaml")
    (tmp_path / "bad.yaml").write_text("a: [1\nb: 2")
    with pytest.raises(RecipeError, match=r"not YAML.*line 2"):
        load(tmp_path / "bad.yaml")
    (tmp_path / "empty.yaml").write_text("")
    with pytest.raises(RecipeError, match="empty"):
        load(tmp_path / "empty.yaml")


def test_mergekits_own_ways_of_writing(tmp_path: Path) -> None:
    nested = {"model": {"path": "org/name", "revision": "main"}, "lora": {"path": "org/lora"}}
    config = load(write(tmp_path / "a.yaml", linear("x", tokenizer_source="union")))[0]
    assert config.references() == ["x"]
    nested_config = MergeConfig.model_validate({"merge_method": "linear", "models": [{"model": nested}]})
    assert nested_config.models() == {"hf:org/name@main": "hf:org/name@main", "hf:org/lora": "hf:org/lora"}
    assert split_reference("lab:reader") == ("lab:reader", None)
    assert split_reference("./x") == ("./x", None)
    assert parse_size("1.5GB") == 1_500_000_000
    assert parse_size("512 mb") == 512_000_000
    assert parse_size(7) == 7
    again = MergeDocument.model_validate(config.model_dump(mode="json", exclude_none=True))
    assert again == config
    assert "models" in config.model_dump(mode="json")


def test_what_mergekit_takes_is_taken_and_what_has_no_effect_is_said(family: dict[str, Path], tmp_path: Path) -> None:
    base, other = str(family["base"]), str(family["m1"])
    text = f"""
_shared: &shared {{weight: 0.5, density: '0.5'}}
license: mit
random_seed: 3
merge_method: ties
base_model: {base}
modules:
  default:
    slices:
      - sources:
          - {{model: {base}, layer_range: [0, 2], parameters: null}}
          - {{model: {other}, layer_range: [0, 2], residual_weight: 0.3, parameters: *shared}}
parameters:
  normalize: 1.0
  int8_mask: 1.0
  lambda: [{{filter: self_atn, value: 0.2}}, {{value: 1.0}}]
  embed_slerp: true
  gamma: 0.1
tokenizer:
dtype: torch.bfloat16
"""
    (tmp_path / "m.yaml").write_text(text)
    (config,) = load(tmp_path / "m.yaml")
    assert config.dtype == "bfloat16"
    assert config.modules is not None
    slices = config.modules["default"].slices
    assert slices is not None
    assert slices[0].sources[0].parameters == {}
    todo = plan(config)
    assert [t.values["normalize"] for t in todo.tensors] == [True] * len(todo.tensors)
    assert todo.tensors[0].values.each["density"] == [0.5]
    said = "\n".join(todo.warnings)
    for part in (
        "license has no effect: no such key", "random_seed has no effect", "residual_weight has no effect",
        "the filter 'self_atn' matches no tensor. Did you mean 'self_attn'?", "embed_slerp has no effect: no method",
        "parameters.gamma has no effect on ties",
    ):  # fmt: skip
        assert part in said
    assert "_shared" not in said
    assert "int8_mask" not in said


def test_a_recipe_section_refuses_what_a_file_may_hold() -> None:
    with pytest.raises(ValueError, match="license"):
        MergeConfig.model_validate({**linear("a"), "license": "mit"})


def test_gradients_filters_and_precedence() -> None:
    evaluate = parameter_values.evaluate
    assert [evaluate([0.0, 1.0, 0.5], "x", d) for d in (0.0, 0.25, 0.5, 0.75, 1.0)] == [0.0, 0.5, 1.0, 0.75, 0.5]
    rules = [Conditional(filter="mlp", value=[0.0, 1.0]), Conditional(value=0.3)]
    assert evaluate(rules, "model.layers.3.mlp.up", 0.5) == 0.5
    assert evaluate(rules, "self_attn", 0.5) == 0.3
    assert evaluate([Conditional(filter="mlp", value=1)], "self_attn", 0.5) is None
    assert evaluate([True, False], "x", 0.9) is True
    assert evaluate(["1e-3", "3e-3"], "x", 0.5) == pytest.approx(2e-3)
    method = plan_method("ties")
    shared: list[Any] = [{"density": [Conditional(filter="mlp", value=0.9)]}, {"density": 0.5, "weight": 1.0}]
    models: dict[str, list[Any]] = {"a": [{"weight": 2.0}], "b": [{"density": 0.1}]}
    values = parameter_values.values_for(method, "x.mlp.y", 0.0, shared, models)
    assert values.each == {"weight": [2.0, 1.0], "density": [0.9, 0.1]}
    assert values["normalize"] is True


def plan_method(name: str) -> Any:
    from understudy.merge.methods import METHODS

    return METHODS[name]


def test_a_parameter_of_another_method_is_a_warning(family: dict[str, Path]) -> None:
    config = MergeConfig.model_validate(linear(family["m1"], parameters={"density": 0.5, "int8_mask": True}))
    assert plan(config).warnings == ["parameters.density has no effect on linear"]


def test_a_density_above_one_keeps_everything_and_is_a_warning(family: dict[str, Path]) -> None:
    def planned(density: Any) -> Any:
        models = [{"model": str(family["m1"]), "parameters": {"weight": 1.0, "density": density}}]
        document = {"merge_method": "ties", "models": models, "base_model": str(family["base"])}
        return plan(MergeConfig.model_validate(document))

    found = planned([{"filter": "mlp", "value": [0.5, 50]}, {"value": 1}])
    assert found.warnings == ["parameters.density: 50 is taken as 1, which keeps everything"]
    assert {v for t in found.tensors for v in t.values.each["density"]} <= {0.5, 1.0}
    assert planned(1).warnings == []
    with pytest.raises(RecipeError, match=r"density = -0.5 is outside 0.0 …"):
        planned(-0.5)


def test_layer_gradients_reach_the_layers(family: dict[str, Path], maker: ModuleType, tmp_path: Path) -> None:
    base, m1 = family["base"], family["m1"]
    t = [{"filter": "mlp", "value": [0, 1]}, {"value": [1, 0]}]
    config = {"merge_method": "slerp", "base_model": str(base), "models": [{"model": str(m1)}], "parameters": {"t": t}}
    merge(MergeConfig.model_validate(config), tmp_path / "out")
    a, b, out = (maker.load_arrays(p) for p in (base, m1, tmp_path / "out"))
    for name, from_b in (("model.layers.0.mlp.up_proj.weight", 0), ("model.layers.1.mlp.up_proj.weight", 1),
                         ("model.layers.0.self_attn.q_proj.weight", 1), ("model.norm.weight", 1)):  # fmt: skip
        assert np.allclose(out[name], (b if from_b else a)[name], atol=1e-6), name


def test_merges_that_build_on_one_another(family: dict[str, Path], maker: ModuleType, tmp_path: Path) -> None:
    first = linear(family["m1"], family["m2"], name="first")
    documents = load(write(tmp_path / "m.yaml", linear("first", family["m3"]), first))
    assert [d.name for d in documents] == ["first", None]
    assert set(MergeConfig(config=str(tmp_path / "m.yaml")).models()) == {str(family[m]) for m in ("m1", "m2", "m3")}
    merge_series(documents, tmp_path / "out")
    m1, m2, m3, out = (
        maker.load_arrays(p)["lm_head.weight"] for p in (*(family[m] for m in ("m1", "m2", "m3")), tmp_path / "out")
    )
    assert np.allclose(out, ((m1 + m2) / 2 + m3) / 2, atol=1e-7)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.yaml", "out"]
    circle = [linear("b", name="a"), linear("a", name="b"), linear("a")]
    for bad, message in (
        (circle, "in a circle: the unnamed merge → a → b → a"),
        ([linear("x", name="a"), linear("y", name="a")], "two merges are named 'a'"),
        ([linear("x"), linear("y")], "2 merges have no name"),
        ([linear("x", name="a"), linear("y")], "'a' is not used"),
        ([linear("x", name="../a"), linear("../a")], "cannot be the name of a folder"),
    ):
        with pytest.raises(RecipeError, match=message):
            load(write(tmp_path / "m.yaml", *bad))


def test_search_finds_the_best_value_and_resumes(family: dict[str, Path], maker: ModuleType, tmp_path: Path) -> None:
    config = MergeConfig.model_validate({
        "merge_method": "slerp", "base_model": str(family["base"]), "models": [{"model": str(family["m1"])}],
        "search": {"values": [0.0, 0.25, 0.5, 0.75, 1.0], "rounds": 2},
    })  # fmt: skip
    target = (
        0.6 * maker.load_arrays(family["m1"])["model.norm.weight"]
        + 0.4 * maker.load_arrays(family["base"])["model.norm.weight"]
    )
    asked: list[Path] = []

    def score(folder: Path) -> float | None:
        asked.append(folder)
        return -float(np.abs(maker.load_arrays(folder)["model.norm.weight"] - target).sum())

    found = search([config], score, tmp_path / "work")
    assert abs(found.value - 0.6) <= 0.07
    assert found.config.parameters["t"] == found.value
    assert found.config.search is None
    assert found.score == max(t.score for t in found.trials if t.score is not None)
    assert len(asked) == len(found.trials)
    assert not (tmp_path / "work" / "candidate").exists()
    with open(tmp_path / "work" / "search.jsonl", "a") as log:
        log.write('{"stamp": "cut o')
    again = search([config], lambda folder: pytest.fail("scored twice"), tmp_path / "work")
    assert again.value == found.value
    with pytest.raises(RecipeError, match="no candidate has a score"):
        search([config], lambda folder: None, tmp_path / "other")


def test_stage_writes_a_model_that_speaks(family: dict[str, Path], tmp_path: Path) -> None:
    from understudy.merge.stage import run

    (tmp_path / "out").mkdir()
    config = MergeConfig.model_validate(
        {"merge_method": "slerp", "models": [{"model": str(family["m1"])}], "parameters": {"t": 0.5}}
    )
    context = RunContext(out=tmp_path / "out", work=tmp_path / "work", root=tmp_path)
    output = run(config, Inputs(base_model=str(family["base"])), context)
    assert (tmp_path / "out" / "model" / "model.safetensors").is_file()
    assert output.counts["tensors"] == 21
    assert output.metrics["merge_method"] == "slerp"
    assert output.metrics["smoke_test"]
    assert json.dumps(dict(output.metrics))
    local = MergeConfig.model_validate(linear(family["m1"], family["m2"]))
    assert (estimate(local, {}).seconds or 0) > 0
    assert estimate(MergeConfig.model_validate(linear("org/far")), {}).seconds is None


def test_stage_searches_with_a_score(family: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from understudy.merge import stage

    fields = {"merge_method": "slerp", "models": [{"model": str(family["m1"])}], "base_model": str(family["base"])}
    config = MergeConfig.model_validate({**fields, "search": {"values": [0.2, 0.8]}, "smoke_test": False})
    (tmp_path / "out").mkdir()
    context = RunContext(out=tmp_path / "out", work=tmp_path / "work", root=tmp_path)
    scores, asked = iter([0.3, 0.9]), []

    def score(questions: str, folder: Path) -> float:
        asked.append((questions, (folder / "config.json").is_file()))
        return next(scores)

    monkeypatch.setattr(stage, "accuracy_of", score)
    output = stage.run(config, Inputs(), context)
    assert asked == [("suite", True)] * 2
    assert output.metrics["search"]["value"] == 0.8
    assert "t: 0.8" in (tmp_path / "out" / "model" / "merge.yaml").read_text()


def test_the_command(family: dict[str, Path], tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(command)
    file = str(write(tmp_path / "m.yaml", linear(family["m1"], family["m2"])))
    runner = CliRunner()
    dry = runner.invoke(app, [file, str(tmp_path / "out"), "--dry-run"])
    assert dry.exit_code == 0
    assert "writes 21 tensors" in dry.output
    assert "cosine" in dry.output
    assert not (tmp_path / "out").exists()
    done = runner.invoke(app, [file, str(tmp_path / "out"), "--threads", "1", "--max-memory", "8GB"])
    assert done.exit_code == 0
    assert "21 tensors" in done.output
    assert (tmp_path / "out" / "config.json").is_file()
    bad = runner.invoke(app, [file, str(tmp_path / "out2"), "--max-memory", "lots"])
    assert isinstance(bad.exception, RecipeError)
