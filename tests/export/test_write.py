"""Folders as they are given out: whole, proven, or not there at all."""

from __future__ import annotations

import json
import urllib.request
from importlib import util
from pathlib import Path

import numpy as np
import pytest
import torch
from export.models import CORPUS, ITEMS, build, material, of_pieces
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file
from transformers import Gemma2Config

from understudy.answer import ModelAnswerer
from understudy.errors import InputError, MissingExtraError, ModelError
from understudy.evaluation.question import Question
from understudy.export import parity, pieces, positions, runtime, vocabulary
from understudy.export.card import licence_of
from understudy.export.config import check_format, check_quants
from understudy.export.families import family_of, interleave, settings, translate
from understudy.export.measured import Measured
from understudy.export.ollama import modelfile, take_apart
from understudy.export.parity import Check, Material, divergence
from understudy.export.write import Source, export
from understudy.models.adapter import merge_adapter
from understudy.models.chat import render
from understudy.models.load import load_model, load_tokenizer, open_model
from understudy.models.save import save_adapter
from understudy.types import Arm, Message

needs_llama = pytest.mark.skipif(
    util.find_spec("xllamacpp") is None or util.find_spec("gguf") is None,
    reason="llama.cpp is not installed (the extra llamacpp)",
)


def compared_on(measured: Measured) -> tuple[Material, ModelAnswerer]:
    answerer = ModelAnswerer(Arm.parse("sft"), measured, None, (), 1, 32)
    questions = [Question(item) for item in ITEMS]
    return Material(CORPUS, questions, parity.shown(questions, answerer)), answerer


