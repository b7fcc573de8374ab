"""Whole runs that are killed, doubled, starved of disk or answered badly: what is kept equals an untouched run's."""

from __future__ import annotations

import importlib
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.torture.process import TIMEOUT, Run, finished, unclear, warm_up

ROOT = Path(__file__).resolve().parents[2]
LOOK = 0.03  # seconds between two looks at which stage goes on
CHEAP = """
name: torture
base_model: lab:reader
docs: {path: DOCS}
chunk: {chunk_size: 120, chunk_overlap: 10}
generate: {n_items: 12}
index: {retriever: bm25}
"""
# Every stage that makes a model, small enough to be killed often.
WHOLE = """
name: torture
seed: 1
base_model: lab:reader
merge:
  merge_method: slerp
  base_model: lab:reader
  models: [{model: lab:reader}, {model: lab:math}]
  parameters: {t: 0.5}
align: {dataset: PREFERENCES, r: 2, batch_size: 4, max_length: 128, probe_prompts: 0, checkpoint_seconds: 0}
docs: {path: DOCS}
chunk: {chunk_size: 120, chunk_overlap: 10}
generate: {n_items: 8}
index: {retriever: bm25}
sft: {r: 2, epochs: 1, max_length: 128, batch_size: 8, dev_rows: 4, checkpoint_seconds: 0, replay: {source: "off"}}
benchmark: {arms: [base, sft+rag], block_size: 2}
"""
TAUGHT = """
name: taught
base_model: lab:reader
docs: {path: DOCS}
chunk: {chunk_size: 120, chunk_overlap: 10}
generate:
  teacher: openai:scripted@URL
  n_items: 4
  remote: {rounds: 1, max_retries: 1, timeout_seconds: 5, concurrency: 2, price: {input: 1, output: 1}, max_usd: 1}
"""
MODES = (
    "ok", "429", "429:0", "429:Mon, 01 Jan 99999999 00:00:00 GMT", "500", "503", "400:bad", "404", "drop", "truncated",
    "thoughts", "garbage", "empty", "body:", "body:{}", "body:[]", 'body:{"choices": null}',
    'body:{"choices": [{"message": null}]}', "body:" + "[" * 3000, "text:" + '{"facts": ' + "[" * 3000,
    "text:\ud83d", "text:" + "\x00\x1b[31m", "away:http://127.0.0.1:9/v1", "flood",
)  # fmt: skip


def documents(folder: Path) -> Path:
    """Four pages with tables and sentences."""
    folder.mkdir(parents=True)
    for page in range(4):
        rows = "\n".join(f"| `opt_{page}_{n}` | {17 * n + page} | The size of part {n}. |" for n in range(6))
        table = f"| Option | Default | Description |\n|---|---|---|\n{rows}"
        facts = " ".join(f"The {what} of part {page} is {7000 + page * n}." for n, what in enumerate(("port", "limit")))
        text = f"# Part {page}\n\n{facts}\n\n## Options\n\n{table}\n"
        (folder / f"page{page}.md").write_text(text, encoding="utf-8")
    return folder


