"""A made-up but consistent run: documents, chunks, lessons, answers drawn from a seed, and a summary computed
from those answers, all written with the real records into real artifacts."""

from __future__ import annotations

import json
import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from selectolax.lexbor import LexborHTMLParser

from understudy.artifact import Artifact, digest_json, seal, write_records
from understudy.benchmark.arms import ArmRun
from understudy.benchmark.config import BenchmarkConfig
from understudy.benchmark.questions import clusters, link
from understudy.benchmark.summarise import Findings, summarise
from understudy.benchmark.summary import General, GeneralTask, Summary
from understudy.evaluation.baselines import run as run_floors
from understudy.evaluation.items import Exclusion
from understudy.evaluation.lexical import Bm25
from understudy.evaluation.question import Question
from understudy.evaluation.records import Interval
from understudy.report.build import build
from understudy.types import Arm, Chunk, Document, ItemResult, MCQItem, QAPair

TOPICS = ("guide", "limits", "http-api", "clients", "storage", "security", "metrics", "upgrade")
MORE_TOPICS = (*TOPICS, *(f"part-{number}" for number in range(12)))
THINGS = (
    "port",
    "max_batch",
    "timeout",
    "retries",
    "queue_size",
    "log_level",
    "data_dir",
    "workers",
    "ttl",
    "quota",
)
ARMS = ("base", "base+rag", "sft", "sft+rag", "base+oracle", "sft+oracle")
FLOORS = ("longest", "shortest", "letter-prior", "overlap-corpus")
SKILL = {"base": 0.30, "sft": 0.52, "base+oracle": 0.62, "sft+oracle": 0.86}


Planted = Callable[[str, Question], ItemResult]  # an arm's name and a question → its answer


@dataclass(frozen=True)
class Made:
    """A run as `build` gets it, with the records it was made from."""

    run: dict[str, Any]
    artifacts: dict[str, Artifact]
    summary: Summary
    items: list[MCQItem]
    results: list[ItemResult]
    chunks: list[Chunk]


@dataclass(frozen=True)
class Built:
    """A report of the standard run, to be looked at only."""

    made: Made
    text: str
    page: LexborHTMLParser
    findings: dict[str, Any]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The report of a run of 60 questions."""
    folder = tmp_path_factory.mktemp("built")
    made = _make(folder / "store", 60, ARMS, {})
    text = build(made.run, made.artifacts, folder).read_text(encoding="utf-8")
    findings = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return Built(made, text, LexborHTMLParser(text), findings)


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Made]:
    """A function that makes a run of any size in the test's folder."""

    def make(n_items: int = 60, arms: Sequence[str] = ARMS, planted: Planted | None = None, **changes: Any) -> Made:
        return _make(tmp_path / "store", n_items, tuple(arms), changes, planted)

    return make


