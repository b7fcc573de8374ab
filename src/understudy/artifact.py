"""Artifacts: immutable folders with a manifest, addressed by what produced them.

An artifact is a folder of JSONL records and safetensors with `manifest.json`, written last: where the manifest
is, the artifact is complete. Nothing here knows about stages; `understudy.stage` decides what to write.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import json
import os
import platform
import re
import shlex
import shutil
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from understudy.errors import InputError, StoreError

MANIFEST = "manifest.json"
T = TypeVar("T")
_HOST = re.sub(r"[^A-Za-z0-9]", "_", platform.node())[:32] or "host"
_TEMPORARY = re.compile(r"\..+\.(?P<host>[A-Za-z0-9_]+)-(?P<pid>[0-9]+)\.tmp", re.DOTALL)


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
    # The machine is in the name: on a shared disk, another's process number says nothing here.
    temporary = path.with_name(f".{path.name[:180]}.{_HOST}-{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    except BaseException as error:
        if isinstance(error, OSError) and error.errno and error.filename in (None, str(temporary)):
            error.filename = str(path)  # what was to be written, for whoever reads the message
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
        raise


def made_by_dead_process(path: Path) -> bool:
    """Whether this is a temporary file or folder of `atomic_path` whose process, on this machine, has ended."""
    found = _TEMPORARY.fullmatch(path.name)
    if found is None or found["host"] != _HOST:
        return False
    try:
        os.kill(int(found["pid"]), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):  # somebody else's process
        return False
    return False


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file atomically."""
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON atomically, keys in the order given."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def append_line(path: Path, lines: bytes) -> None:
    """Add whole lines in one write, on a line of their own also behind one that was cut off, and see them on the disk.
    Raises OSError."""
    with open(path, "ab+") as file:
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":  # somebody's editor, or a write that was cut off
                lines = b"\n" + lines
        file.write(lines)
        file.flush()
        os.fsync(file.fileno())


_SCALARS = (str, int, float, bool, type(None))


