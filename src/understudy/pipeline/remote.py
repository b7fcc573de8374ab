"""A store in a bucket: a local folder that works as every store does, and keeps its finished artifacts there too.

    PREFIX/blobs/SHA256                       the files of artifacts, by content
    PREFIX/store/STAGE/KEY/manifest.json      written last, and only where none is (If-None-Match)
    PREFIX/runs/NAME/NUMBER/run.json          records of runs
    PREFIX/locks/STAGE-KEY/N                  who makes an artifact; the highest N holds

One operation of the bucket decides everything: to write what is not there. Two that make the same artifact publish it
once, whatever became of their locks; blobs are named by their content, so that neither can spoil the other's.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib
import json
import os
import platform
import re
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from understudy.artifact import MANIFEST, Artifact, atomic_path, digest_file, write_json
from understudy.errors import MissingExtraError, StoreError, UnderstudyError, UsageError
from understudy.failures import first_line
from understudy.models.access import check_address, looks_secret
from understudy.network import host_of
from understudy.redact import redact

MIRROR = "remote.json"
"""In a folder that mirrors a bucket: which."""
RECORD = ("recipe.yaml", "run.json")  # the last one makes it a record
_FREE = b"free"
_BUCKET = re.compile(r"(?i:s3)://(?P<bucket>[A-Za-z0-9][A-Za-z0-9._:-]*)(?P<prefix>(?:/[^#\x00-\x20\x7f]*)?)")
_LONGEST = 300  # characters of what a bucket answers that are shown
_KEYS = (
    "the environment holds its keys (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, or AWS_PROFILE), and AWS_ENDPOINT_URL "
    "where it is not Amazon's"
)
_HOSTS = ("amazonaws.com", "169.254.169.254")  # S3 itself, and where a machine of the cloud has its credentials


def place(store: str | Path) -> Path:
    """The folder of a store: the one named, or for `s3://bucket/prefix` the one that mirrors it here, with the records
    of its runs as they are now.

    Raises UsageError for another kind of address and for one with a key in it, InputError where the environment's
    address of the service is none, MissingExtraError without s3fs, StoreError where the bucket does not answer.
    """
    text = str(store)
    if "://" not in text:
        return Path(store)
    scheme, _, rest = text.partition("://")
    if (
        "@" in rest.partition("/")[0] or "?" in rest or looks_secret(text)
    ):  # kept beside the store and shown: no place for a secret
        raise UsageError(f"--store: {scheme[:20]}://…: the address must not hold a key or a query; {_KEYS}")
    found = _BUCKET.fullmatch(text.rstrip("/"))
    if found is None:
        raise UsageError(f"--store: {text[:200]}: is neither a folder nor s3://BUCKET/PREFIX")
    url = f"s3://{found['bucket']}{found['prefix']}"
    name = re.sub(r"[^A-Za-z0-9]+", "-", url.removeprefix("s3://")).strip("-")[:60]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "understudy" / "stores"
    root = cache / f"{name}-{hashlib.sha256(f'{_endpoint()} {url}'.encode()).hexdigest()[:8]}"
    try:
        if not (root / MIRROR).is_file():
            write_json(root / MIRROR, {"url": url})
    except OSError as error:
        raise StoreError(
            f"{root}: cannot be written ({error.strerror or error}); set XDG_CACHE_HOME to a folder that can"
        ) from error
    remote = mirrored(root)
    assert remote is not None
    remote.pull_runs(root / "runs")
    return root


def mirrored(root: Path) -> Remote | None:
    """What a store's folder mirrors; None for a store that is a folder and no more."""
    return _opened(root, os.getpid())


@functools.lru_cache(maxsize=8)
def _opened(root: Path, process: int) -> Remote | None:
    """process: its connections are not another's."""
    if not (root / MIRROR).is_file():
        return None
    try:
        url = str(json.loads((root / MIRROR).read_text(encoding="utf-8"))["url"])
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise StoreError(
            f"{root / MIRROR}: does not name a bucket; delete {root}, which the bucket fills again"
        ) from error
    try:
        s3fs = importlib.import_module("s3fs")
    except ImportError as error:
        raise MissingExtraError(f"{url}: needs s3fs; install it with  pip install 'understudy[s3]'") from error
    return Remote(url, s3fs.S3FileSystem(use_listings_cache=False, skip_instance_cache=True))


