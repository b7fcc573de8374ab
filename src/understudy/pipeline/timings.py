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
from understudy.stage import FRESH, Estimate, hardware

_STAYS = ("ingest", "chunk", "generate", "index")  # stages that leave to the process what they held
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
            "memory_bytes": [estimate.memory_bytes, _alone(config, taken)],
            "counts": dict(estimate.counts),
        }
        key = _key(config)
        self._kept.put({key: json.dumps([*self._rows(key), row][-_LAST:]).encode()})

    def scaled(self, config: StageConfig, estimate: Estimate, held: float = 0.0) -> Estimate:
        """The estimate by what the stage took before on this machine; as it is where it never ran here.

        held: bytes that the stages before leave to the process (`left`).
        """
        rows = self._rows(_key(config))
        seconds = _factor([r["seconds"] for r in rows], _FEWEST_SECONDS)
        memory = _factor([r["memory_bytes"] for r in rows], 0.0)
        if estimate.seconds is not None and seconds is not None:
            estimate = replace(estimate, seconds=estimate.seconds * seconds)
        if estimate.memory_bytes is not None and memory is not None:
            estimate = replace(estimate, memory_bytes=estimate.memory_bytes * memory)
        if estimate.memory_bytes is not None and config.NAME in _STAYS:
            estimate = replace(estimate, memory_bytes=estimate.memory_bytes + held)
        return estimate

    @staticmethod
    def left(config: StageConfig, estimate: Estimate, held: float) -> float:
        """Bytes that the process holds after a stage beyond those of a fresh one, where `held` were held before."""
        if config.NAME not in _STAYS or estimate.memory_bytes is None:
            return held
        return max(held, estimate.memory_bytes - FRESH)

    def _rows(self, key: str) -> list[Mapping[str, Any]]:
        found = self._kept.get([key]).get(key)
        rows: list[Mapping[str, Any]] = json.loads(found) if found else []
        return rows


def _alone(config: StageConfig, taken: Mapping[str, Any]) -> float:
    """The most memory of a stage, less what stages before it had left to the process."""
    peak = float(taken["peak_memory_bytes"])
    before = float(taken.get("start_memory_bytes", 0)) - FRESH
    return peak - max(0.0, before) if config.NAME in _STAYS else peak


def _key(config: StageConfig) -> str:
    return digest_json([config.NAME, config.VERSION, hardware()])


def _factor(pairs: Sequence[Sequence[float | None]], fewest: float) -> float | None:
    """The median of measured over estimated; None where nothing was both and of one order."""
    ratios = [took / said for said, took in pairs if said and took and took >= fewest]
    known = [ratio for ratio in ratios if 1 / _BELIEVED <= ratio <= _BELIEVED]
    return median(known) if known else None
