"""The safetensors reader: what is well formed is read, all else is refused by name and nothing else happens."""

from __future__ import annotations

import json
import random
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file
from transformers import AutoModelForCausalLM

from understudy.errors import InputError
from understudy.merge.checkpoint import open_checkpoint
from understudy.merge.reader import DTYPES, SafetensorsFile
from understudy.models.safetensors_header import count, parse_header


def write(path: Path, header: Any, data: bytes = b"") -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def entry(start: int, stop: int, shape: list[int], dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, stop]}


def test_reads_what_the_reference_implementation_writes(tmp_path: Path) -> None:
    arrays = {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.zeros((0, 4), np.float16), "c": np.array(3.5),
        "d": np.array([True, False]), "e": np.arange(5, dtype=np.int64),
    }  # fmt: skip
    save_file(arrays, tmp_path / "x.safetensors", {"format": "pt"})
    file = SafetensorsFile.open(tmp_path / "x.safetensors")
    assert file.tensors.keys() == arrays.keys()
    for name, array in arrays.items():
        assert file.tensors[name].shape == array.shape
        file.fetch(name)
        assert np.array_equal(file.array(name).reshape(array.shape), array)
        file.release(name)


ONE = json.dumps(entry(0, 4, [1])).encode()
BAD = {
    "lies_beyond_the_file": ({"a": entry(0, 400, [100])}, b"\0" * 40, "cut off: it has .*tensor 'a' is not whole"),
    "overlap": ({"a": entry(0, 8, [2]), "b": entry(4, 12, [2])}, b"\0" * 12, "'b' overlaps 'a'"),
    "same_place": ({"a": entry(0, 8, [2]), "b": entry(0, 8, [2])}, b"\0" * 8, "overlaps"),
    "gap": ({"a": entry(0, 8, [2]), "b": entry(12, 20, [2])}, b"\0" * 20, "4 bytes before tensor 'b'"),
    "trailing": ({"a": entry(0, 8, [2])}, b"\0" * 9, "1 bytes after the last tensor"),
    "size_and_shape": ({"a": entry(0, 8, [3])}, b"\0" * 8, "needs 12 bytes, its offsets give 8"),
    "backwards": ({"a": entry(8, 0, [2])}, b"\0" * 8, "'a'"),
    "negative": ({"a": entry(-8, 0, [2])}, b"\0" * 8, "data_offsets"),
    "negative_shape": ({"a": entry(0, 8, [-2])}, b"\0" * 8, "shape"),
    "huge_shape": ({"a": entry(0, 8, [2**62, 2**62])}, b"\0" * 8, "needs"),
    "bool_shape": ({"a": entry(0, 4, [True])}, b"\0" * 4, "shape"),
    "float_offset": ({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0.0, 4]}}, b"\0" * 4, "data_offsets"),
    "dtype": ({"a": entry(0, 8, [2], "F31")}, b"\0" * 8, "unknown dtype 'F31'"),
    "no_shape": ({"a": {"dtype": "F32", "data_offsets": [0, 4]}}, b"\0" * 4, "lacks"),
    "not_an_object": ({"a": 5}, b"", "lacks"),
    "list": (b"[1, 2]", b"", "does not begin with"),
    "not_json": (b"{'a'}", b"", "damaged"),
    "not_utf8": (b"{\xff}", b"", "damaged"),
    "deep": (b'{"a":' * 100_000, b"", "damaged"),
    "twice": (b'{"a":%s,"a":%s}' % (ONE, ONE), b"\0" * 4, "'a' stands twice"),
    "metadata": ({"__metadata__": [], "a": entry(0, 4, [1])}, b"\0" * 4, "__metadata__"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_damage_is_refused_by_name(name: str, tmp_path: Path) -> None:
    header, data, message = BAD[name]
    with pytest.raises(InputError, match=message.replace("(", r"\(")) as caught:
        parse_header(write(tmp_path / "bad.safetensors", header, data))
    assert "bad.safetensors" in str(caught.value)


def test_prefixes_that_lie(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    for raw, message in (
        (b"", "0 bytes"), (b"1234567", "7 bytes"), (b"\xff" * 8, "not a safetensors file"),
        ((100).to_bytes(8, "little") + b"{}", "is cut off: it has 10 of 108 bytes"),
        (b"PK\x03\x04" + b"\0" * 60, "safetensors"),
    ):  # fmt: skip
        path.write_bytes(raw)
        with pytest.raises(InputError, match=message):
            parse_header(path)


def test_every_truncation_of_a_file_is_noticed(tmp_path: Path) -> None:
    save_file({"a": np.zeros(3, np.float32), "b": np.zeros((2, 2), np.float16)}, tmp_path / "x")
    raw = (tmp_path / "x").read_bytes()
    for size in range(len(raw)):
        (tmp_path / "y").write_bytes(raw[:size])
        with pytest.raises(InputError):
            parse_header(tmp_path / "y")


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32))
def test_a_corrupted_file_is_refused_or_still_consistent(seed: int) -> None:
    import tempfile

    chance = random.Random(seed)
    header = {"aa": entry(0, 24, [2, 3]), "b": entry(24, 32, [4], "BF16"), "c": entry(32, 40, [1], "I64")}
    text = json.dumps(header).encode()
    raw = bytearray(len(text).to_bytes(8, "little") + text + bytes(40))
    for _ in range(chance.randint(1, 4)):
        action = chance.randrange(4)
        place = chance.randrange(len(raw))
        if action == 0:
            raw[place] = chance.randrange(256)
        elif action == 1:
            del raw[place : place + chance.randint(1, 9)]
        elif action == 2:
            raw[place:place] = bytes(chance.choices(b'0123456789-.,:[]{}"eE\xff ', k=chance.randint(1, 9)))
        else:
            other = chance.randrange(len(raw))
            raw[place : place + 6] = raw[other : other + 6]
        if not raw:
            raw = bytearray(b"\0")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.safetensors"
        path.write_bytes(bytes(raw))
        try:
            file = SafetensorsFile.open(path)
        except InputError:
            return
        length = int.from_bytes(raw[:8], "little")
        covered = sum(t.nbytes for t in file.tensors.values())
        assert covered == len(raw) - 8 - length
        for name, tensor in file.tensors.items():
            assert tensor.nbytes == count(tensor.shape) * DTYPES[tensor.dtype].itemsize
            assert file.array(name).nbytes == tensor.nbytes


