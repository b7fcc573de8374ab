"""What an update costs and keeps: a manual with 2 % of its facts changed, beside training on it from the start.

    python benchmarks/updates.py [--pages 12] [--method full] [--seed 0] [--replay 0.1]

Makes a manual with known truth (understudy.lab.worlds) and teaches it to lab:reader; then changes 2 % of its facts,
withdraws 1 % and adds 1 %, and teaches the difference (`sft.start: previous`); then the same manual from the base
model. Prints the seconds of each training, the accuracy on each kind of fact with its 95 % interval, how many held-out
questions are answered by abstaining, and for how many changed facts the old answer is still the likelier one.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import understudy
from understudy.benchmark.summary import ChangeRow, Summary
from understudy.evaluation.records import Interval
from understudy.lab.worlds import Fact, World, make_world, write_world

SFT: dict[str, dict[str, Any]] = {
    "full": {"method": "full", "learning_rate": 1e-3, "epochs": 9},
    "lora": {"method": "lora", "r": 64, "lora_alpha": 128, "learning_rate": 3e-3, "epochs": 9},
}
ALL = {
    "max_length": 1024,
    "evals_per_epoch": 1,
    "mix": {
        "closed_book": 0.95,
        "context": 0.04,
        "multiple_choice": 0.01,
        "short": 0,
        "distractors": 1,
        "quote": False,
    },
    "replay": {"source": "lab:practice", "share": 0.15},
}


def recipe(docs: Path, method: str, **more: Any) -> dict[str, Any]:
    return {
        "name": "updates",
        "base_model": "lab:reader",
        "docs": {"path": str(docs)},
        "generate": {"n_items": 600},
        "index": {"retriever": "bm25", "search": {"top_k": 3}},
        "sft": {**ALL, **SFT[method], **more},
        "benchmark": {"arms": ["sft", "sft+rag"]},
    }


def edited(world: World, share: float, seed: int) -> tuple[dict[str, str], dict[str, str], dict[str, int]]:
    """The pages before and after, and how many facts were changed, withdrawn (half as many) and added (as those)."""
    rng = random.Random(seed)
    whole = [
        f for f in world.facts if f.sentence.endswith(".") and f.sentence.count(".") == 1 and f.value in f.sentence
    ]
    number = max(2, round(share * len(world.facts)))
    chosen = rng.sample(whole, min(len(whole), 2 * number))
    changed, withdrawn, added = chosen[:number], chosen[number : number + number // 2], chosen[number + number // 2 :]
    before, after = dict(world.documents), dict(world.documents)
    for fact in changed:
        other = rng.choice([v for v in world.values(fact.kind) if v != fact.value])
        place(after, fact, fact.sentence.replace(fact.value, other))
    for fact in withdrawn:
        place(after, fact, "")
    for fact in added:
        place(before, fact, "")
    return before, after, {"changed": len(changed), "withdrawn": len(withdrawn), "added": len(added)}


def place(pages: dict[str, str], fact: Fact, sentence: str) -> None:
    pages[fact.doc_id] = pages[fact.doc_id].replace(fact.sentence, sentence)


def shown(interval: Interval) -> str:
    if interval.value is None or interval.low is None or interval.high is None:
        return "–"
    return f"{100 * interval.value:.1f} ({100 * interval.low:.1f} to {100 * interval.high:.1f}, n = {interval.n})"


def told(rows: Sequence[ChangeRow]) -> None:
    for row in rows:
        print(f"  {row.arm:8} {row.change:10} facts {row.facts:4}  accuracy {shown(row.acc)}")
        for name in ("before", "difference", "abstains", "outdated"):
            value: Interval = getattr(row, name)
            if value.n:
                print(f"  {'':19} {name} {shown(value)}")


def train(title: str, docs: Path, store: Path, method: str, **more: Any) -> tuple[float, Summary]:
    run = understudy.run(recipe(docs, method, **more), store=store)
    sft = run.artifact("sft").manifest
    whole = sum(float(a.manifest["wall_seconds"]) for a in run.artifacts.values())
    print(f"{title}: sft {sft['wall_seconds']:.0f} s, all stages {whole:.0f} s, {sft['counts']['rows']} rows taught")
    for arm in run.summary.arms:
        if arm.kind == "arm":
            print(f"  {arm.name:8} all questions: {shown(arm.acc)}", flush=True)
    return float(sft["wall_seconds"]), run.summary


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=12)
    parser.add_argument("--method", choices=sorted(SFT), default="full")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--share", type=float, default=0.02)
    parser.add_argument("--replay", type=float, nargs="+", default=[0.1])
    options = parser.parse_args()
    world = make_world(options.seed, pages=options.pages)
    before, after, counts = edited(world, options.share, options.seed)
    print(f"{len(world.documents)} pages, {len(world.facts)} facts: {counts}; method {options.method}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        docs = Path(folder) / "docs"
        write_world(World(world.product, world.seed, before, world.facts), docs)
        first, _ = train("first run", docs, Path(folder) / "store", options.method)
        write_world(World(world.product, world.seed, after, world.facts), docs)
        for replay in options.replay:
            more = {"start": "previous", "update": {"replay": replay}}
            seconds, summary = train(f"update, replay {replay:g}", docs, Path(folder) / "store", options.method, **more)
            print(f"  {seconds / first:.0%} of the first training")
            if summary.update is not None:
                print(f"  {dict(summary.update.facts)}")
                told(summary.update.rows)
        train("from the base model", docs, Path(folder) / "store", options.method)


if __name__ == "__main__":
    main()
