"""Specialists: low-rank differences in PEFT's format, base and adapter as one model, practice apart from measuring."""

from __future__ import annotations

import json
import random
import re
import shutil
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from tools.lab_models import specialists
from understudy import lab, suite
from understudy.cli.lab import app
from understudy.errors import InputError, ModelError, UsageError
from understudy.models import bundled
from understudy.models.resolve import identity, local_folder, parameters, tokenizer_identity
from understudy.suite import preference_pairs


def test_a_difference_of_low_rank_is_kept_whole() -> None:
    rng = torch.Generator().manual_seed(0)
    before = {"model.layers.0.mlp.up_proj.weight": torch.randn(40, 30, generator=rng)}
    change = torch.randn(40, 3, generator=rng) @ torch.randn(3, 30, generator=rng)
    parts, share = specialists.low_rank(before, {k: v + change for k, v in before.items()}, rank=3)
    module = "base_model.model.model.layers.0.mlp.up_proj"
    assert set(parts) == {f"{module}.lora_A.weight", f"{module}.lora_B.weight"}
    product = parts[f"{module}.lora_B.weight"].float() @ parts[f"{module}.lora_A.weight"].float()
    assert torch.allclose(product, change, atol=0.05)
    assert share == pytest.approx(1.0, abs=1e-5)
    _, half = specialists.low_rank(before, {k: v + change for k, v in before.items()}, rank=1)
    assert 0.3 < half < 0.99


@pytest.mark.parametrize("skill", suite.SKILLS)
def test_what_measures_is_never_practised(skill: str) -> None:
    rng = random.Random(5)
    practised = {suite.draft(rng, skill)[0] for _ in range(1500)}
    measured = {i.question for seed in range(3) for i in suite.general_suite(60, seed) if i.kind == skill}
    assert not practised & measured


def test_pairs_of_numbers_that_measure_are_never_practised_in_any_order() -> None:
    def pair(question: str) -> tuple[int, ...]:
        return tuple(sorted(int(n) for n in re.findall(r"\d+", question)))

    rng = random.Random(1)
    practised = {pair(suite.draft(rng, "arithmetic")[0]) for _ in range(5000)}
    measured = {pair(i.question) for i in suite.general_suite(150) if i.kind == "arithmetic"}
    two = {p for p in measured if len(p) == 2}
    assert len(two) > 20
    assert not practised & two


def test_preferences_come_from_practice_and_the_seed_decides() -> None:
    pairs = preference_pairs(40, seed=3)
    assert pairs == preference_pairs(60, seed=3)[:40]
    assert pairs != preference_pairs(40, seed=4)
    for row in pairs:
        assert row["chosen"] != row["rejected"]
        assert 0.7 <= len(row["chosen"]) / len(row["rejected"]) <= 1.3


@pytest.mark.parametrize("name", ["math", "code", "chat"])
def test_a_specialist_is_small_and_opens_as_a_model(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    shipped = lab.shipped(name)
    assert sum(p.stat().st_size for p in shipped.iterdir()) <= 3_000_000
    assert {p.suffix for p in shipped.iterdir()} <= {".json", ".md", ".safetensors"}
    assert parameters(f"lab:{name}") == parameters("lab:reader")
    assert tokenizer_identity(f"lab:{name}") == tokenizer_identity("lab:reader")
    assert identity(f"lab:{name}") != identity("lab:reader")
    assert not list(tmp_path.rglob("*.safetensors"))  # nothing is made before it is needed
    folder = local_folder(f"lab:{name}")
    assert folder.is_relative_to(tmp_path)
    stamp = (folder / "model.safetensors").stat().st_mtime_ns
    assert local_folder(f"lab:{name}") == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == stamp


def test_bundled_models_together_stay_small() -> None:
    assert sum(p.stat().st_size for p in bundled.home().rglob("*") if p.is_file()) <= 30_000_000


def test_the_sum_is_what_peft_makes_of_base_and_adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from understudy.models.adapter import attach
    from understudy.models.load import load_model

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    ours = load_model(lab.path("chat"), device=torch.device("cpu")).state_dict()
    base = load_model(lab.path("reader"), device=torch.device("cpu"))
    before = {name: value.clone() for name, value in base.state_dict().items()}
    theirs = attach(base, lab.shipped("chat")).merge_and_unload().state_dict()
    moved = 0
    for name, value in theirs.items():
        assert torch.allclose(ours[name], value, rtol=2**-7, atol=1e-4), name  # stored as bfloat16
        moved += int(not torch.equal(ours[name], before[name]))
    assert moved == 5 * 7  # the matrices of five layers


def test_an_adapter_of_another_reader_is_refused(tmp_path: Path) -> None:
    shutil.copytree(lab.shipped("chat"), tmp_path / "chat")
    shutil.copytree(lab.shipped("reader"), tmp_path / "reader")
    record = json.loads((tmp_path / "chat" / "lab.json").read_text(encoding="utf-8"))
    (tmp_path / "chat" / "lab.json").write_text(json.dumps({**record, "base_weights": "0" * 64}), encoding="utf-8")
    with pytest.raises(ModelError, match=r"tools\.lab_models chat"):
        bundled.whole(tmp_path / "chat")


def test_a_cache_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(ModelError, match="XDG_CACHE_HOME"):
        local_folder("lab:chat")


def test_a_specialist_can_be_a_parent_of_a_merge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from understudy.cli.main import app as main

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    config = tmp_path / "merge.yaml"
    config.write_text(
        "merge_method: slerp\nbase_model: lab:reader\nmodels: [{model: lab:chat}]\nparameters: {t: 0.5}\n",
        encoding="utf-8",
    )
    result = CliRunner().invoke(main, ["merge", str(config), str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "out" / "model.safetensors").is_file()


def test_unknown_names_and_places_are_the_users_errors(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Did you mean 'math'"):
        specialists.build("maths")
    with pytest.raises(InputError, match=r"There are: .*lab:reader"):
        lab.path("raeder")
    (tmp_path / "taken").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="--out"):
        specialists.build("chat", tmp_path / "taken" / "chat")


def test_cards_are_shown_and_listed() -> None:
    runner = CliRunner()
    listed = runner.invoke(app, ["list"]).output
    for name in ("math", "code", "chat"):
        assert f"lab:{name}" in listed
        assert f"# lab:{name}" in runner.invoke(app, ["show", name]).output


def test_the_shipped_card_shows_a_gain_at_the_skill_beyond_both_intervals() -> None:
    for name, practice in specialists.PRACTICE.items():
        record = json.loads((lab.shipped(name) / "lab.json").read_text(encoding="utf-8"))
        before, after = record["scores"]["reader"][practice.skill], record["scores"][name][practice.skill]
        assert after["acc_low"] > before["acc_high"]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_building_is_seeded_and_teaches_the_skill(tmp_path: Path) -> None:
    first = specialists.build("chat", tmp_path / "a", threads=1, tokens=60_000, per_skill=60)
    second = specialists.build("chat", tmp_path / "b", threads=1, tokens=60_000, per_skill=60)
    record = json.loads((first / "lab.json").read_text(encoding="utf-8"))
    assert record["data_digest"] == json.loads((second / "lab.json").read_text(encoding="utf-8"))["data_digest"]
    scores = record["scores"]
    assert scores["chat"]["instructions"]["acc"] > scores["reader"]["instructions"]["acc"]
    weights = [(p / "adapter_model.safetensors").read_bytes() for p in (first, second)]
    assert weights[0] == weights[1]
