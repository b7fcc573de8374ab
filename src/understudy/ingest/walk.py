"""Finds the files of a documentation folder, and says of every other entry why it was left out."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pathspec import GitIgnoreSpec

from understudy.ingest.base import SkipFile, Skipped
from understudy.ingest.formats import format_of


@dataclass(frozen=True, slots=True)
class Found:
    """A file to read. doc_id: its path relative to the documentation folder, with `/`."""

    path: Path
    doc_id: str
    format: str
    root: Path | None = None  # the folder; what a page includes must stand in it
    plain: bool = False  # read as plain text where it is not of its format: the settings name it


_DEEPEST = 100  # folders within folders
_IGNORE_BYTES = 1_000_000  # of a .gitignore
_STARS = 4  # in one part of a pattern, and `**` in all of it: what has more takes for ever to match
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def walk(
    path: str,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    gitignore: bool = True,
    max_bytes: int = 20_000_000,
) -> tuple[list[Found], list[Skipped]]:
    """The files of a folder (or the one file) at `path`, sorted by doc_id, and what was left out.

    A left-out folder is one entry, ending with `/`. Nothing is found where `path` does not exist.
    Symlinked folders are not entered: their target is read at its own place, or lies outside.
    """
    place = Path(path).expanduser()
    if place.is_file():
        name = shown_name(place.name)
        return [Found(place, name, format_of(place.name) or "text", place.parent.resolve(), True)], []
    if not place.is_dir():
        return [], []
    return _Walk(place, include, exclude, gitignore, max_bytes).run()


Ignores = tuple[tuple[Path, GitIgnoreSpec], ...]  # a folder and what its .gitignore says, outermost first


class _Walk:
    def __init__(
        self, root: Path, include: Sequence[str], exclude: Sequence[str], gitignore: bool, max_bytes: int
    ) -> None:
        self.root = root.resolve()
        self.include = GitIgnoreSpec.from_lines(include) if include else None
        self.exclude = GitIgnoreSpec.from_lines(exclude)
        self.max_bytes = max_bytes
        self.gitignore = gitignore
        self.found: list[Found] = []
        self.skipped: list[Skipped] = []
        self.links: list[Path] = []
        self.names: set[str] = set()

    def run(self) -> tuple[list[Found], list[Skipped]]:
        self.folder(self.root, _ignores_above(self.root) if self.gitignore else ())
        chosen = {f.path for f in self.found}
        for link in self.links:
            self.link(link, chosen)
        return sorted(self.found, key=lambda f: f.doc_id), sorted(self.skipped, key=lambda s: s.path)

    def folder(self, folder: Path, ignores: Ignores) -> None:
        if len(folder.parts) - len(self.root.parts) > _DEEPEST:
            self.skip(folder, "unreadable", f"more than {_DEEPEST} folders deep", "/")
            return
        if self.gitignore:
            ignores = _with_ignore_of(folder, ignores)
        try:
            entries = sorted(os.scandir(folder), key=lambda e: e.name)
        except OSError as error:
            self.skip(folder, "unreadable", error.strerror or str(error), "/")
            return
        for entry in entries:
            path = Path(entry.path)
            is_folder = entry.is_dir(follow_symlinks=False)
            mark = "/" if is_folder else ""
            if entry.name.startswith("."):
                self.skip(path, "hidden", mark=mark)
            elif self.exclude.match_file(self.name(path) + mark):
                self.skip(path, "excluded", mark=mark)
            elif _ignored(path, mark, ignores):
                self.skip(path, "gitignore", mark=mark)
            elif entry.is_symlink():
                self.links.append(path)
            elif is_folder:
                self.folder(path, ignores)
            else:
                self.file(path)

    def file(self, path: Path) -> None:
        name = self.name(path)
        if self.include is not None and not self.include.match_file(name):
            self.skip(path, "not included")
            return
        format = format_of(path.name) or ("text" if self.include is not None else None)
        if not path.is_file():
            self.skip(path, "not a file", "a socket, pipe or device")
        elif format is None:
            self.skip(path, "unknown format", "name it in docs.include to read it as plain text")
        elif not os.access(path, os.R_OK):
            self.skip(path, "unreadable", "no permission")
        elif (size := path.stat().st_size) > self.max_bytes:
            self.skip(path, "too large", f"{size} bytes; raise docs.max_bytes to read it")
        elif name in self.names:
            self.skip(path, "same name", "another file is shown by this name")
        else:
            self.names.add(name)
            self.found.append(Found(path, name, format, self.root, self.include is not None))

    def link(self, link: Path, chosen: set[Path]) -> None:
        points = f"points to {shown_name(str(link.readlink()))}"
        try:
            target = link.resolve(strict=True)
        except RuntimeError:
            self.skip(link, "symlink loop", points)
        except OSError as error:
            loop = error.errno == errno.ELOOP
            self.skip(link, "symlink loop" if loop else "broken link", points)
        else:
            if target in link.parents:
                self.skip(link, "symlink loop", points)
            elif not target.is_relative_to(self.root):
                self.skip(link, "link out of the folder", f"{points}; copy it to read it")
            elif target.is_dir() or target in chosen:
                self.skip(link, "linked twice", f"read as {target.relative_to(self.root).as_posix()}")
            else:
                self.file(link)

    def name(self, path: Path) -> str:
        return shown_name(path.relative_to(self.root).as_posix())

    def skip(self, path: Path, reason: str, detail: str = "", mark: str = "") -> None:
        self.skipped.append(Skipped(self.name(path) + mark, reason, detail))


def _with_ignore_of(folder: Path, ignores: Ignores) -> Ignores:
    try:
        text = read_bytes(folder / ".gitignore", _IGNORE_BYTES).decode("utf-8", "replace")
    except (OSError, SkipFile):  # none, or a pipe, a device, a file without end
        return ignores
    return (*ignores, (folder, GitIgnoreSpec.from_lines(p for p in text.splitlines() if _quick(p) and _reads(p))))


def _quick(pattern: str) -> bool:
    """Whether a pattern can be matched in no time."""
    return pattern.count("**") <= _STARS and all(part.count("*") <= _STARS for part in pattern.split("/"))


def _reads(pattern: str) -> bool:
    """Whether a line is a pattern at all; git passes over those that are none."""
    try:
        GitIgnoreSpec.from_lines([pattern])
    except (ValueError, re.error):
        return False
    return True


def shown_name(name: str) -> str:
    """A file's name as text: bytes that are not UTF-8 and control characters are written as `\\xe9`."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return _CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def read_bytes(path: Path, limit: int) -> bytes:
    """The content of a regular file. Raises OSError, and SkipFile for pipes, devices and more than `limit` bytes."""
    opened = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(opened, "rb") as file:
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            raise SkipFile("not a file", "a socket, pipe or device")
        data = file.read(limit + 1)
    if len(data) > limit:
        raise SkipFile("too large", f"more than {limit} bytes")
    return data


def _ignores_above(root: Path) -> Ignores:
    """The .gitignore files between the top of the repository and `root`; none if they exclude `root`."""
    top = next((p for p in root.parents if (p / ".git").exists()), None)
    if top is None or (root / ".git").exists():
        return ()
    ignores: Ignores = ()
    for folder in reversed([p for p in root.parents if p.is_relative_to(top)]):
        ignores = _with_ignore_of(folder, ignores)
    inside = [root, *(p for p in root.parents if p.is_relative_to(top) and p != top)]
    return () if any(_ignored(p, "/", ignores) for p in inside) else ignores


def _ignored(path: Path, mark: str, ignores: Ignores) -> bool:
    """What the innermost .gitignore that mentions the path says."""
    for folder, spec in reversed(ignores):
        if path.is_relative_to(folder):
            said = spec.check_file(path.relative_to(folder).as_posix() + mark).include
            if said is not None:
                return said
    return False
