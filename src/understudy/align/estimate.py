"""What preference training will take; known only where the pairs can be counted without a download."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from understudy.align.config import AlignConfig
from understudy.stage import Estimate


def estimate(config: AlignConfig, upstream: Mapping[str, Mapping[str, Any]]) -> Estimate:
    """Pairs of a local file, before any filter."""
    if config.dataset.startswith("hf:"):
        return Estimate(note="the data set's size is known once it is downloaded")
    try:
        with open(Path(config.dataset).expanduser(), "rb") as file:
            pairs = sum(1 for line in file if line.strip())
    except OSError:
        return Estimate(note=f"{config.dataset} cannot be read")
    return Estimate({"pairs": min(pairs, config.max_pairs or pairs)})
