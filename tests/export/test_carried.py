"""A run that is served on another machine: nothing of the first one is needed, and it says the same."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import understudy
from understudy.cli.main import app
from understudy.errors import InputError, ModelError, StoreError
from understudy.serve.served import Served

pytestmark = pytest.mark.slow  # a whole run is made first
QUESTION = "Which port does Kestrel listen on?"


@pytest.fixture(scope="module")
def machine(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with documents, a model and a run: all that another machine does not have."""
    from conftest import GUIDE, LIMITS, OPTIONS

    folder = tmp_path_factory.mktemp("first")
    (folder / "docs").mkdir()
    (folder / "docs" / "guide.md").write_text(GUIDE)
    (folder / "docs" / "limits.md").write_text(LIMITS)
    (folder / "docs" / "options.md").write_text(OPTIONS)
    shutil.copytree(tiny_model, folder / "model")
    (folder / "model" / "optimizer.pt").write_text("not the model's")
    recipe = {
        "name": "kestrel",
        "base_model": str(folder / "model"),
        "docs": {"path": str(folder / "docs")},
        "chunk": {"chunk_size": 80, "chunk_overlap": 8},
        "generate": {"n_items": 8},
        "index": {"retriever": "bm25", "search": {"top_k": 2}},
        "sft": {"r": 4, "lora_alpha": 4, "epochs": 1},
        "benchmark": {"arms": ["base", "sft+rag"]},
    }
    understudy.run(recipe, store=folder / "store", device="cpu")
    return folder


def test_an_exported_run_answers_where_the_first_machine_is_gone(machine: Path, tmp_path: Path) -> None:
    run = understudy.open_run("kestrel", store=machine / "store", device="cpu")
    done = run.export(tmp_path / "out", format="serve", arm="sft+rag", questions=4)
    assert done.proven
    names = {c.name for c in done.files[0].checks}
    assert names == {"template", "tokens", "bos", "kl", "same top token", "greedy text", "search", "exam", "verdict"}
    said = run.answerer("sft+rag").answer(QUESTION)
    best = run.verdict.sentence
    shutil.move(tmp_path / "out", tmp_path / "elsewhere")
    shutil.move(machine, machine.with_name("gone"))
    try:
        there = understudy.open_run(str(tmp_path / "elsewhere"), device="cpu")
        assert (there.label, there.best_arm, there.verdict.sentence) == (run.label, "sft+rag", best)
        assert there.ask(QUESTION) == said
        served = Served(there, there.best_arm, "cpu")
        assert served.models() == [
            "kestrel", "kestrel/sft+rag", "kestrel/base", "kestrel/base+rag", "kestrel/sft",
        ]  # fmt: skip
        assert served.answerer("base+rag").prepare(QUESTION).hits
        by_name = understudy.open_run("kestrel", store=tmp_path / "elsewhere", device="cpu")
        assert by_name.ask(QUESTION) == said
    finally:
        shutil.move(machine.with_name("gone"), machine)
    files = [p for p in (tmp_path / "elsewhere").rglob("*") if p.is_file()]
    assert not any(p.suffix in (".pt", ".md") and p.name != "README.md" for p in files)
    for file in files:  # no path of the first machine
        assert str(machine).encode() not in file.read_bytes(), file


def test_what_answers_otherwise_is_not_given_out(
    machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from understudy.export import carried

    run = understudy.open_run("kestrel", store=machine / "store", device="cpu")
    keep = carried._copy_model

    def another(source: Path, target: Path) -> None:
        import torch
        from safetensors.torch import load_file, save_file

        keep(source, target)
        weights = load_file(target / "model.safetensors")
        name = "model.layers.0.mlp.down_proj.weight"
        save_file({**weights, name: weights[name] + torch.randn_like(weights[name])}, target / "model.safetensors")

    monkeypatch.setattr(carried, "_copy_model", another)
    with pytest.raises(ModelError, match="kl"):
        run.export(tmp_path / "out", format="serve", arm="base+rag", questions=2)
    assert not (tmp_path / "out").exists()
    assert not run.export(tmp_path / "out", format="serve", arm="base+rag", questions=2, force=True).proven
    assert json.loads((tmp_path / "out" / "parity.json").read_text())["proven"] is False


def test_a_damaged_folder_says_so(machine: Path, tmp_path: Path) -> None:
    run = understudy.open_run("kestrel", store=machine / "store", device="cpu")
    with pytest.raises(InputError, match="--quant"):
        run.export(tmp_path / "out", format="serve", quants=["q8_0"])
    (tmp_path / "serve.json").write_text("{")
    with pytest.raises(StoreError, match="damaged"):
        understudy.open_run(str(tmp_path))
    assert "export" in {c.name or c.callback.__name__ for c in app.registered_commands}  # type: ignore[union-attr]
