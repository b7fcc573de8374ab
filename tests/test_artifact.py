"""Artifacts: records survive the round trip, writes are atomic, damage is found."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy import artifact
from understudy.artifact import Artifact, publish, read_records, seal, write_records
from understudy.errors import InputError, StoreError
from understudy.types import Chunk, ItemResult, MCQItem, Message, QAPair

text = st.text(max_size=40)


@given(st.builds(QAPair, pair_id=text, question=text, answer=text, quote=text))
def test_a_pair_survives_the_round_trip(pair: QAPair) -> None:
    assert artifact.from_plain(QAPair, json.loads(json.dumps(artifact.to_plain(pair)))) == pair


def test_nested_and_optional_fields_survive_the_round_trip(tmp_path: Path) -> None:
    result = ItemResult(
        "base", "q1", "doc.md", None, 2, None, option_scores=((-1.0, -2.5), (-2.5, -1.0)), hit=True, detail={"a": [1]}
    )
    item = MCQItem("q1", "Which?", ("a", "b"), 1)
    write_records(tmp_path / "r.jsonl", [result])
    write_records(tmp_path / "i.jsonl", [item])
    assert read_records(tmp_path / "r.jsonl", ItemResult) == [result]
    assert read_records(tmp_path / "i.jsonl", MCQItem) == [item]


def test_line_separators_inside_a_record_do_not_break_the_line(tmp_path: Path) -> None:
    message = Message("user", "a\u2028b\nc\x85d")
    write_records(tmp_path / "m.jsonl", [message, message])
    assert read_records(tmp_path / "m.jsonl", Message) == [message, message]


@pytest.mark.parametrize(
    "line", ['{"role": "user"', '{"role": "user"}', '{"role": "user", "content": "", "x": 1}', "3"]
)
def test_a_bad_record_names_file_and_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text('{"role": "user", "content": "ok"}\n' + line + "\n")
    with pytest.raises(InputError, match=r"m\.jsonl:2: not a Message record"):
        read_records(path, Message)


def test_the_digest_ignores_key_order_and_sees_every_change() -> None:
    one = artifact.digest_json({"a": 1, "b": [1, 2]})
    assert one == artifact.digest_json({"b": [1, 2], "a": 1})
    assert one != artifact.digest_json({"a": 1, "b": [2, 1]})
    with pytest.raises(ValueError):
        artifact.digest_json({"a": float("nan")})


def test_equal_content_has_an_equal_digest_whenever_it_was_made(tmp_path: Path) -> None:
    for name, when in (("one", "today"), ("two", "tomorrow")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "x.txt").write_text("same")
        seal(folder, {"stage": "chunk", "key": name, "started": when})
    assert Artifact.open(tmp_path / "one").digest == Artifact.open(tmp_path / "two").digest


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    write_records(path, [Message("user", "old")])

    def failing() -> object:
        yield Message("user", "new")
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        write_records(path, failing())  # type: ignore[arg-type]
    assert read_records(path, Message) == [Message("user", "old")]
    assert [p.name for p in tmp_path.iterdir()] == ["x.jsonl"]


def test_an_unsealed_folder_is_not_an_artifact(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(StoreError, match="not a finished artifact"):
        Artifact.open(tmp_path / "a")
    with pytest.raises(StoreError, match="not sealed"):
        publish(tmp_path / "a", tmp_path / "b")


def test_publish_replaces_leftovers_but_never_a_finished_artifact(tmp_path: Path) -> None:
    def made(name: str, content: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "x.txt").write_text(content)
        seal(folder, {"stage": "chunk", "key": name})
        return folder

    target = tmp_path / "store" / "k"
    target.mkdir(parents=True)
    (target / "half").write_text("left by a crash")
    publish(made("one", "1"), target)
    assert [p.name for p in target.iterdir() if p.name != "manifest.json"] == ["x.txt"]
    publish(made("two", "2"), target)
    assert (target / "x.txt").read_text() == "1"


def test_verify_names_the_file_that_changed(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("1")
    seal(tmp_path, {"stage": "chunk", "key": "k"})
    found = Artifact.open(tmp_path)
    found.verify()
    (tmp_path / "x.txt").write_text("2")
    with pytest.raises(StoreError, match=r"x\.txt: differs"):
        found.verify()


def test_a_chunk_names_its_place() -> None:
    chunk = Chunk("c", "d.md", "text", 0, 4, 1, 1, 1, "Guide", ("Guide", "Install", "Linux"))
    assert chunk.breadcrumb == "Guide › Install › Linux"
    assert Chunk("c", "d.md", "text", 0, 4, 1, 1, 1, "Guide", ("Install",)).breadcrumb == "Guide › Install"
    assert Chunk("c", "d.md", "text", 0, 4, 1, 1, 1, "Guide").breadcrumb == "Guide"


def test_core_modules_load_without_heavy_libraries() -> None:
    heavy = ["torch", "transformers", "lancedb", "sentence_transformers", "scipy", "numba", "openai", "datasets"]
    code = f"import sys, understudy.pipeline, understudy.cli.main; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
