"""What replay does against forgetting: short trainings of lab:reader on part of the quickstart's facts.

    understudy run recipes/quickstart.yaml --until generate --store /tmp/forgetting
    python benchmarks/forgetting.py /tmp/forgetting --facts 60 --epochs 6

Prints for each way of replay (its share, loss and source) and seed: held-out loss, development and general accuracy,
KL from the base; then for each way the paired change of general accuracy from before training, and against no replay.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from pathlib import Path
from statistics import fmean

import torch
import yaml

from understudy.artifact import Artifact, seal, write_records
from understudy.models.divergence import mean_kl, next_token_logprobs
from understudy.models.open import open_language_model
from understudy.sft import stage
from understudy.sft.config import SftConfig
from understudy.sft.development import development_items
from understudy.sft.examiner import Examiner
from understudy.stage import Inputs, RunContext
from understudy.types import MCQItem, QAPair

MODEL = "lab:reader"
WAYS = ("0", "0.25:answer", "0.25:kl", "0.25:answer:lab:practice", "0.25:kl:lab:practice")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", type=Path)
    parser.add_argument("--facts", type=int, default=60)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--ways", nargs="+", default=WAYS, metavar="SHARE[:LOSS[:SOURCE]]")
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = {s: next((options.store / "store" / s).glob("*/manifest.json")).parent for s in ("chunk", "generate")}
    artifacts = {name: Artifact.open(folder) for name, folder in found.items()}
    every, items = artifacts["generate"].records("pairs", QAPair), artifacts["generate"].records("items", MCQItem)
    facts = sorted({p.fact_id for p in every})
    random.Random(5).shuffle(facts)
    pairs = [p for p in every if p.fact_id in set(facts[: options.facts])]
    settings = yaml.safe_load(Path("recipes/quickstart.yaml").read_text(encoding="utf-8"))["sft"]
    examiner = Examiner()
    suite = list(examiner.suite(100))
    labels = [item.item_id for item in suite]
    dev = development_items(pairs, items, dev_rows=128, limit=200, seed=0)
    print(f"{len(pairs)} pairs, {len(dev)} development questions, {len(suite)} general ones")
    with tempfile.TemporaryDirectory() as scratch:
        taught = Path(scratch) / "generate"
        taught.mkdir()
        write_records(taught / "pairs.jsonl", pairs)
        write_records(taught / "items.jsonl", items)
        seal(taught, {"stage": "generate", "key": "part"})
        artifacts["generate"] = Artifact.open(taught)
        answers: dict[str, list[list[float]]] = {}

        def measure(model: str) -> tuple[float, list[float], torch.Tensor]:
            reader = open_language_model(model, device="cpu")
            right = [a or 0.0 for a in examiner.ask(reader, [*dev, *suite])]
            probed = next_token_logprobs(reader.model, reader.tokenizer, examiner.probe)
            return fmean(right[: len(dev)]), right[len(dev) :], probed

        score, before, probed = measure(MODEL)
        print(f"before: development {score:.1%}, general {fmean(before):.1%}", flush=True)
        for seed in options.seeds:
            for way in options.ways:
                parts = way.split(":", 2)
                share, loss, source = [*parts, *("0", "kl", "self")[len(parts) :]]
                replay = {"share": float(share), "loss": loss, "source": source, "max_tokens": 40}
                config = SftConfig(**{**settings, "epochs": options.epochs, "replay": replay})
                place = Path(scratch) / f"{seed}-{way}"
                (place / "out").mkdir(parents=True)
                context = RunContext(place / "out", place / "work", place, seed=seed, device="cpu")
                inputs = Inputs(artifacts, model=MODEL, base_model=MODEL)
                output = stage.run(config, inputs, context)
                score, right, after = measure(str(place / "out" / "model"))
                answers.setdefault(way, []).append(right)
                print(
                    f"replay {way} seed {seed}: {output.metrics['steps']} updates, held-out loss "
                    f"{output.metrics['dev_loss']:.3f}, development {score:.1%}, general {fmean(right):.1%}, "
                    f"KL {mean_kl(probed, after):.3f}",
                    flush=True,
                )
        means = {way: [fmean(column) for column in zip(*rows, strict=True)] for way, rows in answers.items()}
        for way, after_training in means.items():
            for name, other in (("before", before), ("no replay", means.get("0", before))):
                change = examiner.change(other, after_training, labels, 0.01)
                print(f"replay {way} against {name}: {change}")


if __name__ == "__main__":
    main()
