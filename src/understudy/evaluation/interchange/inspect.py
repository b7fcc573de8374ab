"""inspect_ai: results as logs that `inspect view` opens, and its JSON logs as results."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from understudy.artifact import digest_json, write_json
from understudy.errors import InputError
from understudy.evaluation.interchange.keys import find_key
from understudy.evaluation.interchange.samples import Samples, by_arm, safe_name
from understudy.evaluation.items import item_id
from understudy.prompts import LETTERS
from understudy.types import ItemResult, MCQItem

_EPOCH = "1970-01-01T00:00:00+00:00"  # logs of equal results are equal files; the manifest knows the time
SCORER = "choice"


def write_logs(folder: Path, items: Sequence[MCQItem], results: Sequence[ItemResult]) -> list[Path]:
    """Write one log (JSON, version 2) an arm. `inspect view --log-dir FOLDER` shows them."""
    by_id = {item.item_id: item for item in items}
    written = []
    for arm, rows in by_arm(results).items():
        path = folder / f"{safe_name(arm)}.json"
        known = [r for r in rows if r.item_id in by_id and r.acc is not None]
        write_json(path, _log(arm, [(by_id[r.item_id], r) for r in known]))
        written.append(path)
    return written


def _log(arm: str, rows: Sequence[tuple[MCQItem, ItemResult]]) -> dict[str, Any]:
    accuracy = sum(float(r.acc or 0.0) for _, r in rows) / len(rows) if rows else 0.0
    name = digest_json([arm, *(item.item_id for item, _ in rows)])[:22]
    metric = {"name": "accuracy", "value": accuracy}
    return {
        "version": 2,
        "status": "success",
        "eval": {
            "eval_id": name,
            "run_id": name,
            "task_id": name,
            "created": _EPOCH,
            "task": "understudy",
            "dataset": {
                "name": "understudy",
                "samples": len(rows),
                "sample_ids": [i.item_id for i, _ in rows],
            },
            "model": arm,
            "config": {},
            "scorers": [{"name": SCORER}],
        },
        "plan": {"name": "plan", "steps": [], "config": {}},
        "results": {
            "total_samples": len(rows),
            "completed_samples": len(rows),
            "scores": [{"name": SCORER, "scorer": SCORER, "params": {}, "metrics": {"accuracy": metric}}],
        },
        "stats": {"started_at": _EPOCH, "completed_at": _EPOCH, "model_usage": {}},
        "samples": [_sample(arm, item, result) for item, result in rows],
    }


def _sample(arm: str, item: MCQItem, result: ItemResult) -> dict[str, Any]:
    answer = LETTERS[result.predicted] if result.predicted is not None else ""
    said = result.text or (item.options[result.predicted] if result.predicted is not None else "")
    value: Any = {1.0: "C", 0.0: "I"}.get(float(result.acc or 0.0), result.acc)
    return {
        "id": item.item_id,
        "epoch": 1,
        "input": item.question,
        "choices": list(item.options),
        "target": LETTERS[item.correct],
        "messages": [{"role": "user", "content": item.question}, {"role": "assistant", "content": said}],
        "output": {
            "model": arm,
            "choices": [{"message": {"role": "assistant", "content": said}, "stop_reason": "stop"}],
        },
        "scores": {SCORER: {"value": value, "answer": answer}},
        "metadata": {"doc_id": item.doc_id, "chunk_id": item.chunk_id, "retrieved": list(result.retrieved)},
    }


def read_log(path: Path) -> Samples:
    """Read a log in JSON (`inspect log convert --to json` makes one of .eval). Its first scorer counts.

    Raises InputError where the file is not such a log.
    """
    try:
        log = json.loads(path.read_text(encoding="utf-8"))
        arm, samples = str(log["eval"]["model"]), list(log["samples"])
        found = [_read(arm, sample) for sample in samples]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise InputError(
            f"{path}: not a JSON log of inspect_ai ({error!r}); convert with `inspect log convert --to json`"
        ) from error
    firsts = {r.item_id: r for _, r in reversed(found)}  # of several epochs the first counts
    items = {item.item_id: item for item, _ in found if item is not None}
    return Samples(arm, list(items.values()), list(firsts.values()))


def _read(arm: str, sample: Mapping[str, Any]) -> tuple[MCQItem | None, ItemResult]:
    question = sample["input"] if isinstance(sample["input"], str) else sample["input"][-1]["content"]
    options = tuple(sample.get("choices") or ())
    target = sample["target"][0] if isinstance(sample["target"], list) else sample["target"]
    correct = find_key(target, options) if options else None
    score: Mapping[str, Any] = next(iter((sample.get("scores") or {}).values()), {})
    value = score.get("value")
    acc = {"C": 1.0, "I": 0.0, "N": 0.0, "P": 0.5}.get(value) if isinstance(value, str) else value
    predicted = find_key(score.get("answer") or "", options)
    metadata = sample.get("metadata") or {}
    doc_id = str(metadata.get("doc_id") or "")
    # only our own ids mean anything outside their log
    name = str(sample["id"]) if "chunk_id" in metadata else item_id(question, options)
    item = None if correct is None else MCQItem(name, question, options, correct, doc_id=doc_id)
    result = ItemResult(
        arm, name, doc_id, predicted, -1 if correct is None else correct,
        None if acc is None else float(acc), text=str(score.get("explanation") or ""),
    )  # fmt: skip
    return item, result
