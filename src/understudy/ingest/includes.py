"""Files that a page pulls in: read from inside the documentation folder only, each with a bound on size and number."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from understudy.ingest import antora
from understudy.ingest.base import SkipFile, Skipped, Source
from understudy.ingest.walk import read_bytes, shown_name

_MOST_BYTES = 1_000_000  # of one file
_MOST_TOTAL = 4_000_000  # of all that a page includes
_MOST_FILES = 200
MOST_REFERENCES = 2_000  # files that a description of an interface refers to
_XML = frozenset({".xml", ".docbook", ".dbk"})
_APIS = frozenset({".yaml", ".yml", ".json"})
_DEEPEST = 8  # files that include files
_API = re.compile(rb"""^[ \t]*\{?[ \t]*["']?(?:openapi|swagger)["']?[ \t]*:""", re.MULTILINE)
_REFERENCE = re.compile(rb"""["']?\$ref["']?[ \t]*:[ \t]*["']?([^\s"'#,{}]+)""")
_NAMED = re.compile(rb"^[ \t]*(?:\.\. +(?:literal)?include::|:file:|include::)[ \t]*([^\s\[<][^\r\n\[]*)", re.MULTILINE)
_DECLARED = re.compile(
    rb"""<!(?:DOCTYPE|ENTITY\s+%)\s[^>\["']*(?:"[^"]*"\s*|'[^']*'\s*)?["']([^"'>\r\n]+)["']\s*[\[>]"""
)


class Includes:
    """What one page includes. skipped: what it names and does not get, to be noted beside the page."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.skipped: list[Skipped] = []
        self.open: list[Path] = [source.path]
        self._bytes = self._files = 0

    def read(self, name: str) -> tuple[Path, str] | None:
        """The file that `name` means in the innermost open file, with its text; None where it is refused."""
        try:
            return self._read(name.strip())
        except SkipFile as skip:
            reason, detail = skip.reason, skip.detail
        except OSError as error:
            reason, detail = "include not found", error.strerror or str(error)
        except (ValueError, RuntimeError) as error:  # a NUL in a name, a loop of links
            reason, detail = "include not found", str(error)
        by = shown_name(self.source.path.name)
        note = Skipped(shown_name(name.strip())[:200], reason, f"included by {by}: {detail}")
        if note not in self.skipped:
            self.skipped.append(note)
        return None

    def _read(self, name: str) -> tuple[Path, str]:
        path = target(self.source.root, self.open[-1], name)
        if path in self.open or len(self.open) > _DEEPEST:
            raise SkipFile("include not read", "it includes itself, or files nest too deeply")
        self._files += 1
        data = read_bytes(path, _MOST_BYTES)
        self._bytes += len(data)
        if self._files > _MOST_FILES or self._bytes > _MOST_TOTAL:
            raise SkipFile("include not read", f"more than {_MOST_FILES} files or {_MOST_TOTAL} bytes in one page")
        return path, Source(path, data, self.source.fallback).text()


def target(root: Path | None, page: Path, name: str) -> Path:
    """The real path that `name` means in a page, as a path or as Antora names it. Raises SkipFile where it lies
    outside of `root` or is hidden."""
    found = antora.resource(root, page, name) if root and antora.FAMILY.search(name) else None
    base = root if root and name.startswith("/") else page.parent
    return inside(root, found or base / name.lstrip("/"))


def inside(root: Path | None, path: Path) -> Path:
    """The real path of a file in the folder `root`. Raises SkipFile where it lies outside or is hidden."""
    if root is None:
        raise SkipFile("include not read", "there is no documentation folder")
    path = path.resolve()
    if not path.is_relative_to(root.resolve()):
        raise SkipFile("include out of the folder", "copy it into the documentation folder to read it")
    if any(part.startswith(".") for part in path.relative_to(root.resolve()).parts):
        raise SkipFile("include not read", "it is hidden")
    return path


def entity_files(root: Path, page: Path) -> list[Path]:
    """The `.ent` files beside a page and above it in the folder, the nearest first; also those of `entities/` there."""
    folders = [f for f in page.parents if f.is_relative_to(root)]
    return [path for f in folders for place in ("*.ent", "entities/*.ent") for path in sorted(f.glob(place))]


def named(root: Path | None, page: Path) -> dict[str, Path]:
    """The files that a page seems to include, by their names in the folder: what a change of must be noticed."""
    found: dict[str, Path] = {}
    waiting, seen = [page], {page}
    api = page.suffix.lower() in _APIS
    pattern = _REFERENCE if api else _DECLARED if page.suffix.lower() in _XML else _NAMED
    most = MOST_REFERENCES if api else _MOST_FILES
    while waiting and len(seen) <= most:
        at = waiting.pop()
        try:
            data = read_bytes(at, _MOST_TOTAL if api else _MOST_BYTES)
        except (OSError, SkipFile):
            continue
        if api and at == page and not _API.search(data):
            break
        for match in pattern.finditer(data):
            try:
                path = target(root, at, match[1].decode("utf-8", "replace").strip())
                if root is None or path in seen or not path.is_file():
                    continue
            except (OSError, SkipFile, ValueError, RuntimeError):
                continue
            seen.add(path)
            waiting.append(path)
            found[shown_name(PurePosixPath(path.relative_to(root.resolve())).as_posix())] = path
    if root is not None and page.suffix.lower() in _XML:
        found |= {shown_name(path.relative_to(root).as_posix()): path for path in entity_files(root, page)}
    return found


def tagged(lines: list[str], names: set[str]) -> list[str]:
    """The lines between `tag::name[]` and `end::name[]`."""
    found: list[str] = []
    inside: list[str] = []
    for line in lines:
        mark = re.search(r"\b(tag|end)::([\w-]+)\[\]", line)
        if mark and mark[1] == "tag":
            inside.append(mark[2])
        elif mark:
            inside = [name for name in inside if name != mark[2]]
        elif names & {*inside, *(["*", "**"] if inside else [])}:
            found.append(line)
    return found


def ranged(lines: list[str], text: str) -> list[str]:
    """The lines that `1..4;7` names."""
    found: list[str] = []
    for part in re.split("[;,]", text):
        numbers = re.fullmatch(r"(\d{1,7})(?:\.\.(-?\d{0,7}))?", part)
        if numbers:
            first = int(numbers[1])
            last = first if numbers[2] is None else int(numbers[2]) if numbers[2].isdigit() else len(lines)
            found += lines[max(0, first - 1) : last]
    return found
