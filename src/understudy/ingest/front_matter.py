"""Front matter: the settings above a page's text, which are not part of it."""

from __future__ import annotations

import math
import re
import tomllib
from typing import Any

import yaml

from understudy.ingest.base import Page

_FRONT_MATTER = re.compile(
    r"\A(?:---[ \t]*\n(.*?)^(?:---|\.\.\.)|\+\+\+[ \t]*\n(.*?)^\+\+\+)[ \t]*(?:\n|\Z)",
    re.MULTILINE | re.DOTALL,
)


def split(text: str) -> Page:
    """Cut YAML (`---`) or TOML (`+++`) front matter into metadata; what cannot be parsed stays text."""
    found = _FRONT_MATTER.match(text)
    if found is None:
        return Page(text)
    values = _parse(found[1], found[2])
    if values is None:
        return Page(text)
    body = text[found.end() :]
    title = values.get("title")
    return Page(body, str(title) if title else "", text.count("\n", 0, found.end()) + 1, values)


def _parse(yaml_text: str | None, toml_text: str | None) -> dict[str, Any] | None:
    try:
        values = yaml.safe_load(yaml_text) if yaml_text is not None else tomllib.loads(toml_text or "")
    except (yaml.YAMLError, ValueError):
        return None
    if values is None:
        return {}
    return {str(k): _json(v) for k, v in values.items()} if isinstance(values, dict) else None


def _json(value: Any) -> Any:
    """Dates, NaN and the like become text, so that the record is plain JSON."""
    if isinstance(value, dict):
        return {str(k): _json(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [_json(v) for v in value]
    if value is None or isinstance(value, (bool, int, str)) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value)
