"""lm_eval: a task of our items that lm_eval can run, and its per-sample logs in both directions."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from understudy.artifact import digest_json, to_plain, write_records, write_text
from understudy.errors import InputError
from understudy.evaluation.interchange.keys import find_key
from understudy.evaluation.interchange.read import KEY_NAMES, OPTION_NAMES
from understudy.evaluation.interchange.samples import Samples, by_arm, safe_name
from understudy.evaluation.items import item_id
from understudy.types import ItemResult, MCQItem

METRICS = ("acc", "exact_match", "acc_norm", "mc2")


def write_task(folder: Path, items: Sequence[MCQItem], name: str = "understudy") -> Path:
    """Write `<name>.yaml` and its data; run it from that folder: `lm_eval --include_path . --tasks NAME`.

    The task asks closed-book in lm_eval's own words, since its prompts know no retrieval.
    """
    data = folder / f"{name}.jsonl"
    write_records(data, items)
    task = {
        "task": name,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": data.name}},
        "test_split": "test",
        "output_type": "multiple_choice",
        "doc_to_text": "Question: {{question}}\nAnswer:",
        "doc_to_choice": "{{options}}",
        "doc_to_target": "correct",
        "target_delimiter": " ",
        "metric_list": [
            {"metric": metric, "aggregation": "mean", "higher_is_better": True} for metric in ("acc", "acc_norm")
        ],
        "metadata": {"version": 1.0},
    }
    path = folder / f"{name}.yaml"
    write_text(path, yaml.safe_dump(task, sort_keys=False, allow_unicode=True))
    return path


def write_samples(folder: Path, items: Sequence[MCQItem], results: Sequence[ItemResult]) -> list[Path]:
    """Write one samples_<arm>.jsonl an arm, as `lm_eval --log_samples` does, less undefined results."""
    place = {item.item_id: k for k, item in enumerate(items)}
    written = []
    for arm, rows in by_arm(results).items():
        path = folder / f"samples_{safe_name(arm)}.jsonl"
        lines = [
            json.dumps(_sample(place[r.item_id], items[place[r.item_id]], r), ensure_ascii=False)
            for r in rows
            if r.acc is not None and r.item_id in place
        ]
        write_text(path, "".join(line + "\n" for line in lines))
        written.append(path)
    return written


def _sample(number: int, item: MCQItem, result: ItemResult) -> dict[str, Any]:
    doc = to_plain(item)
    scores = result.detail.get("raw") or (result.option_scores[0] if result.option_scores else [])
    best = max(scores, default=0.0)
    responses: list[Any] = [[str(score), str(score == best)] for score in scores] or [result.text]
    return {
        "doc_id": number,
        "doc": doc,
        "target": str(item.correct),
        "arguments": [[item.question, option] for option in item.options],
        "resps": [[response] for response in responses],
        "filtered_resps": responses,
        "filter": "none",
        "metrics": ["acc"],
        "doc_hash": digest_json(doc),
        "arm": result.arm,
        "acc": result.acc,
    }


def read_samples(path: Path) -> Samples:
    """Read a samples_*.jsonl of lm_eval (or of `write_samples`).

    A question is known by its item_id, else by the digest of its document, so that logs of different models
    pair up. Of several filters the first counts. Raises InputError naming the line.
    """
    items: dict[str, MCQItem] = {}
    results: dict[str, ItemResult] = {}
    arm = ""
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        try:
            sample = json.loads(line)
            doc: Mapping[str, Any] = dict(sample["doc"])
            acc = next((float(sample[m]) for m in METRICS if isinstance(sample.get(m), (int, float))), None)
            scores = _scores(sample.get("filtered_resps") or [])
            item = _item(doc)
            name = item.item_id if item else "q-" + digest_json(doc)[:12]
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise InputError(f"{path}:{number}: not a sample of lm_eval: {error!r}") from error
        arm = arm or str(sample.get("arm") or path.stem.removeprefix("samples_"))
        if item:
            items.setdefault(name, item)
        predicted = max(range(len(scores)), key=scores.__getitem__) if scores else None
        results.setdefault(
            name,
            ItemResult(
                arm, name, item.doc_id if item else "", predicted, item.correct if item else -1, acc,
                option_scores=(tuple(scores),) if scores else (), detail={"raw": scores} if scores else {},
            ),
        )  # fmt: skip
    return Samples(arm, list(items.values()), list(results.values()))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error


def _scores(responses: Sequence[Any]) -> list[float]:
    """Log-likelihoods of the options; empty for generated answers."""
    try:
        found = [float(r[0]) for r in responses if isinstance(r, (list, tuple))]
    except (ValueError, IndexError):
        return []
    return found if len(found) == len(responses) and all(map(math.isfinite, found)) else []


def _item(doc: Mapping[str, Any]) -> MCQItem | None:
    """A multiple-choice item, where the document is one in a shape that is known."""
    lower = {str(k).lower(): v for k, v in doc.items()}
    options = next((lower[n] for n in OPTION_NAMES if isinstance(lower.get(n), list)), None)
    question = lower.get("question")
    if not isinstance(question, str) or not options:
        return None
    texts = tuple(map(str, options))
    key = next((lower[n] for n in KEY_NAMES if n in lower), None)
    correct = None if key is None else find_key(key, texts)
    if correct is None:
        return None
    name = str(lower.get("item_id") or item_id(question, texts))
    return MCQItem(name, question, texts, correct, doc_id=str(lower.get("doc_id") or ""))
