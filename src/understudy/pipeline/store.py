"""The `.understudy` folder: finished artifacts, work in progress, runs and locks."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from understudy.artifact import MANIFEST, Artifact
from understudy.errors import StoreError


@dataclass(frozen=True, slots=True)
class Store:
    """Where everything is kept; see `docs/store.md`."""

    root: Path

    def artifact(self, stage: str, key: str) -> Path:
        return self.root / "store" / stage / key

    def work(self, stage: str, key: str) -> Path:
        return self.root / "work" / stage / key

    def runs(self) -> Path:
        return self.root / "runs"

    def find(self, stage: str, key: str | None) -> Artifact | None:
        """The finished artifact of a key, or None."""
        if key is None or not (self.artifact(stage, key) / MANIFEST).exists():
            return None
        return Artifact.open(self.artifact(stage, key))

    @contextlib.contextmanager
    def lock(self, stage: str, key: str, wait: Callable[[str], None]) -> Iterator[None]:
        """Hold the key: a second process waits for the first and then finds its artifact finished."""
        folder = self.root / "locks"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(folder / f"{stage}-{key[:16]}.lock")
            try:
                lock.acquire(timeout=0)
            except Timeout:
                wait(f"{stage}: another run is making this artifact; waiting for it")
                lock.acquire()
        except OSError as error:
            raise StoreError(f"{self.root}: cannot be written: {error}; name another place with --store") from error
        try:
            yield
        finally:
            lock.release()
