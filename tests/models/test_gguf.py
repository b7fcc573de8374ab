"""A GGUF file as a model: found, multiplied out once, and the same model as the one it was written from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from understudy.errors import InputError, MissingExtraError, ModelError
from understudy.models import gguf as gguf_files
from understudy.models import resolve
from understudy.models.open import open_language_model
from understudy.types import Message

gguf = pytest.importorskip("gguf", reason="the library gguf is an extra")

WIDTH, HEADS, LAYERS, INNER = 64, 2, 2, 96
TEMPLATE = (
    "{% for m in messages %}{{ '<s>' + m['content'] + '</s>' }}{% endfor %}{% if add_generation_prompt %}<s>{% endif %}"
)


def _letters() -> list[str]:
    """The 256 byte letters of a byte-level vocabulary, as GPT-2 writes them."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {b: chr(b) for b in shown}
    rest = [b for b in range(256) if b not in letters]
    letters |= {b: chr(256 + i) for i, b in enumerate(rest)}
    return [letters[b] for b in range(256)]


def write_gguf(file: Path, kind: Any = None) -> dict[str, np.ndarray]:
    """A Llama of random weights, its matrices quantised as `kind`. Returns the values that the file stands for."""
    kind = kind or gguf.GGMLQuantizationType.Q4_1
    rng = np.random.default_rng(0)
    tokens = ["<s>", "</s>", *_letters(), "th", "the"]
    writer = gguf.GGUFWriter(file, "llama")
    writer.add_name("Tiny test")
    writer.add_license("apache-2.0")
    writer.add_block_count(LAYERS)
    writer.add_context_length(128)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([3, 3] + [1] * (len(tokens) - 2))
    writer.add_token_merges(["t h", "th e"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    writer.add_pad_token_id(1)
    writer.add_chat_template(TEMPLATE)
    values: dict[str, np.ndarray] = {}

    def add(name: str, shape: tuple[int, ...], quantised: bool = True) -> None:
        drawn = rng.normal(0, 0.1, shape).astype(np.float32)
        if not quantised:
            writer.add_tensor(name, drawn + 1)
            values[name] = drawn + 1
            return
        packed = gguf.quants.quantize(drawn, kind)
        writer.add_tensor(name, packed, raw_dtype=kind)
        values[name] = gguf.quants.dequantize(packed, kind)

    add("token_embd.weight", (len(tokens), WIDTH))
    add("output_norm.weight", (WIDTH,), quantised=False)
    for layer in range(LAYERS):
        at = f"blk.{layer}"
        for norm in ("attn_norm", "ffn_norm"):
            add(f"{at}.{norm}.weight", (WIDTH,), quantised=False)
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            add(f"{at}.{name}.weight", (WIDTH, WIDTH))
        add(f"{at}.ffn_gate.weight", (INNER, WIDTH))
        add(f"{at}.ffn_up.weight", (INNER, WIDTH))
        add(f"{at}.ffn_down.weight", (WIDTH, INNER))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return values


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, np.ndarray], Path]:
    """The file, its values, and the folder made from it in a cache of its own."""
    root = tmp_path_factory.mktemp("gguf")
    values = write_gguf(root / "tiny.gguf")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(root / "cache"))
        folder = resolve.local_folder(f"gguf:{root / 'tiny.gguf'}")
    return root / "tiny.gguf", values, folder