def _endpoint() -> str:
    """Where the environment says that the service is; empty for Amazon's. Raises InputError for what is no address, and
    for one with a key in it."""
    for variable in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"):
        if given := os.environ.get(variable, "").strip():
            return check_address(given, variable, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    return ""


@dataclass(frozen=True, slots=True)
class Remote:
    """A prefix of a bucket. files: an fsspec file system that can write what is not there (`mode="create"`).

    expires: seconds without a sign of life after which a lock is taken over, by the clock of who waits; beat: between
    two signs.
    """

    url: str
    files: Any
    expires: float = 90.0
    beat: float = 15.0

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that it is reached by."""
        return (host,) if (host := host_of(_endpoint())) else _HOSTS

    # ── artifacts ────────────────────────────────────────────────────────────────────────────────────────

    def fetch(self, stage: str, key: str, target: Path) -> bool:
        """Bring a finished artifact to its folder in the local store; False where there is none.

        Raises StoreError where a file's content is not what its manifest says.
        """
        with self._asked("cannot be read"):
            manifest = self._read(f"store/{stage}/{key}/{MANIFEST}")
            if manifest is None:
                return False
            if target.exists() and not (target / MANIFEST).is_file():
                shutil.rmtree(target)
            try:
                with atomic_path(target) as folder:
                    folder.mkdir(parents=True)
                    for entry in json.loads(manifest)["files"]:
                        self._fetch_file(entry, folder, f"store/{stage}/{key}/{MANIFEST}")
                    (folder / MANIFEST).write_bytes(manifest)
            except OSError:
                if not (target / MANIFEST).is_file():  # another process of this machine brought it meanwhile
                    raise
        return True

    def _fetch_file(self, entry: Mapping[str, Any], folder: Path, manifest: str) -> None:
        file = folder / entry["path"]
        if not file.resolve().is_relative_to(folder.resolve()):
            raise StoreError(f"{self.url}/{manifest}: damaged: {entry['path']!r}; delete it")
        file.parent.mkdir(parents=True, exist_ok=True)
        self.files.get_file(self._at(f"blobs/{entry['sha256']}"), str(file))
        if digest_file(file) != entry["sha256"]:
            raise StoreError(
                f"{self.url}/blobs/{entry['sha256']}: its content is another than its name says; delete it and "
                f"{manifest}, and the next run makes it anew"
            )

    def push(self, artifact: Artifact) -> Artifact:
        """Publish a finished artifact, its manifest last, where there is none of its key.

        Returns the one that is there: another's where that was first, which then takes the place of this one.
        """
        home, root = f"store/{artifact.stage}/{artifact.key}/{MANIFEST}", artifact.path
        with self._asked("cannot be written"):
            if self._read(home) is None:
                for entry in artifact.manifest["files"]:
                    blob = self._at(f"blobs/{entry['sha256']}")
                    if not self.files.exists(blob):
                        self.files.put_file(str(root / entry["path"]), blob)
                if self._create(home, (root / MANIFEST).read_bytes()):
                    return artifact
            theirs = self._read(home)
        if theirs is None or json.loads(theirs)["digest"] == artifact.digest:
            return artifact
        shutil.rmtree(root)
        self.fetch(artifact.stage, artifact.key, root)
        return Artifact.open(root)

    # ── runs ─────────────────────────────────────────────────────────────────────────────────────────────

    def pull_runs(self, runs: Path) -> None:
        """Bring the records of all runs as they are now."""
        with self._asked("cannot be read"):
            home = self._at("runs")
            found = self.files.find(home, detail=True) if self.files.exists(home) else {}
            for file, entry in found.items():
                parts = str(file).strip("/").removeprefix(home.strip("/")).strip("/").split("/")
                if len(parts) != 3 or parts[2] not in RECORD or ".." in parts:
                    continue
                local = runs.joinpath(*parts)
                if local.is_file():
                    here = hashlib.md5(local.read_bytes(), usedforsecurity=False).hexdigest()
                    if here == str(entry.get("ETag", "")).strip('"'):
                        continue
                content = self.files.cat_file(file)
                with atomic_path(local) as temporary:
                    temporary.write_bytes(content)

    def claim_run(self, name: str, number: int) -> bool:
        """Whether this number of a run's name was free, and is ours now."""
        with self._asked("cannot be written"):
            return self._create(f"runs/{name}/{number}/claimed", b"")

    def push_run(self, folder: Path) -> None:
        """Write the record of a run. folder: `runs/NAME/NUMBER`."""
        with self._asked("cannot be written"):
            for name in RECORD:
                at = self._at(f"runs/{folder.parent.name}/{folder.name}/{name}")
                self.files.pipe_file(at, (folder / name).read_bytes())

    # ── locks ────────────────────────────────────────────────────────────────────────────────────────────

    @contextlib.contextmanager
    def lock(self, stage: str, key: str, wait: Callable[[str], None]) -> Iterator[None]:
        """Hold a key while the block runs, showing signs of life; who stops showing them is passed over.

        It saves work and no more: what is published once does not rest on it.
        """
        home = f"locks/{stage}-{key[:16]}"
        with self._asked("cannot be locked"):
            number = self._acquire(home, lambda: wait(f"{stage}: another machine is making this artifact; waiting"))
        ended = threading.Event()
        mine = self._at(f"{home}/{number}")

        def live() -> None:
            while not ended.wait(self.beat):
                with contextlib.suppress(Exception):  # the next sign may come through
                    self.files.pipe_file(mine, _sign())

        thread = threading.Thread(target=live, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            with contextlib.suppress(Exception):  # it expires
                self.files.pipe_file(mine, _FREE)

    def _acquire(self, home: str, wait: Callable[[], None]) -> int:
        seen: tuple[int, bytes | None] = (0, None)
        since, told = time.monotonic(), False
        while True:
            newest = max(self._numbers(home), default=0)
            now = newest, self._read(f"{home}/{newest}") if newest else _FREE
            if now != seen:
                seen, since = now, time.monotonic()
            if now[1] in (_FREE, None) or time.monotonic() - since > self.expires:
                if self._create(f"{home}/{newest + 1}", _sign()):
                    others = self._numbers(home)
                    if max(others) == newest + 1:
                        for number in others - {newest + 1}:
                            self.files.rm_file(self._at(f"{home}/{number}"))
                        return newest + 1
                    self.files.rm_file(self._at(f"{home}/{newest + 1}"))  # a late one: it was given on meanwhile
                continue
            if not told:
                told = True
                wait()
            time.sleep(min(1.0, self.expires / 10))

    def _numbers(self, home: str) -> set[int]:
        at = self._at(home)
        try:
            names = [str(entry).rsplit("/", 1)[-1] for entry in self.files.ls(at, detail=False)]
        except FileNotFoundError:
            return set()
        return {int(name) for name in names if name.isdecimal()}

    # ── the bucket ───────────────────────────────────────────────────────────────────────────────────────

    def _at(self, name: str) -> str:
        return f"{self.url.partition('://')[2]}/{name}"

    def _read(self, name: str) -> bytes | None:
        try:
            return bytes(self.files.cat_file(self._at(name)))
        except FileNotFoundError:
            return None

    def _create(self, name: str, content: bytes) -> bool:
        """Write what is not there; whether it was not."""
        try:
            self.files.pipe_file(self._at(name), content, mode="create")
        except FileExistsError:
            return False
        return True

    @contextlib.contextmanager
    def _asked(self, problem: str) -> Iterator[None]:
        """What a bucket answers, as an error of the project's own."""
        try:
            yield
        except UnderstudyError:
            raise
        except Exception as error:
            said = redact(first_line(error))[:_LONGEST]
            raise StoreError(
                f"{self.url}: {problem}: {said}; see that the bucket exists and that {_KEYS}. What is finished is kept "
                "here; the same command goes on"
            ) from error


def _sign() -> bytes:
    """A sign of life, never the same twice."""
    return f"{platform.node()} {os.getpid()} {uuid.uuid4().hex}".encode()
