"""A recipe over several processes and over a Ray cluster that loses a machine makes the artifacts of one process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from understudy.engine import _Ray
from understudy.lab.worlds import make_world, write_world
from understudy.pipeline.loop import Pipeline
from understudy.recipe import Recipe, parse
from understudy.stage import Engine

STAGES = ("ingest", "chunk", "index")


def recipe(docs: Path, retriever: str = "bm25") -> Recipe:
    return parse(
        json.dumps(
            {
                "name": "spread",
                "base_model": "lab:reader",
                "docs": {"path": str(docs)},
                "chunk": {"chunk_size": 60},
                "index": {"retriever": retriever},
            }
        )
    )


@pytest.fixture(scope="module")
def docs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two manuals, a site of HTML pages that share a menu, and a file that cannot be read."""
    folder = tmp_path_factory.mktemp("docs")
    for seed in range(2):
        write_world(make_world(seed, pages=60, facts_per_page=12), folder / f"manual-{seed}")
    (folder / "site").mkdir()
    menu = "<nav><ul><li><a href='p0.html'>Home</a></li><li><a href='p1.html'>Next</a></li></ul></nav>"
    for n in range(40):
        text = f"Page {n} says that the limit is {100 + n} and how to raise it by hand. " * 4
        page = f"<html><title>Page {n}</title><body>{menu}<h1>Page {n}</h1><p>{text}</p></body></html>"
        (folder / "site" / f"p{n}.html").write_text(page)
    (folder / "bad.md").write_bytes(b"\xff\xfe\xfa")
    return folder


Digests = dict[str, str]
Made = Callable[..., Digests]


def digests(docs: Path, store: Path, retriever: str, **how: Any) -> Digests:
    done = Pipeline(recipe(docs, retriever), store).run(**how)
    assert {artifact.manifest["key_fields"].get("engine") for artifact in done.values()} == {None}
    return {name: f"{artifact.key} {artifact.digest}" for name, artifact in done.items()}


@pytest.fixture(scope="module")
def alone(docs: Path, tmp_path_factory: pytest.TempPathFactory) -> Digests:
    return digests(docs, tmp_path_factory.mktemp("alone"), "bm25")


def test_two_processes_make_the_artifacts_of_one(docs: Path, alone: Digests, tmp_path: Path) -> None:
    assert digests(docs, tmp_path, "bm25", workers=2) == alone


@pytest.mark.slow
def test_two_processes_embed_as_one(docs: Path, tmp_path: Path) -> None:
    one = digests(docs, tmp_path / "one", "hybrid")
    assert digests(docs, tmp_path / "two", "hybrid", workers=2) == one


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A head without processors for tasks beyond one, to which machines are added."""
    ray = pytest.importorskip("ray", reason="ray is not installed (the extra `ray`)")
    from ray.cluster_utils import Cluster

    memory = 100_000_000
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": memory})
    monkeypatch.setenv("RAY_ADDRESS", made.address)
    yield made
    ray.shutdown()
    made.shutdown()


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("stage", STAGES)
def test_a_machine_that_is_lost_while_a_stage_runs_changes_nothing(
    cluster: Any, docs: Path, alone: Digests, tmp_path: Path, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    node = cluster.add_node(num_cpus=1, object_store_memory=100_000_000)
    cluster.wait_for_nodes()
    lost: list[str] = []
    started = 0
    start = _Ray.start

    def watched(self: _Ray, shard: Any) -> Any:
        nonlocal started
        handle = start(self, shard)
        started += 1
        if here[0] == stage and started >= 2 and not lost:  # both machines are at work
            lost.append(stage)
            cluster.remove_node(node, allow_graceful=False)
        return handle

    here = [""]

    def on_stage(planned: Any, artifact: Any) -> None:
        nonlocal started
        here[0], started = ("" if artifact else planned.step.name), 0

    monkeypatch.setattr(_Ray, "start", watched)
    found = Pipeline(recipe(docs), tmp_path).run(engine="ray", on_stage=on_stage)
    assert {n: f"{a.key} {a.digest}" for n, a in found.items()} == alone
    assert lost == [stage]
    assert sum(n["Alive"] for n in ray.nodes()) == 1


@pytest.mark.slow
def test_the_command_runs_on_ray(docs: Path, alone: Digests, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="ray is not installed (the extra `ray`)")
    engine: Engine = "ray"
    (tmp_path / "recipe.yaml").write_text(json.dumps(recipe(docs).resolved()))
    code = "from understudy.cli.main import main; main()"
    command = [sys.executable, "-c", code, "run", str(tmp_path / "recipe.yaml"), "--store", str(tmp_path / "store")]
    done = subprocess.run(
        [*command, "--engine", engine, "--workers", "2"], capture_output=True, text=True, timeout=280,
        env={**os.environ, "RAY_ADDRESS": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "refused" not in done.stderr
    manifests = [json.loads(p.read_text()) for p in (tmp_path / "store" / "store").glob("*/*/manifest.json")]
    assert {m["stage"]: f"{m['key']} {m['digest']}" for m in manifests} == alone