@pytest.fixture(autouse=True)
def _own_cache(made: tuple[Path, Any, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(made[0].parent / "cache"))


def test_every_value_is_the_one_that_the_file_stands_for(made: tuple[Path, dict[str, np.ndarray], Path]) -> None:
    from safetensors.torch import load_file

    _, values, folder = made
    weights = load_file(folder / "model.safetensors")
    assert {w.dtype for w in weights.values()} == {torch.float32}
    same = {
        "model.embed_tokens.weight": "token_embd.weight",
        "model.layers.1.mlp.down_proj.weight": "blk.1.ffn_down.weight",
        "model.layers.0.self_attn.v_proj.weight": "blk.0.attn_v.weight",
        "model.layers.0.input_layernorm.weight": "blk.0.attn_norm.weight",
    }
    for ours, theirs in same.items():
        np.testing.assert_array_equal(weights[ours].numpy(), values[theirs])
    # llama.cpp turns pairs of neighbours, transformers the two halves of a head: the rows change places.
    q = values["blk.0.attn_q.weight"].reshape(HEADS, WIDTH // HEADS // 2, 2, WIDTH)
    expected = q.swapaxes(1, 2).reshape(WIDTH, WIDTH)
    np.testing.assert_array_equal(weights["model.layers.0.self_attn.q_proj.weight"].numpy(), expected)


def test_the_folder_says_where_it_came_from_and_holds_no_path(made: tuple[Path, Any, Path]) -> None:
    file, _, folder = made
    record = json.loads((folder / gguf_files.RECORD).read_text())
    assert record["file"] == "tiny.gguf"
    assert record["quantisation"] == "Q4_1"
    assert record["tensors"] == {"F32": 5, "Q4_1": 15}
    assert record["sha256"] == resolve.identity(f"gguf:{file}")
    for written in folder.glob("*.json"):
        assert str(file.parent) not in written.read_text(), written
    assert "quantization_config" not in json.loads((folder / "config.json").read_text())


def test_it_speaks_in_its_own_template_and_ends_where_the_file_says(made: tuple[Path, Any, Path]) -> None:
    file, _, _ = made
    reader = open_language_model(f"gguf:{file}")
    assert reader.window == 128
    assert reader.count_tokens([Message("user", "the")]) == 4  # <s> the </s> <s>
    assert reader._end_tokens() == [1]
    done = reader.generate([[Message("user", "the")]], max_tokens=4)
    assert done[0].completion_tokens <= 4
    assert len(reader.loglikelihoods([[Message("user", "the")]], [["a", "b c"]])[0]) == 2


def test_it_is_made_once_and_anew_for_other_content(made: tuple[Path, Any, Path], tmp_path: Path) -> None:
    file, _, folder = made
    before = (folder / "model.safetensors").stat().st_mtime_ns
    assert resolve.local_folder(f"gguf:{file}") == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == before
    moved = tmp_path / "tiny.gguf"
    moved.write_bytes(file.read_bytes())
    assert resolve.local_folder(f"gguf:{moved}") == folder
    other = tmp_path / "other" / "tiny.gguf"
    other.parent.mkdir()
    write_gguf(other, gguf.GGMLQuantizationType.Q8_0)
    assert resolve.identity(f"gguf:{other}") != resolve.identity(f"gguf:{file}")
    assert resolve.local_folder(f"gguf:{other}") != folder


def test_parameters_are_counted_in_the_header(made: tuple[Path, dict[str, np.ndarray], Path]) -> None:
    file, values, _ = made
    assert resolve.parameters(f"gguf:{file}") == sum(v.size for v in values.values())


def test_a_file_inside_a_package_is_found_without_importing_it(
    made: tuple[Path, Any, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "weights_of_mine"
    (package / "data").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')\n")
    (package / "data" / "tiny.gguf").write_bytes(made[0].read_bytes())
    (tmp_path / "secret.gguf").write_bytes(made[0].read_bytes())
    monkeypatch.syspath_prepend(str(tmp_path))
    ref = "gguf:weights_of_mine/data/tiny.gguf"
    assert resolve.identity(ref) == resolve.identity(f"gguf:{made[0]}")
    assert resolve.local_folder(ref) == made[2]
    assert gguf_files.in_package("weights_of_mine/data/tiny.gguf")
    with pytest.raises(InputError, match="no such file"):
        resolve.identity("gguf:weights_of_mine/../secret.gguf")


def test_what_is_wrong_is_said_with_the_next_step(
    made: tuple[Path, Any, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="install that package first"):
        resolve.identity("gguf:no_such_package_here/x.gguf")
    (tmp_path / "page.gguf").write_text("<html>")
    with pytest.raises(ModelError, match="is not a GGUF file"):
        resolve.local_folder(f"gguf:{tmp_path / 'page.gguf'}")
    (tmp_path / "cut.gguf").write_bytes(made[0].read_bytes()[:3000])
    with pytest.raises(ModelError, match=r"cut\.gguf"):
        resolve.local_folder(f"gguf:{tmp_path / 'cut.gguf'}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    real = gguf_files.util.find_spec
    monkeypatch.setattr(gguf_files.util, "find_spec", lambda name: None if name == "gguf" else real(name))
    with pytest.raises(MissingExtraError, match=r"understudy\[llamacpp\]"):
        resolve.local_folder(f"gguf:{made[0]}")
    assert resolve.parameters(f"gguf:{made[0]}") is None
