"""The pipeline on real stages: plan, cache, change, kill, resume, two runs at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from understudy.artifact import Artifact
from understudy.pipeline import Pipeline, Planned, open_run
from understudy.recipe import Recipe, parse

LIGHT = """\
name: light
base_model: {model}
docs: {{path: {docs}}}
chunk: {{chunk_size: 120, chunk_overlap: 12}}
generate: {{}}
index: {{retriever: bm25}}
"""
FULL = (
    LIGHT
    + """\
sft: {{r: 4, epochs: 2}}
benchmark: {{arms: [base, base+rag, sft, sft+rag]}}
"""
)


def light(tiny_model: Path, docs_folder: Path, *settings: str) -> Recipe:
    return parse(LIGHT.format(model=tiny_model, docs=docs_folder), settings)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "understudy.cli.main", *arguments]


def statuses(lines: list[Planned]) -> dict[str, str]:
    return {line.step.name: line.status for line in lines}


def test_a_second_run_is_cached_and_a_change_reaches_only_what_it_must(
    tiny_model: Path, docs_folder: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    first = Pipeline(light(tiny_model, docs_folder), store)
    assert statuses(first.plan()) == {"ingest": "to do", "chunk": "waits", "generate": "waits", "index": "waits"}
    made = first.run()
    assert made["chunk"].counts["chunks"] > 0
    assert made["generate"].counts["pairs"] > 0
    assert set(statuses(Pipeline(light(tiny_model, docs_folder), store).plan()).values()) == {"cached"}

    changed = Pipeline(light(tiny_model, docs_folder, "chunk.chunk_size=90"), store).plan()
    assert statuses(changed) == {"ingest": "cached", "chunk": "changed", "generate": "waits", "index": "waits"}
    assert changed[1].why == ("config.chunk_size: 120 → 90",)

    (docs_folder / "more.md").write_text("# More\n\nThe default timeout is 30 seconds.\n")
    again = Pipeline(light(tiny_model, docs_folder), store).plan()
    assert again[0].status == "changed"
    assert any(why.startswith("files.") for why in again[0].why)


def test_the_seed_of_a_stage_without_randomness_is_not_in_its_key(
    tiny_model: Path, docs_folder: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    Pipeline(light(tiny_model, docs_folder), store).run(until="chunk")
    plan = statuses(Pipeline(light(tiny_model, docs_folder, "seed=1"), store).plan())
    assert (plan["ingest"], plan["chunk"]) == ("cached", "cached")


def test_two_runs_on_one_store_make_each_artifact_once(tiny_model: Path, docs_folder: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(LIGHT.format(model=tiny_model, docs=docs_folder))
    arguments = command("run", str(recipe), "--store", str(tmp_path / "store"))
    running = [subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for _ in range(2)]
    for process in running:
        out, _ = process.communicate(timeout=240)
        assert process.returncode == 0, out.decode()
    for stage in ("ingest", "chunk", "generate", "index"):
        (folder,) = (tmp_path / "store" / "store" / stage).iterdir()
        Artifact.open(folder).verify()
    assert not list((tmp_path / "store" / "work").glob("*/*"))


def digests(store: Path, name: str) -> dict[str, str]:
    return {stage: artifact.digest for stage, artifact in open_run(name, store).artifacts.items()}


_KILLED = """
import dataclasses, os, signal, sys
from understudy.pipeline import loop
from understudy.cli.main import main
victim, fatal, execute, seen = sys.argv.pop(1), sys.argv.pop(1), loop.execute, []
def until_killed(run, config, *rest, ctx, **more):
    def progress(what, done, total):
        ctx.progress(what, done, total)
        seen.append(what)
        if len(seen) == int(fatal):
            os.kill(os.getpid(), signal.SIGKILL)
    watched = dataclasses.replace(ctx, progress=progress) if config.NAME == victim else ctx
    return execute(run, config, *rest, ctx=watched, **more)
loop.execute = until_killed
main()
"""


@pytest.mark.timeout(900)  # five whole programs, one after the other
def test_a_run_killed_in_several_stages_resumes_and_ends_with_the_same_digests(
    tiny_model: Path, docs_folder: Path, tmp_path: Path
) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(FULL.format(model=tiny_model, docs=docs_folder))
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    subprocess.run(command("run", str(recipe), "--store", str(whole)), check=True, capture_output=True)
    for victim, fatal in (("chunk", 1), ("sft", 6), ("benchmark", 3)):  # in the midst of each, by its reports
        killed = [sys.executable, "-c", _KILLED, victim, str(fatal), "run", str(recipe), "--store", str(broken)]
        done = subprocess.run(killed, capture_output=True, text=True)
        assert done.returncode == -signal.SIGKILL, (victim, done.stdout, done.stderr)
        assert list((broken / "work" / victim).iterdir())
        assert not list((broken / "store").glob(f"{victim}/*/manifest.json"))
    subprocess.run(command("run", str(recipe), "--store", str(broken)), check=True, capture_output=True)
    assert digests(broken, "light") == digests(whole, "light")


def test_a_whole_run_leaves_a_record_a_verdict_and_a_report(
    tiny_model: Path, docs_folder: Path, tmp_path: Path
) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(FULL.format(model=tiny_model, docs=docs_folder))
    store = tmp_path / "store"
    secret = "sk-this-is-a-secret-value-0123456789"
    environment = {**os.environ, "OPENAI_API_KEY": secret}
    done = subprocess.run(
        command("run", str(recipe), "--store", str(store), "--set", "seed=3"),
        capture_output=True,
        text=True,
        timeout=280,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    opened = open_run("light", store)
    assert opened.record.finished
    page = store / "runs" / "light" / "1" / "report.html"
    report = json.loads(page.with_suffix(".json").read_text())
    assert str(page) in done.stdout.replace("\n", "")
    assert report
    for artifact in opened.artifacts.values():
        artifact.verify()
        assert artifact.manifest["wall_seconds"] >= 0
        assert artifact.manifest["peak_memory_bytes"] > 0
    for path in store.rglob("*"):
        if path.is_file() and path.suffix in (".json", ".jsonl", ".html", ".yaml"):
            assert secret not in path.read_text(encoding="utf-8", errors="replace"), path