def test_folders_that_cannot_be_used(maker: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such model folder"):
        open_checkpoint(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"holds no \*\.safetensors"):
        open_checkpoint(tmp_path / "empty")
    (tmp_path / "empty" / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(InputError, match=r"pickle.*save_pretrained"):
        open_checkpoint(tmp_path / "empty")
    maker.save_arrays(tmp_path / "empty" / "weights.safetensors", {"a": np.zeros(2, np.float32)})
    (tmp_path / "empty" / "pytorch_model.bin").unlink()
    with pytest.raises(InputError, match=r"holds weights\.safetensors, but neither model\.safetensors nor"):
        open_checkpoint(tmp_path / "empty")


@pytest.mark.parametrize("name", ["x" * 300 + ".safetensors", "é" * 200, "../a", "", 3, None])
def test_an_index_that_names_no_file_is_refused(tmp_path: Path, name: object) -> None:
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": name}}))
    with pytest.raises(InputError, match="is not a file name") as refused:
        open_checkpoint(tmp_path)
    assert len(str(refused.value)) < 600


def test_a_single_file_comes_before_an_index_as_in_transformers(maker: ModuleType, tmp_path: Path) -> None:
    place = maker.make_model(tmp_path / "m", maker.Shape(hidden=16, layers=1, vocabulary=32, intermediate=16))
    old = {k: v + 1 for k, v in maker.load_arrays(place).items()}
    maker.save_arrays(place / "model-00001-of-00001.safetensors", old)
    index = place / "model.safetensors.index.json"
    for weight_map in (dict.fromkeys(old, "model-00001-of-00001.safetensors"), {"x": "gone.safetensors"}, {}):
        index.write_text(json.dumps({"weight_map": weight_map}))
        found = open_checkpoint(place)
        assert list(found.files) == ["model.safetensors"]
        assert "as transformers does" in (found.note or "")
    loaded = AutoModelForCausalLM.from_pretrained(place, dtype="auto").state_dict()
    mine = {k: found.file(k).array(k).astype(np.uint32) << 16 for k in found.where}
    for name, values in mine.items():
        assert np.array_equal(values.view(np.float32), loaded[name].float().numpy().ravel())
    index.unlink()
    assert open_checkpoint(place).note is None


def test_shards_and_their_index_must_agree(maker: ModuleType, tmp_path: Path) -> None:
    a, b = np.zeros(2, np.float32), np.ones(3, np.float32)
    maker.save_arrays(tmp_path / "s1.safetensors", {"a": a})
    maker.save_arrays(tmp_path / "s2.safetensors", {"b": b})
    index = tmp_path / "model.safetensors.index.json"

    def opened(weight_map: Any) -> Any:
        index.write_text(json.dumps({"weight_map": weight_map}))
        return open_checkpoint(tmp_path)

    found = opened({"a": "s1.safetensors", "b": "s2.safetensors"})
    assert set(found.where) == {"a", "b"}
    assert found.nbytes == 20
    for weight_map, message in (
        ({"a": "s1.safetensors", "b": "s3.safetensors"}, r"first s3\.safetensors \(it holds 'b'"),
        ({"a": 7}, "not a file name"),
        ({}, "no weight_map"),
        ({"a": "s1.safetensors", "c": "s2.safetensors"}, "no tensor 'c'"),
        ({"a": "../s1.safetensors"}, "not a file name"),
        ([], "damaged"),
    ):
        with pytest.raises(InputError, match=message):
            opened(weight_map)
    maker.save_arrays(tmp_path / "s2.safetensors", {"a": a, "b": b})
    with pytest.raises(InputError, match="'a' is in both"):
        opened({"a": "s1.safetensors", "b": "s2.safetensors"})


def test_a_file_that_shrinks_while_it_is_read_is_an_error(tmp_path: Path) -> None:
    save_file({"a": np.zeros(1 << 16, np.float32)}, tmp_path / "x.safetensors")
    file = SafetensorsFile.open(tmp_path / "x.safetensors")
    file.array("a")
    with open(tmp_path / "x.safetensors", "r+b") as raw:
        raw.truncate(8192)
    with pytest.raises(InputError, match="tensor 'a' cannot be read"):
        file.fetch("a")