def _make(
    store: Path, n_items: int, arms: tuple[str, ...], changes: dict[str, Any], planted: Planted | None = None
) -> Made:
    rng = random.Random(7)
    documents, chunks, items = _corpus(n_items, rng, MORE_TOPICS if planted else TOPICS)
    questions = link(items, chunks, _pairs(items))
    runs = _answers(questions, chunks, arms, rng)
    if planted:
        runs = [ArmRun(run.arm, [planted(run.arm.name, q) for q in questions]) for run in runs]
    _, labels = clusters(questions, "auto")
    floors = run_floors(FLOORS, questions, Bm25(chunks), labels, None)
    left_out = (Exclusion("item-900", "duplicate question", "What is the default of `port_0`?"),)
    found = Findings(BenchmarkConfig(arms=arms), questions, runs, floors, left_out, _general(), "made up", seed=7)
    summary = replace(summarise(found), **changes)
    results = [r for run in runs for r in run.results] + [r for rows in floors.values() for r in rows]
    content: dict[str, dict[str, list[Any]]] = {
        "ingest": {
            "documents": documents,
            "skipped": [{"path": "logo.png", "reason": "binary", "detail": "an image"}],
        },
        "chunk": {"chunks": chunks},
        "generate": {"coverage": _coverage(chunks, items), "pairs": _pairs(items)},
        "index": {},
        "sft": {"log": _training()},
        "benchmark": {"results": results, "items": items},
    }
    artifacts = {}
    for number, (stage, files) in enumerate(content.items()):
        folder = store / stage / "0"
        folder.mkdir(parents=True, exist_ok=True)
        for name, records in files.items():
            write_records(folder / f"{name}.jsonl", records)
        if stage == "benchmark":
            summary.write(folder / "summary.json")
        seal(folder, _manifest(stage, number, {n: len(r) for n, r in files.items()}))
        artifacts[stage] = Artifact.open(folder)
    recipe_text = "name: kestrel\nseed: 7\nbase_model: lab:reader\ndocs: {path: ./docs}\nbenchmark: {}\n"
    run = {
        "name": "kestrel",
        "recipe": {"name": "kestrel", "seed": 7, "base_model": "lab:reader", "docs": {"path": "./docs"}},
        "recipe_text": recipe_text,
        "command": "understudy run kestrel.yaml --set sft.r=16",
        "created": "2026-03-01T10:20:00+00:00",
        "artifacts": {stage: artifact.key for stage, artifact in artifacts.items()},
        "finished": True,
    }
    return Made(run, artifacts, summary, items, results, chunks)


def _manifest(stage: str, number: int, counts: dict[str, int]) -> dict[str, Any]:
    return {
        "stage": stage,
        "version": 1,
        "key": digest_json([stage, number]),
        "key_fields": {"stage": stage, "seed": 7, "model": "lab:reader"},
        "config": {"r": 16, "epochs": 3} if stage == "sft" else {},
        "seed": 7,
        "inputs": {},
        "metrics": {"kept": {"dev": 0.5}} if stage == "sft" else {},
        "counts": counts,
        "started": f"2026-03-01T10:{number:02d}:00+00:00",
        "wall_seconds": 3.5 * (number + 1) ** 2,
        "peak_memory_bytes": 400_000_000 + 150_000_000 * number,
        "commit": None,
        "versions": {"python": "3.11.7", "torch": "2.13.0"},
        "hardware": {"machine": "x86_64", "system": "Linux", "cores": 2, "memory_bytes": 24_000_000_000},
    }


def _corpus(
    n_items: int, rng: random.Random, topics: Sequence[str]
) -> tuple[list[Document], list[Chunk], list[MCQItem]]:
    """Documents of sections; a section is a chunk, states one fact, and is asked about once."""
    texts: dict[str, str] = {t: f"# Kestrel: {t}\n\n" for t in topics}
    chunks, items = [], []
    for number in range(n_items):
        topic, thing = topics[number % (len(topics) + 3) % len(topics)], THINGS[number % len(THINGS)]
        name = f"{thing}_{number}"
        value = str(rng.randrange(10, 9000))
        quote = f"The default of `{name}` is {value}."
        text = f"## {name}\n\n`{name}` sets the {thing}.\n{quote}\nIt can be changed at run time.\n\n"
        start, line = len(texts[topic]), texts[topic].count("\n") + 1
        texts[topic] += text
        chunk = Chunk(f"{topic}.md#{number}", f"{topic}.md", text, start, start + len(text), line, line + 4, 9,
                      f"Kestrel: {topic}", (f"Kestrel: {topic}", name))  # fmt: skip
        options = [value, *(str(rng.randrange(10, 9000)) for _ in range(3))]
        order = rng.sample(range(4), 4)
        items.append(
            MCQItem(f"item-{number}", f"What is the default of `{name}`?", tuple(options[i] for i in order),
                    order.index(0), chunk.chunk_id, chunk.doc_id, quote, "value", f"fact-{number}", "made")
        )  # fmt: skip
        chunks.append(chunk)
    documents = [Document(f"{t}.md", text, f"Kestrel: {t}", "markdown", "0" * 64) for t, text in texts.items()]
    return documents, chunks, items


