"""Two experts, one model: what each way of merging keeps of two manuals and of general skill.

    understudy run sqlite.yaml && understudy run nitro.yaml          # one base model, two manuals
    python benchmarks/experts.py RUN RUN [--both RUN] [--store STORE] [--methods slerp,linear,ties,dare_ties]
                                 [--general arc_easy.jsonl …] [--questions 150]

Each model – the base, the two experts, every merge of them, and with --both one model that was taught both manuals – is
asked, closed book by cloze, the runs' own questions about facts that were held out of the training, and general
questions. Printed are the shares right with their intervals and, paired with the base, what each gained or lost.
Answers are kept beside the merged models, so that an interrupted comparison goes on.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from understudy import api
from understudy.answer import ModelAnswerer
from understudy.artifact import read_records, write_records
from understudy.evaluation import intervals, paired
from understudy.evaluation.cloze import Cloze
from understudy.evaluation.development import load_development
from understudy.evaluation.question import Question
from understudy.merge.document import parse
from understudy.merge.series import merge_series
from understudy.models.adapter import write_merged
from understudy.models.open import open_language_model
from understudy.models.resolve import local_folder
from understudy.opened import Run
from understudy.types import Arm, ItemResult, MCQItem

Rows = dict[str, ItemResult]
METHODS: dict[str, dict[str, Any]] = {
    "slerp": {"t": 0.5},
    "linear": {"weight": 0.5},
    "task_arithmetic": {"weight": 0.7},
    "ties": {"weight": 1.0, "density": 0.5},
    "dare_ties": {"weight": 1.0, "density": 0.5},
}
WITHOUT_BASE = ("linear", "slerp")  # of the two experts alone


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("runs", nargs=2, metavar="RUN")
    reader.add_argument("--both", metavar="RUN", help="a run that was taught both manuals")
    reader.add_argument("--store", type=Path, default=Path(".understudy"))
    reader.add_argument("--methods", default="slerp,linear,ties,dare_ties")
    reader.add_argument("--general", type=Path, nargs="*", default=[])
    reader.add_argument(
        "--questions", type=int, default=150, help="most questions of a manual, and of each general file"
    )
    reader.add_argument("--work", type=Path, default=Path("experts"), help="merged models and answers")
    asked = reader.parse_args()
    runs = [api.open_run(name, store=asked.store) for name in asked.runs]
    exams = {run.label: _held_out(run, asked.questions) for run in runs}
    if asked.general:
        exams["general"] = [
            item for path in asked.general for item in _drawn(load_development(path, "--general"), asked)
        ]
    base = runs[0].model
    folders = {"base": local_folder(base)}
    for name in [*asked.runs, *([asked.both] if asked.both else [])]:
        run = api.open_run(name, store=asked.store)
        folders[run.label] = _taught(run, base, asked.work / run.label)
    experts = [folders[run.label] for run in runs]
    for method in asked.methods.split(","):
        folders[method] = _merged(method, folders["base"], experts, asked.work / method)
    results = {name: _answers(folder, exams, asked.work / "answers" / name) for name, folder in folders.items()}
    for exam, items in exams.items():
        _table(exam, items, {name: found[exam] for name, found in results.items()})


def _held_out(run: Run, most: int) -> list[MCQItem]:
    items = [i for i in run.artifact("generate").records("items", MCQItem) if i.source == "heldout-fact"]
    return random.Random(0).sample(items, min(most, len(items)))


def _drawn(items: Sequence[MCQItem], asked: argparse.Namespace) -> list[MCQItem]:
    return random.Random(0).sample(list(items), min(asked.questions, len(items)))


def _taught(run: Run, base: str, folder: Path) -> Path:
    """The run's adapter merged into the base, as a model's folder."""
    if not folder.exists():
        write_merged(base, run.artifact("sft").path / "adapter", folder, dtype=torch.float32)
    return folder


def _merged(method: str, base: Path, experts: Sequence[Path], folder: Path) -> Path:
    document: dict[str, Any] = {"merge_method": method, "dtype": "float32"}
    if method == "slerp":
        document |= {
            "base_model": str(experts[0]),
            "models": [{"model": str(experts[1])}],
            "parameters": METHODS[method],
        }
    else:
        document["models"] = [{"model": str(e), "parameters": METHODS[method]} for e in experts]
        if method not in WITHOUT_BASE:
            document["base_model"] = str(base)
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        merge_series([parse(folder, document)], folder, resolve=local_folder)
    return folder


def _answers(folder: Path, exams: Mapping[str, Sequence[MCQItem]], kept: Path) -> dict[str, Rows]:
    answerer: ModelAnswerer | None = None
    found: dict[str, Rows] = {}
    for exam, items in exams.items():
        place = kept / f"{exam}.jsonl"
        if not place.exists():
            answerer = answerer or ModelAnswerer(
                Arm.parse("base"), open_language_model(str(folder), device="auto"), None, (), 1, 64
            )
            place.parent.mkdir(parents=True, exist_ok=True)
            write_records(place, Cloze("char").score(kept.name, answerer, [Question(item) for item in items]))
            print(f"{kept.name}: {exam} asked", flush=True)
        found[exam] = {r.item_id: r for r in read_records(place, ItemResult)}
    return found


def _table(exam: str, items: Sequence[MCQItem], results: Mapping[str, Rows]) -> None:
    pages = {item.item_id: item.doc_id or item.item_id for item in items}
    print(f"\n{exam}, n = {len(items)}")
    for name, rows in results.items():
        right = intervals.accuracy(rows, pages)
        line = f"  {name:16} {_percent(right)}"
        if name != "base":
            (change,) = paired.compare([(name, "base")], results, pages)
            line += f"   against the base {_percent(change.difference, '+.1f')}"
        print(line)


def _percent(of: Any, form: str = ".1f") -> str:
    return f"{100 * of.value:{form}} ({100 * of.low:{form}} to {100 * of.high:{form}})" if of.value is not None else "–"


if __name__ == "__main__":
    main()