def preferences(file: Path) -> Path:
    rows = [
        {"prompt": f"What is {n} plus 1?", "chosen": f"It is {n + 1}.", "rejected": f"It is {n + 3}."}
        for n in range(16)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def digests(store: Path) -> dict[str, str]:
    """stage → content digest of the newest artifacts of the store."""
    found = {}
    for manifest in sorted((store / "store").glob("*/*/manifest.json")):
        plain = json.loads(manifest.read_text(encoding="utf-8"))
        found[plain["stage"]] = plain["digest"]
    return found


@contextmanager
def work(folder: Path, recipe: str, **named: str) -> Iterator[tuple[Path, Path]]:
    """(recipe file, folder): the material of a part."""
    shutil.rmtree(folder, ignore_errors=True)
    docs = documents(folder / "docs")
    text = recipe.replace("DOCS", str(docs))
    if "PREFERENCES" in text:
        text = text.replace("PREFERENCES", str(preferences(folder / "preferences.jsonl")))
    for name, value in named.items():
        text = text.replace(name, value)
    file = folder / "recipe.yaml"
    file.write_text(text, encoding="utf-8")
    yield file, folder
    shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Undisturbed:
    """A run that nobody disturbs: digests, seconds, and how long each stage took, in their order."""

    digests: dict[str, str]
    seconds: float
    stages: dict[str, float]


def alone(recipe: Path, store: Path, counts: Counter[str]) -> int | None:
    """The exit code of `understudy run` in a process that is started anew; None, and counted, where it hangs."""
    words = [sys.executable, "-m", "understudy.cli.main", "run", str(recipe), "--yes", "--store", str(store)]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "LD_PRELOAD": ""}
    try:
        done = subprocess.run(words, env=env, capture_output=True, text=True, errors="replace", timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        counts["hangs"] += 1
        return None
    unclear(done.stdout + done.stderr, counts)
    return done.returncode


def reference(recipe: Path, folder: Path, counts: Counter[str]) -> Undisturbed:
    """The run, once in a process of its own, so that what forks does not differ from what starts, and once forked."""
    alone(recipe, folder / "alone", counts)
    warm_up(recipe, folder / "warm")
    process = Run(recipe, folder / "forked")
    began, stages = time.monotonic(), dict[str, float]()
    while process.poll() is None and time.monotonic() - began < TIMEOUT:
        before = time.monotonic()
        time.sleep(LOOK)
        stage = process.stage()
        stages[stage] = stages.get(stage, 0.0) + time.monotonic() - before
    seconds = time.monotonic() - began
    made = digests(folder / "forked")
    if finished(process, counts) != 0 or not made or made != digests(folder / "alone"):
        raise SystemExit(f"torture: the undisturbed run fails: exit code {process.code}, {len(made)} artifacts")
    return Undisturbed(made, seconds, {k: v for k, v in stages.items() if not k.startswith(("before", "between"))})


def compared(recipe: Path, store: Path, wanted: Undisturbed, counts: Counter[str]) -> None:
    """The same command once more must end well, with the digests of an undisturbed run and no litter."""
    if finished(Run(recipe, store), counts) != 0:
        counts["not resumed"] += 1
    elif digests(store) != wanted.digests:
        counts["lost or changed"] += 1
    if any(p for p in store.rglob(".*.tmp")):
        counts["litter"] += 1


def kills(seed: int, count: int, folder: Path, *, whole: bool) -> Counter[str]:
    """SIGKILL, several in a row on one store, until `count` kills hit a living run. Three of four wait for a stage,
    each in its turn, and fall at a random moment of it; the others fall at any moment of the run."""
    chance, counts = random.Random(seed), Counter[str]()
    with work(folder, WHOLE if whole else CHEAP) as (recipe, place):
        wanted = reference(recipe, place, counts)
        while counts["kills"] < count:
            store = place / f"store-{counts['stores']}"
            counts["stores"] += 1
            for stage in (stage for stage in wanted.stages for _ in range(chance.choice((0, 1, 1, 1, 2)))):
                if counts["kills"] == count:
                    break
                process = Run(recipe, store)
                if chance.random() < 0.75:
                    _until(process, stage)
                    process.wait(chance.uniform(0.0, wanted.stages[stage]))
                else:
                    process.wait(chance.uniform(0.0, wanted.seconds))
                if process.kill():
                    counts["kills"] += 1
                    counts[f"in {process.stage()}"] += 1
                    _progress("kills", counts)
                process.said()
            compared(recipe, store, wanted, counts)
            shutil.rmtree(store, ignore_errors=True)
    return counts


def _until(process: Run, stage: str) -> None:
    """Wait until a run has come to a stage, or has ended."""
    end = time.monotonic() + TIMEOUT
    while process.poll() is None and process.stage() != stage and time.monotonic() < end:
        time.sleep(LOOK)


def _progress(part: str, counts: Counter[str]) -> None:
    """The counts so far: a part that is stopped has lost none."""
    print(f"{part}: {dict(counts)}", file=sys.stderr, flush=True)


def pairs(seed: int, count: int, folder: Path) -> Counter[str]:
    """Two processes on one store, one of them killed: the other must end with what an undisturbed run makes."""
    chance, counts = random.Random(seed), Counter[str]()
    with work(folder, CHEAP) as (recipe, place):
        wanted = reference(recipe, place, counts)
        for number in range(count):
            store = place / f"store-{number}"
            first, second = Run(recipe, store), Run(recipe, store)
            first.wait(chance.uniform(0.0, wanted.seconds))
            first.kill()
            first.said()
            counts["pairs"] += 1
            if finished(second, counts) != 0:
                counts["not finished"] += 1
            compared(recipe, store, wanted, counts)
            shutil.rmtree(store, ignore_errors=True)
    return counts


def disk(seed: int, count: int, folder: Path) -> Counter[str]:
    """The disk is full from the n-th write on, for n from `seed` until a run needs fewer writes: one line, exit code 1,
    and resumed. This process must have the shim loaded (`with_shim`)."""
    counts = Counter[str]()
    with work(folder, CHEAP) as (recipe, place):
        wanted = reference(recipe, place, counts)
        for number in range(seed, seed + count):
            store = place / f"store-{number}"
            process = Run(recipe, store, {"FAIL_AT": str(number), "FAIL_UNDER": str(store)})
            code = finished(process, counts)
            if code == 0:
                counts["writes of a whole run"] = number - 1
                break
            counts["full disks"] += 1
            made = digests(store)
            counts[f"in {next((s for s in wanted.stages if s not in made), 'the report')}"] += 1
            if code != 1:
                counts["other exit codes"] += 1
                print(f"disk: write {number}: exit code {code}", file=sys.stderr)
            compared(recipe, store, wanted, counts)
            shutil.rmtree(store, ignore_errors=True)
            if number % 10 == 0:
                _progress("disk", counts)
    return counts


def with_shim(folder: Path) -> None:
    """Start this process again with the shim loaded before libc; returns where it is."""
    shim = folder.with_suffix(".so")
    if os.environ.get("LD_PRELOAD") == str(shim):
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    source = Path(__file__).with_name("shim.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(shim), str(source), "-ldl"], check=True)
    os.execve(sys.executable, sys.orig_argv, {**os.environ, "LD_PRELOAD": str(shim)})


def endpoint(seed: int, count: int, folder: Path) -> Counter[str]:
    """A teacher that misbehaves in every mode, then a good one: each ends in time, and nothing is asked twice."""
    sys.path.insert(0, str(ROOT / "tests"))
    ScriptedTeacher = importlib.import_module("scripted_teacher").ScriptedTeacher

    chance, counts = random.Random(seed), Counter[str]()
    os.environ.setdefault("OPENAI_API_KEY", "torture-key")
    for mode in MODES[:count]:
        with ScriptedTeacher([mode] * 200) as bad, work(folder, TAUGHT, URL=bad.url) as (recipe, place):
            counts["modes"] += 1
            if alone(recipe, place / "store", counts) not in (0, 1):
                counts["other exit codes"] += 1
            bad.script[:] = [chance.choice(["ok", "ok", "500"]) for _ in range(20)]
            if alone(recipe, place / "store", counts) not in (0, 1):
                counts["other exit codes"] += 1
            bad.script[:] = []
            before = len(bad.requests)
            if alone(recipe, place / "store", counts) != 0:
                counts["not healed"] += 1
                print(f"endpoint: {mode[:60]!r}: a good endpoint does not heal it", file=sys.stderr)
            again = len(bad.requests)
            alone(recipe, place / "store", counts)
            if len(bad.requests) != again:
                counts["paid twice"] += 1
            counts["requests"] += len(bad.requests)
            counts["requests once healed"] += again - before
    return counts
