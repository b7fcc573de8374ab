"""Front matter: the settings above a page's text, which are not part of it."""

from __future__ import annotations

import math
import re
import tomllib
from typing import Any

from understudy import yaml_text
from understudy.ingest.base import Page, Skipped

_FRONT_MATTER = re.compile(
    r"\A(?:---[ \t]*\n(?:(.*?)\n)??(?:---|\.\.\.)|\+\+\+[ \t]*\n(?:(.*?)\n)??\+\+\+)[ \t]*(?:\n|\Z)",
    re.DOTALL,
)
# Lines that settings are made of: a key, a list's item, a comment, or what an indentation continues.
_SETTING = re.compile(
    r"""\s*$ | \#.* | [\w"'$.-][^:=\n]{0,800}[:=](?:\s.*)?$ | -\s.* | [ \t]+\S.* | [\]}]""", re.VERBOSE
)
_KEY = re.compile(r"([\w.-]+)[ \t]*[:=][ \t]+(\S.*)")
_MOST = 100_000  # characters; what is longer is data
_DEPTH = 30
_BITS = 1000  # of a whole number


def split(text: str) -> Page:
    """Cut YAML (`---`) or TOML (`+++`) front matter into metadata.

    What cannot be parsed but is made of settings is kept out of the text too, with the keys that can be told by
    eye, and noted in `Page.skipped`; a first paragraph between two rules stays text.
    """
    found = _FRONT_MATTER.match(text)
    if found is None:
        return Page(text)
    settings = found[1] if found[1] is not None else found[2] or ""
    try:
        values = _parse(settings, text.startswith("+"))
        skipped: tuple[Skipped, ...] = ()
    except ValueError as error:
        if not _made_of_settings(settings):
            return Page(text)
        values = {key: value.strip(" \"'") for key, value in _KEY.findall(settings[:_MOST])}
        skipped = (Skipped("", "front matter", f"cannot be read, left out of the text: {error}"),)
    body = text[found.end() :]
    title = values.get("title")
    first_line = text.count("\n", 0, found.end()) + 1
    return Page(body, str(title) if title else "", first_line, values, skipped=skipped)


def _parse(settings: str, toml: bool) -> dict[str, Any]:
    """The settings as plain JSON. Raises ValueError for what is none, or is beyond the bounds."""
    if len(settings) > _MOST:
        raise ValueError(f"{len(settings)} characters; {_MOST} are read at most")
    try:
        values = tomllib.loads(settings) if toml else yaml_text.load(settings)
        values = _json({} if values is None else values, 0)
    except yaml_text.YamlError as error:
        raise ValueError(str(error)) from error
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(values, dict):
        raise ValueError("not a mapping of keys")
    return values


def _made_of_settings(text: str) -> bool:
    lines = text[:_MOST].split("\n")
    return bool(_KEY.match(text.lstrip())) and all(_SETTING.match(line) for line in lines)


def _json(value: Any, depth: int) -> Any:
    """Dates, NaN and the like become text, so that the record is plain JSON."""
    if depth > _DEPTH:
        raise ValueError(f"nested deeper than {_DEPTH} levels")
    if isinstance(value, dict):
        return {str(k): _json(v, depth + 1) for k, v in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [_json(v, depth + 1) for v in value]
    if isinstance(value, int) and value.bit_length() > _BITS:
        raise ValueError("a whole number without end")
    if value is None or isinstance(value, (bool, int, str)) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value)
