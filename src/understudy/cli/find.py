"""Find an artifact by the ways in which people name one."""

from __future__ import annotations

import glob
import os
from pathlib import Path

from understudy.artifact import MANIFEST, Artifact
from understudy.errors import InputError


def find_artifact(name: str, store: Path) -> Artifact:
    """An artifact by folder, STAGE/KEY, the start of a key, or RUN/STAGE. Raises InputError naming what to do."""
    places = [Path(name), store / "store" / name, store / "runs" / name]
    for place in places if name else []:
        if os.path.isfile(place / MANIFEST):  # noqa: PTH113 - False, not an error, where the name is too long
            return Artifact.open(place.resolve())
    stage, _, start = name.rpartition("/")
    pattern = f"{glob.escape(stage) if stage else '*'}/{glob.escape(start)}*/{MANIFEST}"
    # A name from the root is no pattern below the store.
    matches = sorted((store / "store").glob(pattern)) if start and not stage.startswith("/") else []
    if len(matches) == 1:
        return Artifact.open(matches[0].parent)
    if matches:
        listed = ", ".join(f"{m.parent.parent.name}/{m.parent.name[:12]}" for m in matches[:6])
        raise InputError(f"'{name}' fits {len(matches)} artifacts ({listed}); give more of the key")
    raise InputError(f"no artifact '{name}' in {store}; `understudy runs` lists runs, and RUN/STAGE names an artifact")
