"""A recipe over several processes and over a Ray cluster that loses a machine makes the artifacts of one process."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import pytest

from understudy import engine as engine_module
from understudy.engine import _Ray
from understudy.lab.worlds import make_world, write_world
from understudy.pipeline.loop import Pipeline
from understudy.recipe import Recipe, parse
from understudy.retrieval import dense
from understudy.stage import Engine

STAGES = ("ingest", "chunk", "generate", "index")


def recipe(docs: Path, retriever: str = "bm25") -> Recipe:
    return parse(
        json.dumps(
            {
                "name": "spread",
                "base_model": "lab:reader",
                "docs": {"path": str(docs)},
                "chunk": {"chunk_size": 60},
                "generate": {},
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
@pytest.mark.timeout(900)
def test_two_processes_embed_as_one(docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense, "_SHARD", 16)
    few = recipe(docs / "site", "hybrid").model_copy(update={"generate": None})
    made = [Pipeline(few, tmp_path / str(n)).run(workers=n)["index"] for n in (1, 2)]
    assert made[0].counts["chunks"] > 2 * 16
    assert made[0].digest == made[1].digest


def machine() -> dict[str, Any]:
    """One processor, little memory, and ports that are chosen here: Ray waits 15 seconds for those that its agents
    choose, which is too short where other work runs."""
    ports = {}
    for name in ("metrics_agent", "metrics_export", "dashboard_agent_listen", "runtime_env_agent"):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            ports[f"{name}_port"] = free.getsockname()[1]
    return {
        "num_cpus": 1,
        "object_store_memory": 100_000_000,
        "include_log_monitor": False,
        "no_monitor": True,
        **ports,
    }


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Two machines of one processor each, as processes of this one."""
    ray = pytest.importorskip("ray", reason="ray is not installed (the extra `ray`)")
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args=machine())
    monkeypatch.setenv("RAY_ADDRESS", made.address)
    made.other = made.add_node(**machine())
    made.wait_for_nodes()
    yield made
    ray.shutdown()
    made.shutdown()


def noted(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


class Losing(_Ray):
    """Ray that loses a machine in the middle of a shard: what begins on it is noted and held until it is gone."""

    log: Path
    cluster: Any
    doomed: str
    stage = ""
    """The stage in which it is lost, while that runs; empty else."""

    def __init__(self, function: Callable[..., Any], workers: int | None, common: Any, fresh: bool) -> None:
        log, doomed, stage = str(self.log), self.doomed, self.stage

        def held(shard: Any, *more: Any) -> Any:
            import hashlib
            import pickle

            import ray

            here = ray.get_runtime_context().get_node_id()
            name = hashlib.sha256(pickle.dumps(shard)).hexdigest()[:16]
            with open(log, "a") as file:
                file.write(f"{stage} {name} {here}\n")
            if here == doomed and stage:
                time.sleep(600)
            return function(shard, *more)

        super().__init__(held, workers, common, fresh)

    def ended(self, handles: Collection[Any]) -> Collection[Any]:
        """Wait for both machines to be at work, and take the other away."""
        cls = type(self)
        if self.stage and cls.cluster.other is not None:
            until = time.monotonic() + 120
            while not any(line.split(" ")[::2] == [self.stage, cls.doomed] for line in noted(cls.log)):
                assert time.monotonic() < until, "the second machine was given nothing to do"
                time.sleep(0.1)
            cls.cluster.remove_node(cls.cluster.other, allow_graceful=False)
            cls.cluster.other = None
        return super().ended(handles)


@pytest.fixture
def losing(cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> type[Losing]:
    known = {"log": tmp_path / "log", "cluster": cluster, "doomed": cluster.other.node_id}
    found: type[Losing] = type("Losing", (Losing,), known)
    monkeypatch.setattr(engine_module, "_Ray", found)
    return found


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("stage", STAGES)
def test_a_machine_that_is_lost_while_a_stage_runs_changes_nothing(
    losing: type[Losing], docs: Path, alone: Digests, tmp_path: Path, stage: str
) -> None:
    def on_stage(planned: Any, artifact: Any) -> None:
        losing.stage = stage if artifact is None and planned.step.name == stage else ""

    found = Pipeline(recipe(docs), tmp_path / "store").run(engine="ray", on_stage=on_stage)
    assert {n: f"{a.key} {a.digest}" for n, a in found.items()} == alone
    ran = defaultdict(list)
    for line in noted(losing.log):
        where, shard, node = line.split(" ")
        if where == stage:
            ran[shard].append(node)
    lost = [nodes for nodes in ran.values() if losing.doomed in nodes]
    assert lost, "the machine that was lost had a shard of this stage"
    assert all(nodes[-1] != losing.doomed for nodes in lost), "each runs again on the other"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_command_runs_on_ray(docs: Path, alone: Digests, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="ray is not installed (the extra `ray`)")
    engine: Engine = "ray"
    (tmp_path / "recipe.yaml").write_text(json.dumps(recipe(docs).resolved()))
    code = "from understudy.cli.main import main; main()"
    command = [sys.executable, "-c", code, "run", str(tmp_path / "recipe.yaml"), "--store", str(tmp_path / "store")]
    done = subprocess.run(
        [*command, "--engine", engine, "--workers", "2"], capture_output=True, text=True, timeout=550,
        env={**os.environ, "RAY_ADDRESS": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "refused" not in done.stderr
    manifests = [json.loads(p.read_text()) for p in (tmp_path / "store" / "store").glob("*/*/manifest.json")]
    assert {m["stage"]: f"{m['key']} {m['digest']}" for m in manifests} == alone
