"""The engine: same bytes under any limits, whole or not at all, and clear words about what cannot be merged."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from understudy.errors import InputError, RecipeError, StoreError
from understudy.merge import engine, stream, survey, writer
from understudy.merge.engine import merge
from understudy.merge.schema import MergeDocument


def config(**fields: Any) -> MergeDocument:
    return MergeDocument.model_validate(fields)


def slerp(family: dict[str, Path], **more: Any) -> MergeDocument:
    fields = {"merge_method": "slerp", "base_model": str(family["base"]), "models": [{"model": str(family["m1"])}],
              "parameters": {"t": 0.4}}  # fmt: skip
    return config(**{**fields, **more})


def same(maker: ModuleType, a: Path, b: Path) -> bool:
    one, two = maker.load_arrays(a), maker.load_arrays(b)
    return one.keys() == two.keys() and all(np.array_equal(one[k], two[k]) for k in one)


@pytest.mark.parametrize("method", ["slerp", "ties"])
def test_threads_memory_and_shards_do_not_change_a_bit(method: str, maker: ModuleType, tmp_path: Path) -> None:
    shape = maker.Shape(hidden=160, layers=1, vocabulary=1200, intermediate=480)
    base = maker.make_model(tmp_path / "base", shape, seed=0)
    other = maker.make_model(tmp_path / "other", shape, seed=1, base=base)
    parameters = {"t": 0.4} if method == "slerp" else {"weight": 1.0, "density": 0.3}
    merges = config(merge_method=method, base_model=str(base), models=[{"model": str(other)}], parameters=parameters)
    merge(merges, tmp_path / "a", threads=1)
    merge(merges, tmp_path / "b", threads=4)
    assert same(maker, tmp_path / "a", tmp_path / "b")
    small = merges.model_copy(update={"shard_size": 200_000})
    merge(small, tmp_path / "c", threads=2)
    index = json.loads((tmp_path / "c" / "model.safetensors.index.json").read_text())
    assert len(set(index["weight_map"].values())) > 2
    assert same(maker, tmp_path / "a", tmp_path / "c")


def test_a_tensor_larger_than_the_memory_is_streamed(
    maker: ModuleType, family: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    merge(slerp(family), tmp_path / "a")
    monkeypatch.setattr(engine, "_budget", lambda *_: 1000)
    merge(slerp(family), tmp_path / "b", threads=2)
    assert same(maker, tmp_path / "a", tmp_path / "b")
    monkeypatch.undo()
    with pytest.raises(InputError, match="max_memory: 50 MB is too little"):
        merge(slerp(family), tmp_path / "c", max_memory=50_000_000)


def test_what_a_process_holds_stops_a_merge_only_where_a_limit_is_stated(
    family: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = SimpleNamespace(memory_info=lambda: SimpleNamespace(rss=3_000_000_000))  # as with a GPU's libraries loaded
    monkeypatch.setattr(engine.psutil, "Process", lambda: held)
    assert merge(slerp(family), tmp_path / "a").n_tensors > 0
    for stated in (
        lambda: merge(slerp(family, max_memory="2GB"), tmp_path / "b"),
        lambda: merge(slerp(family), tmp_path / "b", max_memory=2_000_000_000),
    ):
        with pytest.raises(InputError, match=r"max_memory: 2000 MB is too little here; 30\d\d MB is the least"):
            stated()


def test_the_result_loads_and_says_where_it_comes_from(family: dict[str, Path], tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    report = merge(slerp(family), tmp_path / "out", threads=1)
    tensors = load_file(tmp_path / "out" / "model.safetensors")
    assert report.n_tensors == len(tensors)
    assert report.bytes_out == sum(t.nbytes for t in tensors.values())
    assert report.linear_share is not None
    assert 0.0 <= report.linear_share <= 1.0
    assert report.mean_cosine is not None
    assert report.likeness[0].cosine is not None
    card = (tmp_path / "out" / "README.md").read_text()
    assert "SLERP" in card
    assert str(family["m1"]) in card
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out"]
    again = merge(
        MergeDocument.model_validate(__import__("yaml").safe_load((tmp_path / "out" / "merge.yaml").read_text())),
        tmp_path / "b",
    )
    assert again.tensors == report.tensors


@pytest.mark.parametrize(
    ("stored", "wanted", "code"), [("F16", None, "F16"), ("F32", "bfloat16", "BF16"), ("BF16", "float32", "F32")]
)
def test_dtypes(stored: str, wanted: str | None, code: str, maker: ModuleType, tmp_path: Path) -> None:
    base = maker.make_model(tmp_path / "base", seed=0, dtype=stored)
    other = maker.make_model(tmp_path / "other", seed=1, dtype=stored)
    merge(slerp({"base": base, "m1": other}, dtype=wanted), tmp_path / "out")
    from understudy.models.safetensors_header import parse_header

    assert {t.dtype for t in parse_header(tmp_path / "out" / "model.safetensors").values()} == {code}
    kinds = {"F16": "float16", "BF16": "bfloat16", "F32": "float32"}
    assert json.loads((tmp_path / "out" / "config.json").read_text())["torch_dtype"] == kinds[code]


def test_an_existing_folder_is_never_overwritten(family: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("precious")
    with pytest.raises(InputError, match="exists already"):
        merge(slerp(family), tmp_path / "out")
    assert (tmp_path / "out" / "mine.txt").read_text() == "precious"


def damaged(family: dict[str, Path], maker: ModuleType, place: Path, change: Any) -> dict[str, Path]:
    shutil.copytree(family["m1"], place)
    arrays = dict(maker.load_arrays(place))
    change(arrays)
    maker.save_arrays(place / "model.safetensors", arrays)
    return {**family, "m1": place}


def test_nan_and_infinity_are_refused_by_file_and_tensor(
    family: dict[str, Path], maker: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "model.layers.1.mlp.up_proj.weight"

    def change(arrays: Any) -> None:
        arrays[name] = arrays[name].copy()
        arrays[name][3, 5] = np.nan

    bad = damaged(family, maker, tmp_path / "bad", change)
    with pytest.raises(InputError, match=rf"bad/model\.safetensors: tensor '{name}' has values that are NaN"):
        merge(slerp(bad), tmp_path / "out")
    monkeypatch.setattr(engine, "survey", lambda *_: [])  # the sample need not meet it; the merge must
    for method, parameters in (("slerp", {"t": 0.5}), ("ties", {"weight": 1.0, "density": 0.5})):
        with pytest.raises(InputError, match=rf"bad/model\.safetensors: tensor '{name}' has 1 values"):
            merge(slerp(bad, merge_method=method, parameters=parameters), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_models_that_do_not_fit_are_refused_by_name(family: dict[str, Path], maker: ModuleType, tmp_path: Path) -> None:
    lacking = damaged(family, maker, tmp_path / "lacking", lambda a: a.pop("model.layers.0.mlp.up_proj.weight"))
    with pytest.raises(InputError, match=r"lacking: no tensor 'model\.layers\.0\.mlp\.up_proj\.weight'"):
        merge(slerp(lacking), tmp_path / "out")
    extra = damaged(
        family, maker, tmp_path / "extra", lambda a: a.update({"score.weight": np.zeros((2, 32), np.float32)})
    )
    with pytest.raises(InputError, match=r"no tensor 'score\.weight', which .*extra has"):
        merge(slerp(extra), tmp_path / "out")
    narrow = damaged(
        family, maker, tmp_path / "narrow", lambda a: a.update({"model.norm.weight": np.ones(31, np.float32)})
    )
    with pytest.raises(
        InputError, match=r"'model\.norm\.weight' has different shapes: \[32\] in .*base, \[31\] in .*narrow"
    ):
        merge(slerp(narrow), tmp_path / "out")
    for key, value, message in (
        ("architectures", ["GPT2LMHeadModel"], "different architectures"),
        ("num_attention_heads", 8, "num_attention_heads is 8"),
        ("quantization_config", {"quant_method": "gptq"}, r"quantised \(gptq\)"),
    ):
        other = tmp_path / key
        shutil.copytree(family["m1"], other)
        settings = json.loads((other / "config.json").read_text())
        (other / "config.json").write_text(json.dumps({**settings, key: value}))
        with pytest.raises(InputError, match=message):
            merge(slerp({**family, "m1": other}), tmp_path / "out")
    with pytest.raises(InputError, match="no folder"):
        merge(slerp({**family, "m1": tmp_path / "nowhere"}), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_full_disk_is_said_at_once_and_leaves_nothing(
    family: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(StoreError, match=r"disk is full: the merge needs 0\.00 GB"):
        merge(slerp(family), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    monkeypatch.setattr(writer, "_write_all", full)
    with pytest.raises(StoreError, match="disk is full"):
        merge(slerp(family), tmp_path / "out")
    assert not (tmp_path / "out").exists()


_STUCK = """
import sys
from pathlib import Path
from understudy.merge import engine, writer
from understudy.merge.schema import MergeDocument
finish = writer.ShardWriter.finish
written = 0
def six(self, name, facts):
    global written
    finish(self, name, facts)
    written += 1
    if written == 6:
        print(name, flush=True)
        sys.stdin.read()
