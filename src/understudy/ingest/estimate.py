"""What reading the documentation will take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from understudy.ingest.config import IngestConfig
from understudy.stage import FRESH, SAMPLE, Estimate

_BYTES_PER_SECOND = 4e6  # of a quiet core; markup is half of them and more
_CHARACTERS_PER_SECOND = 1e6
_BEGUN = 0.3
_DOCUMENT = 7e3  # bytes of memory a document
_TREE = 20.0  # bytes of memory for each of the largest page


def estimate(config: IngestConfig, upstream: Mapping[str, Mapping[str, Any]]) -> Estimate:
    """Counts from the sizes of the files and, where a sample of them was read, by what it gave."""
    if config.pending():
        return Estimate(note=f"{config.url} is asked for when it runs; nothing of it is kept yet")
    found, skipped = config.walk()
    sizes = [f.path.stat().st_size for f in found]
    size = float(sum(sizes))
    sample = upstream.get(SAMPLE, {})
    documents, characters = float(len(found)), size
    if sample.get("bytes") and sample.get("characters"):
        documents = sample["documents"] * len(found) / sample["files"]
        characters = sample["characters"] * size / sample["bytes"]
    note = f"{len(skipped)} entries are left out" if skipped else ""
    if config.url is not None:
        note = f"{config.url}: the pages that are kept; a run asks the site for what changed"
    return Estimate(
        counts={"files": len(found), "documents": round(documents), "characters": round(characters)},
        seconds=_BEGUN + size / _BYTES_PER_SECOND + characters / _CHARACTERS_PER_SECOND,
        memory_bytes=FRESH + _DOCUMENT * documents + _TREE * max(sizes, default=0),
        note=note,
    )
