"""What the `$ref` of an OpenAPI description leads to, in its own file and in others inside the documentation folder."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote

from understudy import yaml_text
from understudy.ingest.base import SkipFile, Skipped, Source
from understudy.ingest.includes import MOST_REFERENCES, target
from understudy.ingest.walk import read_bytes, shown_name

_LONGEST_CHAIN = 6  # references to references
_MOST_BYTES = 4_000_000  # of all files together
_NOTED = 5  # files that a note names
_SECTION = re.compile(r"#/(?:components/schemas|definitions)/([^/]+)$")
_BESIDE = frozenset({"summary", "description"})  # what may stand beside a reference and counts more than its target's


def load(text: str) -> Any:
    """YAML or JSON as plain values. Raises SkipFile."""
    try:
        return json.loads(text) if text.lstrip().startswith("{") else yaml_text.load(text)
    except (ValueError, RecursionError) as error:
        raise SkipFile("cannot be parsed", f"not JSON: {error}") from error
    except yaml_text.YamlError as error:
        raise SkipFile("cannot be parsed", f"not YAML: {error}") from error


def mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


class References:
    """The references of one description.

    A reference into another file is rewritten, when that file is read, to be relative to the description's folder.
    further: schemas of other files that types name, by reference: they want a section.
    """

    def __init__(self, api: Mapping[str, Any], source: Source) -> None:
        self.source = source
        self.further: dict[str, str] = {}
        self._own = source.path.name
        self._files: dict[str, Any] = {"": api}
        self._bytes = 0
        self._lost: dict[str, str] = {}  # files that cannot be read, and why
        schemas = mapping(mapping(api.get("components")).get("schemas")) or mapping(api.get("definitions"))
        aliases = ((self._whole(mapping(schema).get("$ref")), name) for name, schema in schemas.items())
        self._named = {reference: str(name) for reference, name in aliases if reference}

    def follow(self, value: Any) -> Any:
        """What a value is, once its references are followed; a reference that leads nowhere is nothing."""
        beside: dict[str, Any] = {}
        for _ in range(_LONGEST_CHAIN):
            reference = self._whole(mapping(value).get("$ref"))
            if not reference:
                break
            beside = {k: v for k, v in value.items() if k in _BESIDE} | beside
            name, _, pointer = reference.partition("#")
            value = self._file(name)
            for part in filter(None, pointer.split("/")):
                part = unquote(part).replace("~1", "/").replace("~0", "~")
                value = value.get(part) if isinstance(value, dict) else _item(value, part)
        else:
            return None if "$ref" in mapping(value) else value
        return {**value, **beside} if beside and isinstance(value, dict) else value

    def section(self, value: Any) -> str:
        """The name of the section that tells about a schema; empty where it is told in place."""
        reference = self._whole(mapping(value).get("$ref"))
        if own := _SECTION.match(reference):
            return unquote(own[1])
        if reference in self._named:
            return self._named[reference]
        if not reference or reference.startswith("#"):
            return ""
        name, _, pointer = reference.partition("#")
        found = pointer.rpartition("/")[2] or PurePosixPath(name).stem
        if len(self.further) < MOST_REFERENCES and self._file(name) is not None:
            self.further.setdefault(reference, found)
        return found

    def notes(self) -> tuple[Skipped, ...]:
        """One note on the files that are referred to and cannot be read."""
        if not self._lost:
            return ()
        told = [f"{shown_name(name)[:100]} ({why})" for name, why in list(self._lost.items())[:_NOTED]]
        rest = len(self._lost) - len(told)
        more = f" and {rest} more" if rest else ""
        return (Skipped("", "references", f"not read: {', '.join(told)}{more}"),)

    def _whole(self, reference: Any) -> str:
        """A reference as it is kept: without the name of the description's own file."""
        if not isinstance(reference, str) or not reference:
            return ""
        name, mark, pointer = reference.partition("#")
        if "://" in name:
            return reference
        name = posixpath.normpath(unquote(name)) if name else ""
        return f"{'' if name == self._own else name}{mark}{pointer}" or "#"

    def _file(self, name: str) -> Any:
        if name not in self._files:
            self._files[name] = None
            try:
                self._files[name] = self._read(name)
            except SkipFile as skip:
                self._lost[name] = skip.reason
            except (OSError, ValueError, RuntimeError):  # a NUL in a name, a loop of links
                self._lost[name] = "not found"
        return self._files[name]

    def _read(self, name: str) -> Any:
        if "://" in name:
            raise SkipFile("on the web")
        if self._bytes > _MOST_BYTES or len(self._files) > MOST_REFERENCES:
            raise SkipFile(f"more than {MOST_REFERENCES} files or {_MOST_BYTES} bytes")
        path = target(self.source.root, self.source.path, name)
        data = read_bytes(path, _MOST_BYTES)
        self._bytes += len(data)
        found = load(Source(path, data, self.source.fallback).text())
        _move(found, name)
        return found


def _item(value: Any, place: str) -> Any:
    inside = isinstance(value, list) and place.isdecimal() and len(place) < 6 and int(place) < len(value)
    return value[int(place)] if inside else None


def _move(values: Any, name: str) -> None:
    """Make the references inside a file relative to the folder of the description."""
    seen: set[int] = set()
    waiting = [values]
    while waiting:
        value = waiting.pop()
        if not isinstance(value, (dict, list)) or id(value) in seen:
            continue
        seen.add(id(value))
        waiting += value.values() if isinstance(value, dict) else value
        if not isinstance(value, dict):
            continue
        reference = value.get("$ref")
        if isinstance(reference, str) and "://" not in reference:
            at, mark, pointer = reference.partition("#")
            at = posixpath.join(posixpath.dirname(name), at) if at else name
            value["$ref"] = at + mark + pointer
