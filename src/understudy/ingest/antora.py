"""The files of an Antora component: `modules/MODULE/pages`, `partials`, `examples`, and what `antora.yml` sets.

An id of a resource is `version@component:module:family$path`, of which all but the path may be left out.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from understudy import yaml_text
from understudy.ingest.base import SkipFile
from understudy.ingest.walk import read_bytes

FAMILY = re.compile(r"(?:^|:)(?:page|partial|example|attachment|image)\$")
_RESOURCE = re.compile(
    r"(?:[\w.-]+@)?(?:(?:(?P<component>[\w.-]*):)?(?P<module>[\w.-]*):)?"
    r"(?:(?P<family>page|partial|example|attachment|image)\$)?(?P<path>[^:$]*)"
)
_MOST_BYTES = 200_000  # of an antora.yml
_DIRECTORIES = {"partialsdir": "partial$", "examplesdir": "example$", "attachmentsdir": "attachment$"}


def module_of(page: Path) -> Path | None:
    """The folder of the module that a page stands in."""
    return next((folder for folder in page.parents if folder.parent.name == "modules"), None)


def resource(root: Path, page: Path, name: str) -> Path | None:
    """The file that an id means on a page; None where it is no id, or where the component is not in the folder."""
    found, module = _RESOURCE.fullmatch(name), module_of(page)
    if found is None or module is None:
        return None
    component = module.parent.parent
    if found["component"] and found["component"] != _described(component, root).get("name"):
        folders = (f for f in _components(root) if _described(f, root).get("name") == found["component"])
        named = next(folders, None)
        if named is None:
            return None
        component = named
    name = found["module"] or ("ROOT" if found["component"] else module.name)
    return component / "modules" / name / f"{found['family'] or 'page'}s" / found["path"].lstrip("/")


def attributes(root: Path, page: Path) -> dict[str, str]:
    """What the pages of a component find set: the attributes of its `antora.yml`, its name, title and version."""
    module = module_of(page)
    if module is None:
        return {}
    said = _described(module.parent.parent, root)
    described = said.get("asciidoc")
    given = described.get("attributes") if isinstance(described, dict) else None
    found = dict(_DIRECTORIES)
    for key, value in given.items() if isinstance(given, dict) else ():
        if value is not None and value is not False and isinstance(value, (str, int, float)):
            found[str(key).lower()] = "" if value is True else str(value).removesuffix("@")
    for key in ("name", "title", "version", "display_version"):
        if isinstance(said.get(key), (str, int, float)):
            found[f"page-component-{key.replace('_', '-')}"] = str(said[key])
    return found | {"page-module": module.name}


def _described(component: Path, root: Path) -> Mapping[str, Any]:
    """What the `antora.yml` of a component says; nothing where it stands outside of `root`."""
    try:
        path = (component / "antora.yml").resolve()
        return _values(path, path.stat().st_mtime_ns) if path.is_relative_to(root.resolve()) else {}
    except (OSError, RuntimeError):
        return {}


@functools.lru_cache(256)
def _values(path: Path, _changed: int) -> Mapping[str, Any]:
    try:
        values = yaml_text.load(read_bytes(path, _MOST_BYTES).decode("utf-8", "replace"))
    except (OSError, SkipFile, yaml_text.YamlError):
        return {}
    return values if isinstance(values, dict) else {}


@functools.lru_cache(16)
def _components(root: Path) -> tuple[Path, ...]:
    """The folders of components up to three folders deep."""
    return tuple(sorted(p.parent for depth in ("", "*/", "*/*/", "*/*/*/") for p in root.glob(f"{depth}antora.yml")))