def _answers(questions: list[Question], chunks: list[Chunk], arms: tuple[str, ...], rng: random.Random) -> list[ArmRun]:
    """Answers drawn by skill; search finds the passage in three of four cases."""
    ids = [c.chunk_id for c in chunks]
    found = {q.item.item_id: rng.sample(ids, min(4, len(ids))) for q in questions}
    for q in questions:
        if rng.random() < 0.75 and q.item.chunk_id not in found[q.item.item_id]:
            found[q.item.item_id].insert(rng.randrange(3), q.item.chunk_id)
    runs = []
    for arm in map(Arm.parse, arms):
        rows = []
        for q in questions:
            item, shown = q.item, tuple(found[q.item.item_id])
            hit = item.chunk_id in shown if arm.context == "rag" else None
            skill = SKILL.get(arm.name, 0.5)
            if hit is not None:
                skill = SKILL.get(f"{arm.model}+oracle", 0.7) if hit else SKILL.get(arm.model, 0.4) - 0.08
            odd = arm.model == "base" and rng.random() < 0.04
            good = rng.random() < skill and not odd
            wrong = rng.choice([i for i in range(4) if i != item.correct])
            rows.append(
                ItemResult(
                    arm.name, item.item_id, item.doc_id, None if odd else item.correct if good else wrong,
                    item.correct, float(good), circular=float(good), hit=hit, format_failure=odd,
                    retrieved=shown if arm.context == "rag" else (), text="I cannot say." if odd else "",
                )
            )  # fmt: skip
        runs.append(ArmRun(arm, rows, seconds=1.5))
    return runs


def _general() -> General:
    before = Interval(0.75, 0.60, 0.90, 0.07, 40, 40)
    after = Interval(0.70, 0.55, 0.85, 0.07, 40, 40)
    lost = Interval(-0.05, -0.12, 0.02, 0.03, 40, 40)
    task = GeneralTask("grammar", "base", "sft", before, after, lost, 0.01, "inconclusive")
    return General((task,), {"sft": 0.034})


def _pairs(items: list[MCQItem]) -> list[QAPair]:
    """Every sixth fact was never taught."""
    return [
        QAPair(
            f"pair-{i.fact_id}",
            i.question,
            i.options[i.correct],
            i.chunk_id,
            i.doc_id,
            i.quote,
            fact_id=i.fact_id,
        )
        for number, i in enumerate(items)
        if number % 6
    ]


def _coverage(chunks: list[Chunk], items: list[MCQItem]) -> list[dict[str, Any]]:
    asked = Counter(i.chunk_id for i in items)
    lines = []
    for number, chunk in enumerate(chunks):
        status, reason = ("rejected", "no fact stands in it") if number % 7 == 3 else ("accepted", "")
        if number % 31 == 5:
            status, reason = "failed", "the teacher did not answer"
        pairs = 3 if status == "accepted" else 0
        lines.append({"chunk_id": chunk.chunk_id, "status": status, "reason": reason, "pairs": pairs,
                      "items": asked[chunk.chunk_id]})  # fmt: skip
    return lines


def _training() -> list[dict[str, Any]]:
    rng = random.Random(1)
    return [
        {
            "step": step,
            "epoch": round(step / 200, 3),
            "tokens": step * 900,
            "loss": 0.3 + 2.8 * math.exp(-step / 130) + rng.uniform(-0.08, 0.08),
            "dev_loss": 0.55 + 2.4 * math.exp(-step / 120) + step * 0.0001 if step % 100 == 0 else None,
            "lr": 2e-4,
            "seconds": step * 0.4,
        }
        for step in range(5, 605, 5)
    ]
