"""A store in a bucket: published once, found by another machine, taken over where its maker fell silent."""

from __future__ import annotations

import importlib.util
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import understudy
from understudy.artifact import MANIFEST, Artifact, seal
from understudy.errors import InputError, MissingExtraError, StoreError, UsageError
from understudy.pipeline import remote as remote_module
from understudy.pipeline.loop import Planned
from understudy.pipeline.remote import Remote, place
from understudy.pipeline.store import Store

SERVED = all(importlib.util.find_spec(name) is not None for name in ("s3fs", "moto", "flask"))
REASON = "needs s3fs and moto: pip install s3fs 'moto[server,s3]'"
NUMBER = iter(range(1000))


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of an S3 server in this process."""
    if not SERVED:
        pytest.skip(REASON)
    from moto.server import ThreadedMotoServer

    served = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    served.start()
    yield "http://{}:{}".format(*served.get_host_and_port())
    served.stop()


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """A new bucket of it, named as `--store` takes it."""
    import boto3

    name = f"store-{next(NUMBER)}"
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1"}
    for variable, value in {**keys, "AWS_ENDPOINT_URL": server, "XDG_CACHE_HOME": str(tmp_path / "cache")}.items():
        monkeypatch.setenv(variable, value)
    boto3.client("s3").create_bucket(Bucket=name)
    return f"s3://{name}/team"


@pytest.fixture(params=["memory", "s3"])
def files(request: pytest.FixtureRequest) -> tuple[str, Any]:
    """A prefix and its file system: of this process's memory, and of the S3 server."""
    if request.param == "memory":
        from fsspec.implementations.memory import MemoryFileSystem

        return f"memory://store-{next(NUMBER)}/team", MemoryFileSystem()
    return opened(request.getfixturevalue("bucket"))


def opened(bucket: str) -> tuple[str, Any]:
    import s3fs

    return bucket, s3fs.S3FileSystem(use_listings_cache=False, skip_instance_cache=True)


def made(root: Path, text: str, key: str = "k" * 20) -> Artifact:
    folder = Store(root).artifact("chunk", key)
    (folder / "deep").mkdir(parents=True)
    (folder / "chunks.jsonl").write_text(text)
    (folder / "deep" / "same.txt").write_text("the same\n")
    seal(folder, {"stage": "chunk", "key": key})
    return Artifact.open(folder)


def test_what_one_machine_publishes_another_finds(files: tuple[str, Any], tmp_path: Path) -> None:
    remote = Remote(*files)
    target = tmp_path / "b" / "store" / "chunk" / ("k" * 20)
    assert not remote.fetch("chunk", "k" * 20, target)
    assert remote.push(first := made(tmp_path / "a", "one\n")).path == first.path
    assert Remote(*files).fetch("chunk", "k" * 20, target)
    there = Artifact.open(target)
    there.verify()
    assert there.manifest == first.manifest
    assert (target / "chunks.jsonl").read_text() == "one\n"


def test_it_is_published_once_and_the_first_wins(files: tuple[str, Any], tmp_path: Path) -> None:
    """Two made the same key at once and differ, as on graphics processors: both end with the first's content."""
    remote = Remote(*files)
    first, second = made(tmp_path / "a", "one\n"), made(tmp_path / "b", "another\n")
    assert first.digest != second.digest
    remote.push(first)
    kept = remote.push(second)
    assert kept.path == second.path
    assert kept.digest == first.digest
    assert (kept.path / "chunks.jsonl").read_text() == "one\n"
    kept.verify()


def test_many_at_once_publish_one(bucket: str, tmp_path: Path) -> None:
    files = opened(bucket)
    remote = Remote(*files)
    artifacts = [made(tmp_path / str(n), f"content {n}\n") for n in range(6)]
    begin = threading.Barrier(6)
    ended: list[str] = []

    def push(artifact: Artifact) -> None:
        begin.wait()
        ended.append(remote.push(artifact).digest)

    threads = [threading.Thread(target=push, args=(a,)) for a in artifacts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ended) == 6
    assert len(set(ended)) == 1


