"""The `.understudy` folder: finished artifacts, work in progress, runs and locks."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from understudy.artifact import MANIFEST, Artifact
from understudy.errors import StoreError
from understudy.pipeline.remote import Remote, mirrored


@dataclass(frozen=True, slots=True)
class Store:
    """Where everything is kept; see `docs/pipeline.md`."""

    root: Path

    def artifact(self, stage: str, key: str) -> Path:
        return self.root / "store" / stage / key

    def work(self, stage: str, key: str) -> Path:
        return self.root / "work" / stage / key

    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def remote(self) -> Remote | None:
        """The bucket that holds what is finished here too; None for a store that is a folder and no more."""
        return mirrored(self.root)

    def find(self, stage: str, key: str | None) -> Artifact | None:
        """The finished artifact of a key, brought from the bucket where it is not here, or None."""
        if key is None:
            return None
        folder = self.artifact(stage, key)
        if (folder / MANIFEST).exists() or (self.remote is not None and self.remote.fetch(stage, key, folder)):
            return Artifact.open(folder)
        return None

    def share(self, artifact: Artifact) -> Artifact:
        """A finished artifact in the bucket too, where the store has one; another's of its key that was first there."""
        return artifact if self.remote is None else self.remote.push(artifact)

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
            with contextlib.nullcontext() if self.remote is None else self.remote.lock(stage, key, wait):
                yield
        finally:
            lock.release()
