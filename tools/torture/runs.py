"""Whole runs that are killed, doubled, starved of disk or answered badly: what is kept equals an untouched run's."""

from __future__ import annotations

import importlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT = 900.0
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


def start(recipe: Path, store: Path, **env: str) -> subprocess.Popen[str]:
    """`understudy run` as a process of its own."""
    words = [sys.executable, "-m", "understudy.cli.main", "run", str(recipe), "--yes", "--store", str(store)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), **env}
    return subprocess.Popen(
        words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace"
    )


def digests(store: Path) -> dict[str, str]:
    """stage → content digest of the newest artifacts of the store."""
    found = {}
    for manifest in sorted((store / "store").glob("*/*/manifest.json")):
        plain = json.loads(manifest.read_text(encoding="utf-8"))
        found[plain["stage"]] = plain["digest"]
    return found


def finished(process: subprocess.Popen[str], counts: Counter[str]) -> int | None:
    """The exit code; None, and counted, where it hangs. Unclear words are counted too."""
    try:
        _, said = process.communicate(timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        counts["hangs"] += 1
        return None
    if "Traceback" in said or "unexpected:" in said:
        counts["unclear"] += 1
        print(said[-800:], file=sys.stderr)
    return process.returncode


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


def reference(recipe: Path, folder: Path, counts: Counter[str]) -> tuple[dict[str, str], float]:
    """Digests and seconds of a run that nobody disturbs."""
    began = time.monotonic()
    if finished(start(recipe, folder / "reference"), counts) != 0:
        raise SystemExit("torture: the undisturbed run fails")
    return digests(folder / "reference"), time.monotonic() - began


def compared(recipe: Path, store: Path, wanted: Mapping[str, str], counts: Counter[str]) -> None:
    """The same command once more must end well, with the digests of an undisturbed run and no litter."""
    if finished(start(recipe, store), counts) != 0:
        counts["not resumed"] += 1
    elif digests(store) != wanted:
        counts["lost or changed"] += 1
    if any(p for p in store.rglob(".*.tmp")):
        counts["litter"] += 1


def kills(seed: int, count: int, folder: Path, *, whole: bool) -> Counter[str]:
    """SIGKILL at random moments, several in a row on one store, until `count` kills hit a living run."""
    chance, counts = random.Random(seed), Counter[str]()
    with work(folder, WHOLE if whole else CHEAP) as (recipe, place):
        wanted, seconds = reference(recipe, place, counts)
        while counts["kills"] < count:
            store = place / f"store-{counts['stores']}"
            counts["stores"] += 1
            for _ in range(chance.randint(1, 4)):
                process = start(recipe, store)
                time.sleep(chance.uniform(0.0, seconds))
                if process.poll() is None:
                    process.send_signal(signal.SIGKILL)
                    counts["kills"] += 1
                process.communicate()
            compared(recipe, store, wanted, counts)
            shutil.rmtree(store, ignore_errors=True)
    return counts


def pairs(seed: int, count: int, folder: Path) -> Counter[str]:
    """Two processes on one store, one of them killed: the other must end with what an undisturbed run makes."""
    chance, counts = random.Random(seed), Counter[str]()
    with work(folder, CHEAP) as (recipe, place):
        wanted, seconds = reference(recipe, place, counts)
        for number in range(count):
            store = place / f"store-{number}"
            first, second = start(recipe, store), start(recipe, store)
            time.sleep(chance.uniform(0.0, seconds))
            first.kill()
            first.communicate()
            counts["pairs"] += 1
            if finished(second, counts) != 0:
                counts["not finished"] += 1
            compared(recipe, store, wanted, counts)
            shutil.rmtree(store, ignore_errors=True)
    return counts


def disk(seed: int, count: int, folder: Path) -> Counter[str]:
    """The disk is full from the n-th write on, for n from 1 until a run needs fewer: one line, then resumed."""
    counts = Counter[str]()
    shim = folder.with_suffix(".so")
    folder.parent.mkdir(parents=True, exist_ok=True)
    source = Path(__file__).with_name("shim.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(shim), str(source), "-ldl"], check=True)
    with work(folder, CHEAP) as (recipe, place):
        wanted, _ = reference(recipe, place, counts)
        for number in range(1 + seed % 1000, 1 + seed % 1000 + count):
            store = place / f"store-{number}"
            env = {"LD_PRELOAD": str(shim), "FAIL_AT": str(number), "FAIL_UNDER": str(store)}
            process = start(recipe, store, **env)
            code = finished(process, counts)
            if code == 0:
                counts["needed fewer writes"] += 1
                break
            counts["full disks"] += 1
            if code != 1:
                counts["other exit codes"] += 1
            compared(recipe, store, wanted, counts)
            shutil.rmtree(store, ignore_errors=True)
    return counts


def endpoint(seed: int, count: int, folder: Path) -> Counter[str]:
    """A teacher that misbehaves in every mode, then a good one: each ends in time, and nothing is asked twice."""
    sys.path.insert(0, str(ROOT / "tests"))
    ScriptedTeacher = importlib.import_module("scripted_teacher").ScriptedTeacher

    chance, counts = random.Random(seed), Counter[str]()
    os.environ.setdefault("OPENAI_API_KEY", "torture-key")
    for mode in MODES[:count]:
        with ScriptedTeacher([mode] * 200) as bad, work(folder, TAUGHT, URL=bad.url) as (recipe, place):
            counts["modes"] += 1
            if finished(start(recipe, place / "store"), counts) not in (0, 1):
                counts["other exit codes"] += 1
            bad.script[:] = [chance.choice(["ok", "ok", "500"]) for _ in range(20)]
            if finished(start(recipe, place / "store"), counts) not in (0, 1):
                counts["other exit codes"] += 1
            bad.script[:] = []
            before = len(bad.requests)
            if finished(start(recipe, place / "store"), counts) != 0:
                counts["not healed"] += 1
                print(f"endpoint: {mode[:60]!r}: a good endpoint does not heal it", file=sys.stderr)
            again = len(bad.requests)
            finished(start(recipe, place / "store"), counts)
            if len(bad.requests) != again:
                counts["paid twice"] += 1
            counts["requests"] += len(bad.requests)
            counts["requests once healed"] += again - before
    return counts