@pytest.fixture(scope="module")
def adapter(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("adapter") / "adapter"
    model = load_model(tiny_model, device=torch.device("cpu"))
    torch.manual_seed(1)
    taught = get_peft_model(model, LoraConfig(r=4, target_modules=["q_proj", "down_proj"], init_lora_weights=False))
    save_adapter(taught, folder)
    return folder


@pytest.fixture
def source(tiny_model: Path, adapter: Path) -> Source:
    return Source("kestrel@1", "sft", str(tiny_model), adapter, "sft is better than base by 9 points.")


def test_the_merged_folder_is_the_measured_model_bit_for_bit(source: Source, adapter: Path, tmp_path: Path) -> None:
    done = export(source, tmp_path / "out", material=compared_on)
    assert done.proven
    model, _ = open_model(source.reference, device="cpu")
    expected = merge_adapter(model, adapter).state_dict()
    for name, value in load_file(done.path / "model.safetensors").items():
        assert torch.equal(value, expected[name]), name
    record = json.loads((done.path / "parity.json").read_text(encoding="utf-8"))
    assert record["proven"]
    assert record["base_model"] == "model"  # never a path of this machine
    found = {c["name"]: c for c in record["files"][0]["checks"]}
    assert set(found) == {"template", "tokens", "bos", "kl", "same top token", "greedy text", "exam"}
    assert found["kl"]["found"]["largest"] < 1e-9
    assert found["exam"]["found"]["other answers"] == 0
    assert {"tokenizer.json", "generation_config.json", "README.md"} <= {p.name for p in done.path.iterdir()}
    assert "9 points" in (done.path / "README.md").read_text(encoding="utf-8")


def test_the_adapter_alone_is_compared_on_its_base(source: Source, tmp_path: Path) -> None:
    done = export(source, tmp_path / "out", format="adapter", material=compared_on)
    assert done.proven
    assert not (done.path / "model.safetensors").exists()


def test_nothing_is_given_out_without_parity(source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        parity, "check", lambda *a, **k: [Check("kl", False, 9, {"mean": 0.5}, "mean at most 0.001 nats")]
    )
    with pytest.raises(ModelError, match=r"f16|none.*kl.*0\.5"):
        export(source, tmp_path / "out", material=compared_on)
    assert not any(tmp_path.iterdir())
    forced = export(source, tmp_path / "out", material=compared_on, force=True)
    assert not forced.proven
    assert json.loads((tmp_path / "out" / "parity.json").read_text(encoding="utf-8"))["proven"] is False
    assert "fails: kl" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")


def test_what_cannot_be_asked_for(source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("kept")
    with pytest.raises(InputError, match="is there already"):
        export(source, tmp_path / "out", material=compared_on)
    with pytest.raises(InputError, match="--quant belongs to"):
        export(source, tmp_path / "new", quants=["q8_0"], material=compared_on)
    with pytest.raises(InputError, match="has no adapter"):
        export(Source("k@1", "base", source.reference, None), tmp_path / "new", format="adapter", material=compared_on)
    with pytest.raises(InputError, match="Did you mean 'gguf'"):
        check_format("ggfu")
    with pytest.raises(InputError, match="no such quantisation"):
        check_quants(["q3"])
    assert check_quants(["Q8_0", "f16", "q8_0"]) == ("q8_0", "f16")
    monkeypatch.setattr(util, "find_spec", lambda name, *a: None)
    with pytest.raises(MissingExtraError, match=r"understudy\[llamacpp\]"):
        export(source, tmp_path / "new", format="gguf", material=compared_on)


@needs_llama
@pytest.mark.parametrize("format", ["ollama", "jan"])
def test_folders_of_other_programs(format: str, source: Source, tmp_path: Path) -> None:
    done = export(source, tmp_path / "out", format=format, quants=["f16"], material=compared_on, force=True)
    [file] = done.path.rglob("*.gguf")
    assert done.files[0].checks
    assert not {c.name for c in done.files[0].failed} - {"same top token", "greedy text"}
    if format == "ollama":
        assert f"FROM ./{file.name}" in (done.path / "Modelfile").read_text(encoding="utf-8")
    else:
        described = (file.parent / "model.yml").read_text(encoding="utf-8")
        assert f"model_path: {file.relative_to(done.path).as_posix()}" in described


def test_the_parts_of_a_template_are_its_string(tiny_model: Path) -> None:
    tokenizer = load_tokenizer(tiny_model)
    default = (
        "{% if messages[0]['role'] != 'system' %}[S]Be brief.[/S]{% endif %}{% for m in messages %}"
        "[{{ m['role'] }}]{{ m['content'] }}[/]\n{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}"
    )
    turns = [Message("user", "a b"), Message("assistant", "c\nd"), Message("user", "e")]
    for template in (tokenizer.chat_template, default):
        tokenizer.chat_template = template
        parts = take_apart(lambda messages: render(tokenizer, messages))
        for messages in (turns, turns[:1], [Message("system", "s"), *turns]):
            assert parts.render(messages) == render(tokenizer, messages)
    text = modelfile("x.gguf", parts, window=512)
    assert "S]Be brief.[/S]{{ end }}" in text.split("{{ if not .System }}")[1]
    assert '{{ else if eq .Role "assistant" }}' in text
    tokenizer.chat_template = "{% for m in messages %}{{ m['content'] | upper }}{% endfor %}>"
    with pytest.raises(InputError, match="cannot be written in Ollama's language"):
        take_apart(lambda messages: render(tokenizer, messages))


def test_divergence_is_exact_over_the_whole_vocabulary_and_a_lower_bound_over_a_part() -> None:
    both = torch.log_softmax(torch.tensor([[2.0, 1, 0, -1], [1.0, 2, 0, 0]]).double(), -1)
    p, q = both.tolist()
    exact = float((both[0].exp() * (both[0] - both[1])).sum())
    assert divergence(p, dict(enumerate(q))) == pytest.approx(exact, rel=1e-6)
    assert 0 < divergence(p, {0: q[0], 1: q[1]}) < exact
    assert divergence(p, dict(enumerate(p))) == 0.0


def test_what_is_not_known_is_refused_by_name(tiny_model: Path, tmp_path: Path) -> None:
    config = json.loads((tiny_model / "config.json").read_text(encoding="utf-8"))
    with pytest.raises(InputError, match="type 'gemma3'"):
        family_of({**config, "model_type": "gemma3"})
    with pytest.raises(InputError, match="scaled by 'yarn'"):
        family_of({**config, "rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4}})
    with pytest.raises(InputError, match=r"self_attn\.sinks"):
        translate("model.layers.0.self_attn.sinks", config)
    assert settings({**config, "sliding_window": 512})["context_length"] == 512
    assert positions.tensors(config, 64) == {}


def gemma(**more: object) -> dict[str, object]:
    config = Gemma2Config(hidden_size=128, num_attention_heads=4, head_dim=64, query_pre_attn_scalar=64, **more)
    return dict(config.to_dict())


def test_a_family_that_llama_cpp_would_compute_otherwise_is_refused() -> None:
    assert settings(gemma())["attention.sliding_window"] == 4096
    assert settings(gemma())["context_length"] == 8192  # its windows are llama.cpp's as well
    for change, said in (
        ({"query_pre_attn_scalar": 144}, "scaled by 64; this one's is by 144"),
        ({"layer_types": ["full_attention"] * 26}, "every 2. layer"),
        ({"final_logit_softcapping": None}, "softcapping"),
        ({"hidden_activation": "gelu"}, "activation gelu_pytorch_tanh"),
    ):
        with pytest.raises(InputError, match=said):
            family_of({**gemma(), **change})
    with pytest.raises(InputError, match="scaled by 'longrope'"):
        family_of({**gemma(), "model_type": "gemma", "rope_parameters": {"rope_type": "longrope"}})


def test_norms_that_lack_one_are_given_it() -> None:
    for name in ("model.norm.weight", "model.layers.0.pre_feedforward_layernorm.weight"):
        _, lay_out = translate(name, gemma())
        assert lay_out(np.array([-0.5], dtype=np.float32)).tolist() == [0.5]
    target, lay_out = translate("model.layers.3.post_attention_layernorm.weight", gemma())
    assert target == "blk.3.post_attention_norm.weight"
    _, kept = translate("model.layers.3.mlp.up_proj.weight", gemma())
    assert kept(np.array([-0.5], dtype=np.float32)).tolist() == [-0.5]


def test_a_tokenizer_of_pieces(tmp_path: Path) -> None:
    folder = of_pieces(tmp_path / "gemma", "never")
    found = vocabulary.read(folder, load_tokenizer(folder), {"vocab_size": 1000})
    by_name = {token: i for i, token in enumerate(found.tokens)}
    assert (found.merges, found.pre, found.prefix) == ((), "default", "never")
    assert found.kinds[by_name["<0x0A>"]] == vocabulary.BYTE
    assert found.kinds[by_name["<unk>"]] == vocabulary.UNKNOWN
    assert found.kinds[by_name["<start_of_turn>"]] == vocabulary.CONTROL
    assert found.kinds[by_name["  "]] == vocabulary.USER_DEFINED  # looked for in the text as it was given
    assert pieces.scores({"a": 0, "b": 1, "ab": 2, "aba": 3}, ["a b", ("ab", "a"), ("a", "b")], 5)[2:4] == (0.0, -1.0)
    assert vocabulary.read(
        of_pieces(tmp_path / "phi", "first"), load_tokenizer(tmp_path / "phi"), {"vocab_size": 1000}
    ).strips
    plain = {"model": {"type": "BPE", "byte_fallback": True}, "normalizer": {"type": "Lowercase"}}
    assert not pieces.suits(plain)
    assert not pieces.suits({"model": {"type": "Unigram"}})


def test_rows_of_a_head_become_neighbours() -> None:
    rows = torch.arange(8).float().reshape(8, 1).numpy()
    assert interleave(rows, 2)[:, 0].tolist() == [0, 2, 1, 3, 4, 6, 5, 7]


def test_the_vocabulary_is_the_loaded_tokenizer_s(tiny_model: Path, tmp_path: Path) -> None:
    folder = build(tmp_path / "m", tiny_model, "llama")
    tokenizer = load_tokenizer(folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    found = vocabulary.read(folder, tokenizer, config, [1, 4])
    assert found.pre == "gpt-2"
    assert len(found.tokens) == config["vocab_size"]
    assert found.kinds[-24:] == (vocabulary.UNUSED,) * 24  # the padding
    assert found.kinds[0] == vocabulary.CONTROL
    assert found.special == {"bos": 0, "eos": 1, "pad": 2, "eot": 4}
    assert vocabulary.rule_of(
        {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Digits", "individual_digits": True}, {"type": "ByteLevel", "use_regex": True}]}}
    ) == "smollm"  # fmt: skip
    assert material().corpus


def test_the_licence_is_read_within_bounds(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    assert licence_of(tmp_path) is None
    levels = zip("abcdefgh", "bcdefghi", strict=True)
    laughs = "a: &a [x, x]\n" + "\n".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in levels)
    for front, licence in (
        ("license: apache-2.0", "apache-2.0"),
        ("license: [mit, apache-2.0]", "mit, apache-2.0"),
        ("license: {name: mine}", None),
        (laughs + "\nlicense: *i", None),
        ("license: " + "[" * 5_000, None),
        ("license: " + "9" * 100_000, None),
        ("license: 2026-99-99", None),
    ):  # fmt: skip
        readme.write_text(f"---\n{front}\n---\n# A model\n")
        assert licence_of(tmp_path) == licence, front[:60]


def test_what_is_asked_of_llama_cpp_goes_by_way_of_no_proxy() -> None:
    """A proxy of the environment would be told the run's documents."""
    assert not any(isinstance(h, urllib.request.ProxyHandler) and h.proxies for h in runtime._OPENER.handlers)  # type: ignore[attr-defined]