writer.ShardWriter.finish = six
engine.merge(MergeDocument.model_validate_json(sys.argv[1]), Path(sys.argv[2]), threads=2)
"""


def test_a_killed_merge_goes_on_where_it_stopped(family: dict[str, Path], maker: ModuleType, tmp_path: Path) -> None:
    merges = slerp(family)
    merge(merges, tmp_path / "whole")
    out = tmp_path / "out"
    command = [sys.executable, "-c", _STUCK, merges.model_dump_json(exclude_none=True), str(out)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        with pytest.raises(InputError, match="another merge is writing it"):
            merge(merges, out)
        os.kill(process.pid, signal.SIGKILL)
    assert not out.exists()
    report = merge(merges, out)
    assert report.resumed >= 5
    assert report.n_tensors > report.resumed
    assert same(maker, tmp_path / "whole", out)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "whole"]


def test_an_interrupted_merge_of_other_settings_starts_anew(
    family: dict[str, Path], maker: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(what: str, done: float, total: float | None) -> None:
        if total is not None and done > total / 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        merge(slerp(family), tmp_path / "out", progress=stop)
    assert not (tmp_path / "out").exists()
    report = merge(slerp(family, parameters={"t": 0.9}), tmp_path / "out")
    merge(slerp(family, parameters={"t": 0.9}), tmp_path / "b")
    assert report.resumed == 0
    assert same(maker, tmp_path / "out", tmp_path / "b")
    with pytest.raises(KeyboardInterrupt):
        merge(slerp(family), tmp_path / "c", progress=stop)
    monkeypatch.setattr(writer, "_boot", lambda: "another boot")  # unwritten pages may be lost: nothing is believed
    assert merge(slerp(family), tmp_path / "c").resumed == 0


def test_layers_are_stacked_and_renumbered(family: dict[str, Path], maker: ModuleType, tmp_path: Path) -> None:
    m1, m2 = str(family["m1"]), str(family["m2"])
    sources = [[{"model": m1, "layer_range": [0, 2]}], [{"model": m2, "layer_range": [1, 2]}]]
    merge(config(merge_method="passthrough", slices=[{"sources": s} for s in sources]), tmp_path / "out")
    out, a, b = (maker.load_arrays(p) for p in (tmp_path / "out", family["m1"], family["m2"]))
    name = "model.layers.{}.mlp.up_proj.weight"
    assert np.array_equal(out[name.format(1)], a[name.format(1)])
    assert np.array_equal(out[name.format(2)], b[name.format(1)])
    assert np.array_equal(out["model.embed_tokens.weight"], a["model.embed_tokens.weight"])
    assert np.array_equal(out["lm_head.weight"], b["lm_head.weight"])
    assert json.loads((tmp_path / "out" / "config.json").read_text())["num_hidden_layers"] == 3


def test_a_tied_head_meets_an_untied_one(maker: ModuleType, tmp_path: Path) -> None:
    tied = maker.make_model(tmp_path / "tied", maker.Shape(tied=True), seed=0, dtype="F32")
    untied = maker.make_model(tmp_path / "untied", maker.Shape(), seed=1, dtype="F32")
    entries = [{"model": str(p), "parameters": {"weight": 0.5}} for p in (tied, untied)]
    merge(config(merge_method="linear", models=entries), tmp_path / "out")
    out, a, b = (maker.load_arrays(p) for p in (tmp_path / "out", tied, untied))
    expected = (a["model.embed_tokens.weight"] + b["lm_head.weight"]) / 2
    assert np.allclose(out["lm_head.weight"], expected, atol=1e-7)
    assert json.loads((tmp_path / "out" / "config.json").read_text())["tie_word_embeddings"] is False
    said = [w for w in engine.plan(config(merge_method="linear", models=entries)).warnings if "tie" in w]
    assert said == [
        f"{tied}: the output layer is tied to the embedding; the result has one of its own (lm_head.weight)"
    ]
    settings = json.loads((tied / "config.json").read_text())
    (tied / "config.json").write_text(json.dumps({**settings, "tie_word_embeddings": False}))
    with pytest.raises(InputError, match=r"tied: no tensor 'lm_head\.weight'"):  # transformers would make one up
        merge(config(merge_method="linear", models=entries), tmp_path / "out2")


def test_integer_tensors_must_agree(family: dict[str, Path], maker: ModuleType, tmp_path: Path) -> None:
    add = lambda n: lambda a: a.update({"model.steps": np.array([n, 2], np.int64)})  # noqa: E731
    base = damaged(family, maker, tmp_path / "b", add(1))["m1"]
    equal, other = (damaged(family, maker, tmp_path / f"o{n}", add(n))["m1"] for n in (1, 3))
    merge(slerp({"base": base, "m1": equal}), tmp_path / "out")
    assert maker.load_arrays(tmp_path / "out")["model.steps"].tolist() == [1, 2]
    with pytest.raises(InputError, match=r"'model\.steps' holds I64 and differs"):
        merge(slerp({"base": base, "m1": other}), tmp_path / "out2")


def test_survey_measures_likeness(family: dict[str, Path]) -> None:
    todo = engine.plan(slerp(family))
    (likeness,) = survey.survey(todo, [stream.open_sources(todo, t) for t in todo.tensors])
    assert likeness.cosine is not None
    assert 0.5 < likeness.cosine < 1.0
    assert likeness.change is not None
    assert likeness.change > 0.0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"base_model": None}, "base_model is missing: slerp needs one"),
        ({"parameters": {}}, "'t' is missing"),
        ({"parameters": {"t": "half"}}, "t is a number, not 'half'"),
        ({"parameters": {"t": [True, "x"]}}, "t is a number, not 'x'"),
    ],
)
def test_wrong_settings_are_named(
    fields: dict[str, Any], message: str, family: dict[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match=message):
        merge(slerp(family, **fields), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_start_up_of_a_merge_does_not_need_torch(family: dict[str, Path], tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from understudy.merge.engine import merge; "
        "from understudy.merge.schema import MergeDocument; "
        "merge(MergeDocument.model_validate_json(sys.argv[1]), Path(sys.argv[2])); assert 'torch' not in sys.modules"
    )
    subprocess.run(
        [sys.executable, "-c", code, slerp(family).model_dump_json(exclude_none=True), str(tmp_path / "out")],
        check=True,
    )
