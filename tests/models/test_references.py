"""References, digests and checks of model folders: light, without torch."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.artifact import seal
from understudy.errors import InputError, ModelError
from understudy.models import resolve
from understudy.models.ref import ModelRef
from understudy.models.weights import check_model, count_parameters, read_header


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("./model", ModelRef("folder", "./model")),
        ("/srv/models/a b", ModelRef("folder", "/srv/models/a b")),
        ("hf:org/name", ModelRef("hf", "org/name")),
        ("hf:org/name@refs/pr/3", ModelRef("hf", "org/name", "refs/pr/3")),
        ("hf:gpt2", ModelRef("hf", "gpt2")),
        ("lab:reader", ModelRef("lab", "reader")),
        ("gguf:./x.gguf", ModelRef("gguf", "./x.gguf")),
        ("openai:gpt-4o", ModelRef("openai", "gpt-4o")),
        ("openai:org/m@v2@http://host:8000/v1/", ModelRef("openai", "org/m@v2", base_url="http://host:8000/v1")),
        ("OpenAI:gpt-4o", ModelRef("openai", "gpt-4o")),
    ],
)
def test_every_form_is_read_and_written(text: str, expected: ModelRef) -> None:
    assert ModelRef.parse(text) == expected
    assert ModelRef.parse(str(expected)) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("hff:org/name", r"'hff:' is not one of .*Did you mean 'hf'\?"),
        ("hf:", "a name must follow 'hf:'"),
        ("hf:org/name@", "write it as hf:org/name"),
        ("hf:a/b/c", "write it as hf:org/name"),
        ("hf:../secrets", "write it as hf:org/name"),
        ("lab:../reader", "write it as lab:name"),
        ("openai:@http://host/v1", "write it as openai:model@http"),
    ],
)
def test_wrong_references_say_what_to_write(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ModelRef.parse(text)


def test_a_password_in_a_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(InputError) as raised:
        ModelRef.parse("openai:m@http://user:hunter2secret@host/v1")
    assert "hunter2secret" not in str(raised.value)


@given(st.from_regex(r"[A-Za-z0-9][\w.-]{0,20}/[A-Za-z0-9][\w.-]{0,20}", fullmatch=True).filter(str.isascii))
def test_hub_names_survive(name: str) -> None:
    assert str(ModelRef.parse(f"hf:{name}")) == f"hf:{name}"


def test_missing_things_are_named_with_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"For a model of the hub write hf:mistralai/Mistral-7B"):
        resolve.local_folder("mistralai/Mistral-7B")
    with pytest.raises(InputError, match=r"[Tt]here are: (.*lab:reader|none in this installation)"):
        resolve.local_folder("lab:raeder")
    (tmp_path / "x.gguf").write_bytes(b"GGUF")
    with pytest.raises(InputError, match=r"write gguf:"):
        resolve.identity(str(tmp_path / "x.gguf"))
    with pytest.raises(InputError, match="no such file"):
        resolve.identity("gguf:./none.gguf")
    with pytest.raises(InputError, match="no folder of weights"):
        resolve.local_folder("openai:gpt-4o")


def test_identity_follows_content_not_place(tiny_model: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tiny_model, copy)
    first, words = resolve.identity(str(copy)), resolve.tokenizer_identity(str(copy))
    assert first == resolve.identity(str(tiny_model))
    shutil.move(copy, tmp_path / "moved")
    copy = tmp_path / "moved"
    assert resolve.identity(str(copy)) == first
    data = bytearray((copy / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (copy / "model.safetensors").write_bytes(data)
    assert resolve.identity(str(copy)) != first
    assert resolve.tokenizer_identity(str(copy)) == words
    with open(copy / "tokenizer.json", "a") as file:
        file.write(" ")
    assert resolve.tokenizer_identity(str(copy)) != words


def test_a_finished_artifact_is_not_read_again(tiny_model: Path, tmp_path: Path) -> None:
    artifact = tmp_path / "artifact"
    shutil.copytree(tiny_model, artifact / "model")
    seal(artifact, {"stage": "merge", "key": "k"})
    first = resolve.identity(str(artifact / "model"))
    (artifact / "model" / "model.safetensors").write_bytes(b"")  # its digest comes from the manifest
    assert resolve.identity(str(artifact / "model")) == first


def test_digests_of_large_files_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(resolve, "_LARGE", 10)
    file = tmp_path / "x.gguf"
    file.write_bytes(b"GGUF" * 10)
    first = resolve.identity(f"gguf:{file}")
    known = json.loads((tmp_path / "cache" / "understudy" / "digests.json").read_text())
    assert known[str(file)][2] == first
    (tmp_path / "cache" / "understudy" / "digests.json").write_text("damaged")
    assert resolve.identity(f"gguf:{file}") == first
    file.write_bytes(b"GGUF" * 10 + b"!")
    assert resolve.identity(f"gguf:{file}") != first


def test_a_remote_model_stands_for_itself() -> None:
    assert resolve.identity("openai:m@http://h/v1/") == "openai:m@http://h/v1"


def test_parameters_are_counted_or_read_from_the_name(tiny_model: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    assert count_parameters(tiny_model) == sum(p.numel() for p in model.parameters())
    assert resolve.parameters(str(tiny_model)) == count_parameters(tiny_model)
    assert resolve.parameters("hf:mistralai/Mistral-7B-v0.1") == 7_000_000_000
    assert resolve.parameters("hf:Qwen/Qwen2.5-0.5B-Instruct") == 500_000_000
    assert resolve.parameters("hf:x/SmolLM-135M") == 135_000_000
    assert resolve.parameters("openai:gpt-4o") is None
    assert resolve.parameters("./nothing") is None


def test_damaged_weights_are_named(tiny_model: Path, tmp_path: Path) -> None:
    whole = (tiny_model / "model.safetensors").read_bytes()
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"")
    with pytest.raises(ModelError, match=r"model\.safetensors: is empty \(0 bytes\)"):
        read_header(file)
    file.write_bytes(whole[:-100])
    with pytest.raises(ModelError, match=rf"is cut off: it has {len(whole) - 100:,} of {len(whole):,} bytes"):
        read_header(file)
    for wrong in (b"\x80\x02}q\x00" * 99, struct.pack("<Q", 4) + b"null", struct.pack("<Q", 3) + b"{x}"):
        file.write_bytes(wrong)
        with pytest.raises(ModelError, match=r"model\.safetensors: (is not|its header)"):
            read_header(file)
    file.write_bytes(whole)
    assert read_header(file)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_clearly(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = tmp_path_factory.mktemp("bytes") / "x.safetensors"
    file.write_bytes(data)
    with pytest.raises(ModelError):
        read_header(file)


def test_folders_that_are_no_models_are_named(tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"config\.json is missing"):
        check_model(tmp_path)
    shutil.copy(tiny_model / "config.json", tmp_path)
    with pytest.raises(ModelError, match=r"holds no \*\.safetensors"):
        check_model(tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(ModelError, match=r"pytorch_model\.bin only.*pickle.*convert it once: .*save_pretrained"):
        check_model(tmp_path)
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    shutil.copy(tiny_model / "model.safetensors", tmp_path / "model-1.safetensors")
    with pytest.raises(ModelError, match=r"1 of 2 weight files are missing, first model-2\.safetensors"):
        check_model(tmp_path)


def test_an_adapter_is_not_a_model(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(ModelError, match="is an adapter"):
        check_model(tmp_path)


def test_references_and_configurations_import_no_heavy_library() -> None:
    code = (
        "import sys, understudy.models.ref, understudy.models.resolve, understudy.models.weights\n"
        "import understudy.sft.config, understudy.sft.estimate, understudy.align.config, understudy.align.estimate\n"
        "print([m for m in ('torch', 'transformers', 'datasets', 'numpy', 'peft') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
