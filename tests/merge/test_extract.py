"""Adapters out of two models, and layers drawn from several."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM
from typer.testing import CliRunner

from understudy.cli.main import app
from understudy.errors import InputError, UsageError
from understudy.merge.engine import merge
from understudy.merge.extract import extract, factors
from understudy.merge.schema import MergeDocument
from understudy.merge.shuffle import layer_shuffle

MATRIX = "model.layers.1.mlp.up_proj.weight"


def changed(base: Path, out: Path, maker: ModuleType, change: Callable[[dict[str, Any]], None]) -> Path:
    shutil.copytree(base, out)
    arrays = {n: a.copy() for n, a in maker.load_arrays(base).items()}
    change(arrays)
    maker.save_arrays(out / "model.safetensors", arrays)
    return out


def applied(base: Path, adapter: Path, out: Path) -> None:
    document = {"merge_method": "passthrough", "models": [{"model": f"{base}+{adapter}"}]}
    merge(MergeDocument.model_validate(document), out)


@pytest.mark.parametrize("shape", [(6, 9), (9, 6), (5, 5)])
@pytest.mark.parametrize("rank", [1, 3, 20])
def test_factors_are_the_truncated_singular_value_decomposition(shape: tuple[int, int], rank: int) -> None:
    delta = np.random.default_rng(rank).standard_normal(shape).astype(np.float32)
    up, down, energy, kept = factors(delta, rank)
    u, s, vh = np.linalg.svd(delta.astype(np.float64), full_matrices=False)
    r = min(rank, len(s))
    assert np.allclose(up @ down, (u[:, :r] * s[:r]) @ vh[:r], atol=1e-5)
    assert energy == pytest.approx(float((s**2).sum()))
    assert kept == pytest.approx(float((s[:r] ** 2).sum()))
    # both factors carry the same share of each singular value
    assert np.allclose(np.linalg.norm(up, axis=0), np.sqrt(s[:r]), rtol=1e-4)
    assert np.allclose(np.linalg.norm(down, axis=1), np.sqrt(s[:r]), rtol=1e-4)


def test_a_change_of_low_rank_comes_back_whole(family: dict[str, Path], maker: ModuleType, tmp_path: Path) -> None:
    generator = np.random.default_rng(3)

    def change(arrays: dict[str, Any]) -> None:
        for name, array in arrays.items():
            if array.ndim == 2 and "layers" in name and "k_proj" not in name:
                b, a = (generator.standard_normal(s).astype(np.float32) for s in ((len(array), 3), (3, array.shape[1])))
                array += 0.05 * b @ a
        arrays["model.norm.weight"] += 0.25

    model = changed(family["base"], tmp_path / "model", maker, change)
    found = extract(str(family["base"]), str(model), tmp_path / "adapter", rank=3)
    assert found.kept == pytest.approx(1.0, abs=1e-6)
    assert found.whole == ("model.norm",)
    settings = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert settings["r"] == settings["lora_alpha"] == 3
    assert not any("k_proj" in name for name in settings["target_modules"])
    applied(family["base"], tmp_path / "adapter", tmp_path / "again")
    wanted, got = maker.load_arrays(model), maker.load_arrays(tmp_path / "again")
    assert max(float(np.abs(wanted[n] - got[n]).max()) for n in wanted) < 1e-5


def test_peft_reads_what_is_extracted(family: dict[str, Path], maker: ModuleType, tmp_path: Path) -> None:
    extract(str(family["base"]), str(family["m1"]), tmp_path / "adapter", rank=100)  # every matrix has fewer
    loaded = AutoModelForCausalLM.from_pretrained(family["base"], dtype=torch.float32)
    merged = PeftModel.from_pretrained(loaded, str(tmp_path / "adapter")).merge_and_unload().state_dict()
    wanted = maker.load_arrays(family["m1"])
    assert set(wanted) <= set(merged)
    assert max(float(np.abs(wanted[n] - merged[n].numpy()).max()) for n in wanted) < 1e-5


def test_a_tied_embedding_stays_tied(maker: ModuleType, tmp_path: Path) -> None:
    shape = maker.Shape(hidden=32, layers=1, vocabulary=64, intermediate=48, tied=True)
    base = maker.make_model(tmp_path / "base", shape, seed=0, dtype="F32")
    model = maker.make_model(tmp_path / "model", shape, seed=1, base=base, dtype="F32")
    extract(str(base), str(model), tmp_path / "adapter", rank=64)
    applied(base, tmp_path / "adapter", tmp_path / "again")
    wanted, got = maker.load_arrays(model), maker.load_arrays(tmp_path / "again")
    assert set(wanted) == set(got)
    assert max(float(np.abs(wanted[n] - got[n]).max()) for n in wanted) < 1e-5


def test_the_best_of_a_rank_is_kept_and_said(family: dict[str, Path], tmp_path: Path) -> None:
    paths = [str(family["base"]), str(family["m1"]), str(tmp_path / "adapter")]
    result = CliRunner().invoke(app, ["extract", *paths, "--rank", "2"])
    assert result.exit_code == 0, result.output
    flat = " ".join(result.output.split())
    assert "14 matrices" in flat
    share = float(flat.split("matrices, ")[1].split("%")[0])
    assert 5 < share < 40  # of noise, two directions of 16 to 32 hold a little more than their number
    assert "kept whole: model.embed_tokens" in flat


def test_what_cannot_be_extracted_is_named(family: dict[str, Path], maker: ModuleType, tmp_path: Path) -> None:
    base = str(family["base"])
    with pytest.raises(InputError, match="one model"):
        extract(base, base, tmp_path / "a")
    (tmp_path / "there").mkdir()
    with pytest.raises(InputError, match="exists"):
        extract(base, str(family["m1"]), tmp_path / "there")
    other = maker.make_model(
        tmp_path / "o", maker.Shape(hidden=32, layers=2, vocabulary=80, intermediate=48), dtype="F32"
    )
    with pytest.raises(InputError, match=r"embed_tokens\.weight' is \[80, 32\] in .*it is \[96, 32\]"):
        extract(base, str(other), tmp_path / "b")
    with pytest.raises(UsageError, match="rank 0"):
        extract(base, str(family["m1"]), tmp_path / "c", rank=0)
    assert not (tmp_path / "b").exists()


def test_layers_are_drawn_by_weight_and_seed(family: dict[str, Path], maker: ModuleType, tmp_path: Path) -> None:
    document = layer_shuffle(["a", "b", "c"], 3000, weights=[3, 1, 0], seed=5)
    assert document.slices is not None
    runs = [s.sources[0] for s in document.slices]
    covered = [n for run in runs for n in range(*run.layer_range)]
    assert covered == list(range(3000))  # each layer at its own place
    share = sum(r.layer_range[1] - r.layer_range[0] for r in runs if r.model == "a") / 3000
    assert abs(share - 0.75) < 4 * np.sqrt(0.75 * 0.25 / 3000)
    assert all(r.model != "c" for r in runs)
    assert document == layer_shuffle(["a", "b", "c"], 3000, weights=[3, 1, 0], seed=5)
    assert document != layer_shuffle(["a", "b", "c"], 3000, weights=[3, 1, 0], seed=6)
    mixed = layer_shuffle(["a"], 400, shuffle=True)
    assert mixed.slices is not None
    drawn = [n for s in mixed.slices for n in range(*s.sources[0].layer_range)]
    assert len(drawn) == 400
    assert len(set(drawn)) < 400
    with pytest.raises(UsageError, match="as many weights"):
        layer_shuffle(["a", "b"], 3, weights=[1])
    models = [str(family[m]) for m in ("m1", "m2")]
    merge(layer_shuffle(models, 2, seed=1), tmp_path / "out")
    out, parents = maker.load_arrays(tmp_path / "out"), [maker.load_arrays(family[m]) for m in ("m1", "m2")]
    for layer in (0, 1):
        name = f"model.layers.{layer}.mlp.up_proj.weight"
        assert any(np.array_equal(out[name], p[name]) for p in parents)
