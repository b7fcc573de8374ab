"""Artifacts: records survive the round trip, writes are atomic, damage is found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy import artifact
from understudy.artifact import Artifact, digest_file, publish, read_records, seal, write_records
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


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    """A finished artifact in a store, made an hour ago."""
    folder = tmp_path / "store" / "chunk" / "k"
    (folder / "model").mkdir(parents=True)
    (folder / "x.jsonl").write_text('{"a": 1}\n{"a": 2}\n')
    (folder / "model" / "w.bin").write_bytes(bytes(100))
    seal(folder, {"stage": "chunk", "key": "k"})
    for path in (folder / "x.jsonl", folder / "model" / "w.bin", folder / "manifest.json"):
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 3600))
    return folder


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: (f / "x.jsonl").write_text('{"a": 1}\n'), r"x\.jsonl: has 9 bytes where its manifest says 18"),
        (lambda f: (f / "x.jsonl").write_text('{"a": 1}\n{"a": 3}\n'), r"x\.jsonl: its content changed"),
        (lambda f: (f / "model" / "w.bin").unlink(), r"model/w\.bin: is missing"),
        (lambda f: (f / "mine.txt").write_text(""), r"mine\.txt: is not of this artifact"),
    ],
)
def test_a_changed_artifact_is_noticed_when_it_is_opened(sealed: Path, damage: Any, words: str) -> None:
    Artifact.open(sealed)
    damage(sealed)
    with pytest.raises(StoreError, match=words) as caught:
        Artifact.open(sealed)
    assert f"understudy store verify --delete --store {sealed.parents[2]}" in str(caught.value)


def test_a_change_that_hides_behind_size_and_time_is_found_by_digest(sealed: Path) -> None:
    file = sealed / "x.jsonl"
    stat = file.stat()
    file.write_text('{"a": 1}\n{"a": 9}\n')
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    found = Artifact.open(sealed)
    with pytest.raises(StoreError, match=r"x\.jsonl: its content changed"):
        found.verify()


def test_a_copy_is_read_once_and_then_trusted(sealed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    monkeypatch.setattr(artifact, "digest_file", lambda path: read.append(path.name) or digest_file(path))
    Artifact.open(sealed)
    assert read == []
    os.utime(sealed / "x.jsonl")
    Artifact.open(sealed)
    Artifact.open(sealed)
    assert read == ["x.jsonl"]


@pytest.mark.parametrize(
    "text",
    [
        "[]", "null", "1", '"x"', "{}", "[" * 5000, '{"stage": "x", "key": "k", "digest": "d"}', "\x00",
        '{"stage": "x", "key": "k", "digest": "d", "files": [1]}',
        '{"stage": "x", "key": "k", "digest": "d", "files": [{"path": "a", "bytes": "1", "sha256": "x"}]}',
        '{"stage": "x", "key": "k", "digest": "d", "files": [{"path": "../../etc/x", "bytes": 1, "sha256": "x"}]}',
        '{"stage": "x", "key": "k", "digest": "d", "files": [], "metrics": [1]}',
    ],
)  # fmt: skip
def test_a_damaged_manifest_is_one_clear_message(sealed: Path, text: str) -> None:
    (sealed / "manifest.json").write_text(text)
    with pytest.raises(StoreError, match=r"manifest\.json: damaged.*store verify --delete"):
        Artifact.open(sealed)


def test_records_that_cannot_be_read_name_their_line(tmp_path: Path) -> None:
    for text in (b'{"chunk_id": ' + b"[" * 5000, b"\xff\xfe\n"):
        (tmp_path / "x.jsonl").write_bytes(text)
        with pytest.raises(InputError, match=r"x\.jsonl:1: not"):
            read_records(tmp_path / "x.jsonl", Chunk)


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
