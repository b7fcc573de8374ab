"""What reading the documentation will take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from understudy.ingest.config import IngestConfig
from understudy.stage import Estimate

_BYTES_PER_SECOND = 2e6


def estimate(config: IngestConfig, upstream: Mapping[str, Mapping[str, Any]]) -> Estimate:
    """Counts from the names and sizes of the files; nothing is read."""
    if config.pending():
        return Estimate(note=f"{config.url} is asked for when it runs; nothing of it is kept yet")
    found, skipped = config.walk()
    size = sum(f.path.stat().st_size for f in found)
    note = f"{len(skipped)} entries are left out" if skipped else ""
    if config.url is not None:
        note = f"{config.url}: the pages that are kept; a run asks the site for what changed"
    return Estimate(
        counts={"files": len(found), "documents": len(found), "characters": size},
        seconds=0.5 + size / _BYTES_PER_SECOND,
        note=note,
    )
