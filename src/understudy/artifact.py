"""Artifacts: immutable folders with a manifest, addressed by what produced them.

An artifact is a folder of JSONL records and safetensors with `manifest.json`, written last: where the manifest
is, the artifact is complete. Nothing here knows about stages; `understudy.stage` decides what to write.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import shutil
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from understudy.errors import InputError, StoreError

MANIFEST = "manifest.json"
T = TypeVar("T")


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces: the same value always gives the same text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest_json(value: Any) -> str:
    """sha256 of the canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def digest_file(path: Path) -> str:
    """sha256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def walk_files(folder: Path) -> list[Path]:
    """All regular files below a folder, sorted, hidden ones and symlinked folders left out."""
    found: list[Path] = []
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        found += [Path(root) / f for f in files if not f.startswith(".")]
    return sorted(p for p in found if p.is_file())


def digest_tree(folder: Path, *, skip: Iterable[str] = (MANIFEST,)) -> str:
    """sha256 over the relative paths and digests of a folder's files."""
    skipped = set(skip)
    entries = [[p.relative_to(folder).as_posix(), digest_file(p)] for p in walk_files(folder) if p.name not in skipped]
    return digest_json(entries)


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary sibling that becomes `path` if the block ends well, and disappears otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    except BaseException:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file atomically."""
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON atomically, keys in the order given."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def to_plain(value: Any) -> Any:
    """A record as JSON values: dataclasses become dicts, tuples become lists."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(k): to_plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(v) for v in value]
    return value


def from_plain(kind: Any, value: Any) -> Any:
    """The inverse of `to_plain` for the annotation `kind`; unknown fields raise TypeError."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        hints = _hints(kind)
        return kind(**{name: from_plain(hints.get(name, Any), item) for name, item in value.items()})
    if origin in (typing.Union, types.UnionType):
        if value is None:
            return None
        inner = [a for a in arguments if a is not type(None)]
        return from_plain(inner[0], value) if len(inner) == 1 else value
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return tuple(from_plain(arguments[0], item) for item in value)
        return tuple(from_plain(a, item) for a, item in zip(arguments, value, strict=True))
    if origin is list:
        return [from_plain(arguments[0], item) for item in value]
    return value


_HINTS: dict[type, dict[str, Any]] = {}


def _hints(kind: type) -> dict[str, Any]:
    if kind not in _HINTS:
        _HINTS[kind] = typing.get_type_hints(kind)
    return _HINTS[kind]


def write_records(path: Path, records: Iterable[Any]) -> int:
    """Write dataclass records as JSONL, one a line, atomically. Returns how many."""
    count = 0
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8", newline="\n") as file:
        for record in records:
            file.write(json.dumps(to_plain(record), ensure_ascii=False, allow_nan=False))
            file.write("\n")
            count += 1
    return count


def read_records(path: Path, kind: type[T]) -> list[T]:
    """Read JSONL records of one dataclass. Raises InputError naming the file and line of a bad record."""
    records: list[T] = []
    try:
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                try:
                    records.append(from_plain(kind, json.loads(line)))
                except (ValueError, TypeError, KeyError, AttributeError) as error:
                    raise InputError(f"{path}:{number}: not a {kind.__name__} record: {error}") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    return records


@dataclass(frozen=True, slots=True)
class Artifact:
    """A finished artifact: its folder and its manifest."""

    path: Path
    manifest: Mapping[str, Any]

    @classmethod
    def open(cls, path: Path) -> Artifact:
        """Open a finished artifact. Raises StoreError where the manifest is missing or damaged."""
        try:
            manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise StoreError(f"{path}: no {MANIFEST}: this is not a finished artifact") from error
        except ValueError as error:
            raise StoreError(f"{path / MANIFEST}: damaged ({error}); delete the folder and run again") from error
        return cls(path, manifest)

    @property
    def stage(self) -> str:
        return str(self.manifest["stage"])

    @property
    def key(self) -> str:
        return str(self.manifest["key"])

    @property
    def digest(self) -> str:
        """The digest of the content: equal content has an equal digest, whenever it was made."""
        return str(self.manifest["digest"])

    @property
    def metrics(self) -> Mapping[str, Any]:
        return dict(self.manifest.get("metrics") or {})

    @property
    def counts(self) -> Mapping[str, Any]:
        return dict(self.manifest.get("counts") or {})

    def records(self, name: str, kind: type[T]) -> list[T]:
        """The records of `name`.jsonl; an empty list where the stage wrote no such file."""
        path = self.path / f"{name}.jsonl"
        return read_records(path, kind) if path.exists() else []

    def verify(self) -> None:
        """Compare every file with the manifest. Raises StoreError naming the first that differs."""
        for entry in self.manifest.get("files", []):
            file = self.path / entry["path"]
            if not file.is_file() or file.stat().st_size != entry["bytes"] or digest_file(file) != entry["sha256"]:
                raise StoreError(f"{file}: differs from its manifest; delete {self.path} and run again to make it anew")


def seal(folder: Path, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Write the manifest of a finished folder, adding its files and content digest. Returns the manifest."""
    files = [
        {"path": p.relative_to(folder).as_posix(), "bytes": p.stat().st_size, "sha256": digest_file(p)}
        for p in walk_files(folder)
        if p.name != MANIFEST
    ]
    complete = {**manifest, "digest": digest_json([[f["path"], f["sha256"]] for f in files]), "files": files}
    write_json(folder / MANIFEST, complete)
    return complete


def publish(folder: Path, target: Path) -> None:
    """Move a sealed folder to its place by rename; an artifact already there wins."""
    if not (folder / MANIFEST).is_file():
        raise StoreError(f"{folder}: not sealed: {MANIFEST} is missing")
    target.parent.mkdir(parents=True, exist_ok=True)
    if (target / MANIFEST).is_file():
        shutil.rmtree(folder)
        return
    if target.exists():  # a folder without a manifest is what an interrupted copy left behind
        shutil.rmtree(target)
    folder.rename(target)
