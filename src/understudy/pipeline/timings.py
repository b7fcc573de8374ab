"""What stages took on this machine, kept in the store, and estimates made by it.

An estimate follows from counts and rough speeds. Here it is multiplied by the median of measured over estimated, over
the last runs of the same stage, version and machine: what a stage depends on stays in the estimate's own formula.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from understudy.artifact import Artifact, digest_json
from understudy.config import StageConfig
from understudy.kept import Kept
from understudy.stage import Estimate, hardware

_LAST = 15  # runs of a stage that count
_FEWEST_SECONDS = 0.2  # what ended sooner says nothing of speed
_BELIEVED = 100.0  # times off: further, the estimate was another formula's, of an earlier release


class Timings:
    """Measured and estimated seconds and bytes of the stages that ran. root: the `.understudy` folder."""

    def __init__(self, root: Path) -> None:
        self._kept = Kept(root, "timings")

    def note(self, config: StageConfig, estimate: Estimate, artifact: Artifact) -> None:
        """Keep what a finished stage took beside its estimate, which was made from the counts of its real inputs."""
        taken = artifact.manifest
        row = {
            "seconds": [estimate.seconds, taken["wall_seconds"]],
            "memory_bytes": [estimate.memory_bytes, taken["peak_memory_bytes"]],
            "counts": dict(estimate.counts),
        }
        key = _key(config)
        self._kept.put({key: json.dumps([*self._rows(key), row][-_LAST:]).encode()})

    def scaled(self, config: StageConfig, estimate: Estimate) -> Estimate:
        """The estimate by what the stage took before on this machine; as it is where it never ran here."""
        rows = self._rows(_key(config))
        seconds = _factor([r["seconds"] for r in rows], _FEWEST_SECONDS)
        memory = _factor([r["memory_bytes"] for r in rows], 0.0)
        if estimate.seconds is not None and seconds is not None:
            estimate = replace(estimate, seconds=estimate.seconds * seconds)
        if estimate.memory_bytes is not None and memory is not None:
            estimate = replace(estimate, memory_bytes=estimate.memory_bytes * memory)
        return estimate

    def _rows(self, key: str) -> list[Mapping[str, Any]]:
        found = self._kept.get([key]).get(key)
        rows: list[Mapping[str, Any]] = json.loads(found) if found else []
        return rows


def _key(config: StageConfig) -> str:
    return digest_json([config.NAME, config.VERSION, hardware()])


def _factor(pairs: Sequence[Sequence[float | None]], fewest: float) -> float | None:
    """The median of measured over estimated; None where nothing was both and of one order."""
    ratios = [took / said for said, took in pairs if said and took and took >= fewest]
    known = [ratio for ratio in ratios if 1 / _BELIEVED <= ratio <= _BELIEVED]
    return median(known) if known else None
