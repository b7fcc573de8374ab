"""What fine-tuning cost a real model in general skill: its base and the models of some runs, on published questions.

    understudy run recipes/real.yaml --until sft
    understudy run recipes/real.yaml --until sft --set name=without --set sft.replay.share=0
    python benchmarks/general.py real without --general arc_easy.jsonl piqa.jsonl [--questions 5000] [--store STORE]

Cloze by character, closed book, the same questions for each model: so many drawn at random from all files together.
Printed for each set are the shares right with their intervals and the paired change from the base; and over all sets
whether a loss of more than --margin points can be ruled out (a one-sided test, as in the report). Answers are kept
block by block under --work: an interrupted comparison goes on, and a larger --questions asks only what is new.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from pathlib import Path

from understudy import api
from understudy.answer import ModelAnswerer
from understudy.answerers import Answerers
from understudy.benchmark.arms import Results, in_blocks
from understudy.evaluation import intervals, paired
from understudy.evaluation.cloze import Cloze
from understudy.evaluation.development import load_development
from understudy.evaluation.question import Question
from understudy.evaluation.records import Interval
from understudy.evaluation.statistics.cluster import Clusters
from understudy.evaluation.statistics.significance import non_inferiority
from understudy.models.open import open_language_model
from understudy.types import Arm, ItemResult, MCQItem

BLOCK = 50


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("runs", nargs="+", metavar="RUN")
    reader.add_argument("--general", type=Path, nargs="+", required=True)
    reader.add_argument("--questions", type=int, default=5000)
    reader.add_argument("--margin", type=float, default=1.0, help="points")
    reader.add_argument("--store", type=Path, default=Path(".understudy"))
    reader.add_argument("--work", type=Path, default=Path("general"))
    asked = reader.parse_args()
    sets: dict[str, str] = {}
    drawn: list[MCQItem] = []
    for path in asked.general:
        items = load_development(path, "--general")
        sets |= {item.item_id: path.stem for item in items}
        drawn += items
    random.Random(0).shuffle(drawn)  # a larger number holds a smaller one's questions
    drawn = drawn[: asked.questions]
    runs = [api.open_run(name, store=asked.store) for name in asked.runs]
    results = {"base": answers("base", runs[0].model, None, drawn, asked.work)}
    for run in runs:
        model, adapter = Answerers(run.model, {"sft": run.artifact("sft")}, None, "cpu").behind(Arm.parse("sft"))
        results[run.label] = answers(run.label, model, adapter, drawn, asked.work)
    for name in sorted(set(sets.values())):
        table(name, [i.item_id for i in drawn if sets[i.item_id] == name], results, asked.margin)
    table("all", [i.item_id for i in drawn], results, asked.margin)


def answers(name: str, model: str, adapter: Path | None, items: Sequence[MCQItem], work: Path) -> Results:
    """Each item's result, asked where it is not kept yet."""
    opened: list[ModelAnswerer] = []

    def score(block: Sequence[Question]) -> list[ItemResult]:
        if not opened:
            language = open_language_model(model, adapter=adapter)
            opened.append(ModelAnswerer(Arm.parse("base"), language, None, (), 1, 64))
        return Cloze("char").score(name, opened[0], block)

    rows = Results()
    folder = work / name.replace("@", "-").replace("/", "-")
    in_blocks([Question(i) for i in items], folder, BLOCK, score, name, progress, rows)
    return {i.item_id: rows[i.item_id] for i in items}


def progress(what: str, done: float, total: float | None) -> None:
    print(f"{what}: {done:.0f} of {total or 0:.0f}", flush=True)


def table(name: str, ids: Sequence[str], results: dict[str, Results], margin: float) -> None:
    """Print a set's rows; each question is a cluster of its own."""
    print(f"\n{name}")
    for model, rows in results.items():
        right = intervals.accuracy({i: rows[i] for i in ids}, {i: i for i in ids})
        line = f"  {model:16} {shown(right)}, n = {right.n}"
        if model != "base":
            both = [i for i in paired.common(results["base"], rows) if i in set(ids)]
            change = paired.differences(rows, results["base"], both)
            found = intervals.interval(change, both, paired=True)
            verdict = non_inferiority(Clusters.of(change, both), margin / 100)
            line += f"   change {shown(found, '+.1f')}; within {margin:g} point(s): {verdict}"
        print(line)


def shown(found: Interval, form: str = ".1f") -> str:
    if found.value is None or found.low is None or found.high is None:
        return "not measured"
    return f"{100 * found.value:{form}} ({100 * found.low:{form}} to {100 * found.high:{form}})"


if __name__ == "__main__":
    main()
