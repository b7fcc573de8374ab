"""The store's runs for the page, which looks every two seconds: a run is opened again only where its files changed."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import Any

from understudy import api
from understudy.artifact import MANIFEST, to_plain
from understudy.errors import UnderstudyError
from understudy.pipeline.progress import progress_of
from understudy.pipeline.runs import RunRecord, list_runs
from understudy.pipeline.store import Store
from understudy.serve.problems import Problem
from understudy.serve.served import Served

Stamp = tuple[int | None, ...]


class Runs:
    """The runs of the store in which the served one lies."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._lock = threading.Lock()
        self._known: dict[str, tuple[Stamp, dict[str, Any]]] = {}

    def listed(self) -> list[dict[str, Any]]:
        """Newest first, each with what is finished of it, what it is busy with and its verdict."""
        store = self._served.run.store
        records = list_runs(store)
        with self._lock:
            labels = {record.label for record in records}
            self._known = {label: kept for label, kept in self._known.items() if label in labels}
            rows = [self._finished(record, store) for record in records]
        found = []
        for record, row in zip(records, rows, strict=True):
            now = progress_of(record.folder(store))
            progress = None if now is None else {**to_plain(now), "alive": now.alive}
            found.append({**row, "progress": progress})
        return found

    def compare(self, first: str, second: str) -> dict[str, Any]:
        """The second run against the first. Only labels of the store's own runs are taken, never a path."""
        store = self._served.run.store
        labels = [record.label for record in list_runs(store)]
        for label in (first, second):
            if label not in labels:
                raise Problem(404, f"no run '{label}'; there are: {', '.join(labels)}")
        found = api.compare(*(api.open_run(label, store=store) for label in (first, second)), store=store)
        common = [{"first": a, "second": b, "questions": n} for (a, b), n in found.common.items()]
        return {"arms": to_plain(found.arms), "comparisons": to_plain(found.comparisons), "common": common}

    def _finished(self, record: RunRecord, store: Path) -> dict[str, Any]:
        """What only changes with the run's files."""
        stamp = _stamp(record, store)
        kept = self._known.get(record.label)
        if kept is None or kept[0] != stamp:
            kept = self._known[record.label] = stamp, self._opened(record, store)
        return kept[1]

    def _opened(self, record: RunRecord, store: Path) -> dict[str, Any]:
        run = api.open_run(record.label, store=store)
        said = None
        with contextlib.suppress(UnderstudyError):
            said = to_plain(run.verdict)
        return {
            "label": run.label,
            "created": run.record.created,
            "finished": run.record.finished,
            "until": run.record.until,
            "stages": [{"stage": s, "done": s in run.artifacts} for s in run.record.stages],
            "verdict": said,
            "served": run.label == self._served.run.label,
        }


def _stamp(record: RunRecord, store: Path) -> Stamp:
    """When the run's record and the manifests of its artifacts were written; None for what is not there."""
    at = Store(store)
    manifests = [at.artifact(stage, key) / MANIFEST for stage, key in sorted(record.artifacts.items())]
    return tuple(_written(file) for file in (record.folder(store) / "run.json", *manifests))


def _written(file: Path) -> int | None:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return None
