"""What a merge will take, from the sizes of the files that are here already."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from understudy.merge.config import MergeConfig
from understudy.stage import Estimate

# Rough: bytes read and written a second by SLERP on two cores; benchmarks/merge.py measures it
_BYTES_PER_SECOND = 1.0e9


def estimate(config: MergeConfig, upstream: Mapping[str, Mapping[str, Any]]) -> Estimate:
    """Seconds from the bytes of the local models; memory is the limit. Hub models are unknown until fetched."""
    sizes = []
    for reference in config.models().values():
        folder = Path(reference).expanduser()
        if not folder.is_dir():
            return Estimate(memory_bytes=config.max_memory, note=f"the size of {reference} is known when it is here")
        sizes.append(sum(p.stat().st_size for p in folder.glob("*.safetensors")))
    moved = 2 * sum(sizes) + max(sizes, default=0)
    return Estimate(
        counts={"models": len(sizes)}, seconds=moved / _BYTES_PER_SECOND, memory_bytes=min(config.max_memory, 3 * moved)
    )