def test_without_a_manifest_there_is_nothing(files: tuple[str, Any], tmp_path: Path, monkeypatch: Any) -> None:
    """Killed while it published: the files are there, the artifact is not; the same command publishes it."""
    remote, artifact = Remote(*files), made(tmp_path / "a", "one\n")
    with monkeypatch.context() as patch:
        patch.setattr(Remote, "_create", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            remote.push(artifact)
    target = tmp_path / "b" / "chunk"
    assert not remote.fetch("chunk", artifact.key, target)
    remote.push(artifact)
    assert remote.fetch("chunk", artifact.key, target)


def test_content_that_is_not_its_manifests_is_refused(files: tuple[str, Any], tmp_path: Path) -> None:
    remote, artifact = Remote(*files), made(tmp_path / "a", "one\n")
    remote.push(artifact)
    blob = next(e["sha256"] for e in artifact.manifest["files"] if e["path"] == "chunks.jsonl")
    remote.files.pipe_file(remote._at(f"blobs/{blob}"), b"two\n")
    target = tmp_path / "b" / "chunk"
    with pytest.raises(StoreError, match=f"blobs/{blob}: its content is another"):
        remote.fetch("chunk", artifact.key, target)
    assert not target.exists()


def test_a_lock_is_held_by_one_and_given_on(files: tuple[str, Any]) -> None:
    inside, most, waited = [0], [0], []
    guard = threading.Lock()

    def work(number: int) -> None:
        remote = Remote(*files, expires=30.0, beat=0.2)
        with remote.lock("sft", "a" * 64, waited.append):
            with guard:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            time.sleep(0.1)
            with guard:
                inside[0] -= 1

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert most == [1]
    assert waited
    assert len(Remote(*files)._numbers(f"locks/sft-{'a' * 16}")) == 1


def test_the_lock_of_who_fell_silent_is_taken_over_and_a_living_one_is_not(files: tuple[str, Any]) -> None:
    dead = Remote(*files, expires=0.5, beat=1000)
    living = Remote(*files, expires=0.5, beat=0.05)
    with dead.lock("sft", "a" * 64, lambda _: None):
        began = time.monotonic()
        with living.lock("sft", "a" * 64, lambda _: None):
            assert time.monotonic() - began >= 0.5
            taken = threading.Event()

            def third() -> None:
                with Remote(*files, expires=0.5, beat=0.05).lock("sft", "a" * 64, lambda _: None):
                    taken.set()

            thread = threading.Thread(target=third)
            thread.start()
            assert not taken.wait(1.5), "it shows signs of life"
    assert taken.wait(30)
    thread.join()


def test_a_number_of_a_run_is_one_machines(files: tuple[str, Any]) -> None:
    assert [Remote(*files).claim_run("demo", n) for n in (1, 1, 2)] == [True, False, True]


def test_another_machine_goes_on_where_the_first_stopped(
    bucket: str, docs_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = {
        "name": "shared", "base_model": "lab:reader", "docs": {"path": str(docs_folder)},
        "generate": {}, "index": {"retriever": "bm25"},
    }  # fmt: skip
    ran: list[str] = []

    def watch(line: Planned, artifact: Artifact | None) -> None:
        if artifact is None:
            ran.append(line.step.name)

    first = understudy.run(recipe, store=bucket, until="chunk", on_stage=watch)
    assert ran == ["ingest", "chunk"]
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    ran.clear()
    assert [run.label for run in understudy.list_runs(store=bucket)] == ["shared@1"]
    plan = {line.step.name: line.status for line in understudy.plan(recipe, store=bucket).lines}
    assert (plan["ingest"], plan["chunk"]) == ("cached", "cached")
    second = understudy.run(recipe, store=bucket, on_stage=watch)
    assert ran == ["generate", "index"]
    assert second.label == "shared@1"
    assert second.store != first.store
    for stage, artifact in first.artifacts.items():
        assert second.artifact(stage).digest == artifact.digest
        second.artifact(stage).verify()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    ran.clear()
    again = understudy.run(recipe, store=bucket, on_stage=watch)
    assert ran == []
    assert {s: a.digest for s, a in again.artifacts.items()} == {s: a.digest for s, a in second.artifacts.items()}


def test_what_could_not_be_published_is_with_the_next_run(
    bucket: str, docs_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = {"name": "late", "base_model": "lab:reader", "docs": {"path": str(docs_folder)}}
    with monkeypatch.context() as patch:
        patch.setattr(Remote, "push", lambda self, artifact: artifact)
        run = understudy.run(recipe, store=bucket, until="ingest")
    remote = remote_module.mirrored(run.store)
    assert remote is not None
    assert remote._read(f"store/ingest/{run.artifact('ingest').key}/{MANIFEST}") is None
    understudy.run(recipe, store=bucket, until="ingest")
    kept = remote._read(f"store/ingest/{run.artifact('ingest').key}/{MANIFEST}")
    assert kept is not None
    assert json.loads(kept)["digest"] == run.artifact("ingest").digest


def test_a_bucket_that_is_not_there_is_one_clear_error(bucket: str) -> None:
    with pytest.raises(StoreError, match=r"s3://nobodys/here: cannot be .*AWS_ENDPOINT_URL"):
        understudy.run({"name": "x", "base_model": "lab:reader"}, store="s3://nobodys/here")


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(remote_module.importlib, "import_module", missing)
    with pytest.raises(
        MissingExtraError, match=r"s3://b/p: needs s3fs; install it with  pip install 'understudy\[s3\]'"
    ):
        place("s3://b/p")


@pytest.mark.parametrize("address", ["gs://bucket/x", "s3://", "https://host/x", "s3://[a/x", "s3://b/x#y", "s3:///x"])
def test_another_kind_of_address_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="neither a folder nor s3://BUCKET/PREFIX"):
        place(address)


@pytest.mark.parametrize(
    "address",
    [
        "s3://AKIAKEY:s3cr3t-w0rd@bucket/x", "s3://s3cr3t-w0rd@bucket", "https://me:s3cr3t-w0rd@host/bucket",
        "s3://bucket/x?secret=s3cr3t-w0rd", "gs://b/x?X-Signature=s3cr3t-w0rd", "s3://b/sk-s3cr3t-w0rd-0123456789",
    ],
)  # fmt: skip
def test_an_address_with_a_key_in_it_is_refused_and_not_repeated(
    address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(UsageError, match="AWS_SECRET_ACCESS_KEY") as refused:
        place(address)
    assert "s3cr3t" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "service", ["http://me:s3cr3t-w0rd@127.0.0.1:9", "http://127.0.0.1:9/?key=s3cr3t-w0rd", "minio:9"]
)
def test_a_service_by_an_address_with_a_key_in_it_is_refused(
    service: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("AWS_ENDPOINT_URL", service)
    with pytest.raises(InputError, match=r"^AWS_ENDPOINT_URL: ") as refused:
        place("s3://bucket/x")
    assert "s3cr3t" not in str(refused.value)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"url": ', "[" * 100_000])
def test_a_folder_that_no_longer_names_its_bucket_is_one_clear_error(content: str, tmp_path: Path) -> None:
    (tmp_path / "remote.json").write_text(content)
    with pytest.raises(StoreError, match="does not name a bucket; delete"):
        remote_module.mirrored(tmp_path)


def test_what_a_bucket_answers_is_shown_without_keys_and_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cr3t-w0rd-of-mine")

    class Loud:
        def exists(self, path: str) -> bool:
            raise ValueError(f"{'x' * 290}s3cr3t-w0rd-of-mine {'y' * 5000}")

    with pytest.raises(StoreError) as said:
        Remote("s3://b/p", Loud()).pull_runs(Path("nowhere"))
    assert "s3cr3t" not in str(said.value)
    assert len(str(said.value)) < 800


def test_a_folder_is_itself() -> None:
    assert place("a/b") == Path("a/b")
    assert Store(Path("a/b")).remote is None