def to_plain(value: Any) -> Any:
    """A record as JSON values: dataclasses become dicts, tuples become lists."""
    kind = type(value)
    if kind in _SCALARS:
        return value
    if kind is tuple or kind is list:
        return [item if type(item) in _SCALARS else to_plain(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(k): to_plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(v) for v in value]
    return value


def from_plain(kind: Any, value: Any) -> Any:
    """The inverse of `to_plain` for the annotation `kind`; unknown fields raise TypeError."""
    return _reader(kind)(value)


@functools.cache
def _reader(kind: Any) -> Callable[[Any], Any]:
    """What makes values of an annotation from JSON's; an annotation is looked into once."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        hints = typing.get_type_hints(kind)
        return lambda value: kind(**{name: _reader(hints.get(name, Any))(item) for name, item in value.items()})
    if origin in (typing.Union, types.UnionType):
        inner = [_reader(a) for a in arguments if a is not type(None)]
        return lambda value: inner[0](value) if len(inner) == 1 and value is not None else value
    if origin is tuple and not (len(arguments) == 2 and arguments[1] is Ellipsis):
        parts = [_reader(a) for a in arguments]
        return lambda value: tuple([part(item) for part, item in zip(parts, value, strict=True)])
    if origin in (tuple, list):
        make, part = cast(type, origin), _reader(arguments[0])
        return make if part is _same else lambda value: make(map(part, value))
    return _same


def _same(value: Any) -> Any:
    return value


def write_records(path: Path, records: Iterable[Any]) -> int:
    """Write dataclass records as JSONL, one a line, atomically. Returns how many."""
    count = 0
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8", newline="\n") as file:
        for record in records:
            file.write(json.dumps(to_plain(record), ensure_ascii=False, allow_nan=False))
            file.write("\n")
            count += 1
    return count


def stream_records(path: Path, kind: type[T]) -> Iterator[T]:
    """Read JSONL records of one dataclass, one after the other. Raises InputError naming the file and line of a bad
    record."""
    number = 0
    try:
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                yield read_record(line, kind, f"{path}:{number}")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}:{number + 1}: not UTF-8 text") from error


def read_record(line: str | bytes, kind: type[T], where: str) -> T:
    """One line as a record. Raises InputError naming `where` it stands."""
    try:
        return cast(T, from_plain(kind, json.loads(line)))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InputError(f"{where}: not a {kind.__name__} record: {error}") from error


def read_records(path: Path, kind: type[T]) -> list[T]:
    """All records that `stream_records` reads."""
    return list(stream_records(path, kind))


@dataclass(frozen=True, slots=True)
class Artifact:
    """A finished artifact: its folder and its manifest."""

    path: Path
    manifest: Mapping[str, Any]

    @classmethod
    def open(cls, path: Path) -> Artifact:
        """Open a finished artifact and compare it with its manifest, as `check` does. Raises StoreError."""
        try:
            manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise StoreError(f"{path}: no {MANIFEST}: this is not a finished artifact") from error
        except OSError as error:
            raise StoreError(f"{path / MANIFEST}: cannot be read: {error.strerror or error}") from error
        except (ValueError, RecursionError) as error:
            raise StoreError(f"{path / MANIFEST}: damaged ({error}){_mend(path)}") from error
        problem = _form(manifest)
        if problem:
            raise StoreError(f"{path / MANIFEST}: damaged: {problem}{_mend(path)}")
        artifact = cls(path, manifest)
        artifact.check()
        return artifact

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

    def stream(self, name: str, kind: type[T]) -> Iterator[T]:
        """Like `records`, one after the other: what is too much to be held at once."""
        path = self.path / f"{name}.jsonl"
        return stream_records(path, kind) if path.exists() else iter(())

    def check(self, *, digests: bool = False) -> None:
        """Compare the files with the manifest: which there are and their sizes always, digests where asked and of
        files that changed after the manifest was written (a copy, an edit). Raises StoreError naming the first that
        differs and the command that mends it.
        """
        manifest = self.path / MANIFEST
        try:
            sealed, looked = manifest.stat().st_mtime_ns, False
            listed = {entry["path"]: entry for entry in self.manifest["files"]}
            there = {p.relative_to(self.path).as_posix(): p for p in walk_files(self.path)}
            there.pop(MANIFEST, None)
            for name in sorted(listed.keys() | there.keys()):
                if name not in there:
                    raise StoreError(f"{self.path / name}: is missing, though its manifest lists it{_mend(self.path)}")
                if name not in listed:
                    raise StoreError(f"{self.path / name}: is not of this artifact{_mend(self.path)}")
                stat = there[name].stat()
                if stat.st_size != listed[name]["bytes"]:
                    raise StoreError(
                        f"{there[name]}: has {stat.st_size:,} bytes where its manifest says "
                        f"{listed[name]['bytes']:,}{_mend(self.path)}"
                    )
                if digests or stat.st_mtime_ns > sealed:
                    looked = True
                    if digest_file(there[name]) != listed[name]["sha256"]:
                        raise StoreError(f"{there[name]}: its content changed after it was made{_mend(self.path)}")
            if looked:
                with contextlib.suppress(OSError):  # a store that is only read is looked at anew each time
                    os.utime(manifest)
        except OSError as error:
            raise StoreError(f"{self.path}: cannot be read: {error.strerror or error}") from error

    def verify(self) -> None:
        """`check` with the digest of every file."""
        self.check(digests=True)


def _form(manifest: Any) -> str:
    """What is wrong with the form of a manifest; empty where nothing is."""
    if not isinstance(manifest, dict):
        return "it holds no mapping"
    for name in ("stage", "key", "digest"):
        if not isinstance(manifest.get(name), str):
            return f"'{name}' is missing"
    files = manifest.get("files")
    if not isinstance(files, list):
        return "'files' is missing"
    for entry in files:
        kinds = {"path": str, "bytes": int, "sha256": str}
        if not isinstance(entry, dict) or not all(isinstance(entry.get(n), k) for n, k in kinds.items()):
            return "an entry of 'files' lacks its path, bytes or sha256"
        parts = Path(entry["path"]).parts
        if not parts or ".." in parts or Path(entry["path"]).is_absolute():
            return "an entry of 'files' leads out of the folder"
    if any(not isinstance(manifest.get(name, {}) or {}, dict) for name in ("metrics", "counts", "key_fields")):
        return "metrics, counts or key_fields are no mapping"
    return ""


def _mend(path: Path) -> str:
    """The end of a message about a damaged artifact: the one command that mends it."""
    if path.parent.parent.name != "store":  # a copy somewhere else
        return f"; delete {path} and make it again"
    root = path.parent.parent.parent
    option = "" if root == Path(".understudy").absolute() else f" --store {shlex.quote(str(root))}"
    return f"; `understudy store verify --delete{option}` removes what is damaged, and the next run makes it anew"


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
