"""Find an artifact by the ways in which people name one."""

from __future__ import annotations

import glob
import os
from pathlib import Path

from understudy.artifact import MANIFEST, Artifact
from understudy.errors import InputError
from understudy.pipeline import open_run


def find_artifact(name: str, store: Path) -> Artifact:
    """An artifact by folder, STAGE/KEY, the start of a key, or RUN/STAGE. Raises InputError naming what to do."""
    for place in (Path(name), store / "store" / name) if name else ():
        if os.path.isfile(place / MANIFEST):  # noqa: PTH113 - False, not an error, where the name is too long
            return Artifact.open(place.resolve())
    head, slash, start = name.rpartition("/")
    if slash and os.path.isdir(store / "runs" / head.partition("@")[0]):  # noqa: PTH112 - likewise
        return open_run(head, store).artifact(start)
    pattern = f"{glob.escape(head) if head else '*'}/{glob.escape(start)}*/{MANIFEST}"
    # A name from the root is no pattern below the store.
    matches = sorted((store / "store").glob(pattern)) if start and not head.startswith("/") else []
    if len(matches) == 1:
        return Artifact.open(matches[0].parent)
    if matches:
        listed = ", ".join(f"{m.parent.parent.name}/{m.parent.name[:12]}" for m in matches[:6])
        raise InputError(f"'{name}' fits {len(matches)} artifacts ({listed}); give more of the key")
    raise InputError(f"no artifact '{name}' in {store}; `understudy runs` lists runs, and RUN/STAGE names an artifact")
