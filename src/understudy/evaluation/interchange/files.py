"""Writing what a benchmark asked and found in the formats that others read."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from understudy.artifact import atomic_path
from understudy.evaluation.interchange import inspect, lm_eval
from understudy.evaluation.interchange.samples import by_arm
from understudy.prompts import LETTERS
from understudy.types import ItemResult, MCQItem


def export(folder: Path, items: Sequence[MCQItem], results: Sequence[ItemResult], formats: Sequence[str]) -> None:
    """Write each of the formats (`lm_eval`, `inspect`, `csv`) into its own subfolder."""
    if "lm_eval" in formats:
        lm_eval.write_task(folder / "lm_eval", items)
        lm_eval.write_samples(folder / "lm_eval", items, results)
    if "inspect" in formats:
        inspect.write_logs(folder / "inspect", items, results)
    if "csv" in formats:
        write_questions(folder / "csv" / "questions.csv", items)
        write_answers(folder / "csv" / "answers.csv", items, results)


def write_questions(path: Path, items: Sequence[MCQItem]) -> None:
    """The published layout: question, a, b, c, ..., correct (a letter)."""
    width = max((len(item.options) for item in items), default=0)
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["question", *LETTERS[:width].lower(), "correct", "item_id", "doc_id"])
        for item in items:
            padding = [""] * (width - len(item.options))
            key = LETTERS[item.correct].lower()
            writer.writerow([item.question, *item.options, *padding, key, item.item_id, item.doc_id])


def write_answers(path: Path, items: Sequence[MCQItem], results: Sequence[ItemResult]) -> None:
    """One row a question, one column of accuracy an arm; empty where undefined."""
    arms = by_arm(results)
    cells = {(r.arm, r.item_id): r.acc for r in results}
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["item_id", "doc_id", "question", *arms])
        for item in items:
            row = [cells.get((arm, item.item_id)) for arm in arms]
            writer.writerow([item.item_id, item.doc_id, item.question, *("" if a is None else a for a in row)])
