"""Front matter: the settings above a page's text, which are not part of it."""

from __future__ import annotations

import math
import re
import tomllib
from typing import Any

from understudy import yaml_text
from understudy.ingest.base import Page, Skipped
from understudy.ingest.roff import page_name

_FRONT_MATTER = re.compile(
    r"\A(?:---[ \t]*\n(?:(.*?)\n)??(?:---|\.\.\.)|\+\+\+[ \t]*\n(?:(.*?)\n)??\+\+\+)[ \t]*(?:\n|\Z)",
    re.DOTALL,
)
# What pandoc and go-md2man write above a page: `% title`, `% authors`, `% date`, each going on over indented lines.
_TITLE_BLOCK = re.compile(
    r"\A%[ \t]*(?P<title>\S[^\n]*(?:\n[ \t]+\S[^\n]*){0,5})(?:\n%[^\n]*(?:\n[ \t]+\S[^\n]*){0,20}){0,2}(?:\n|\Z)"
)
_MAN_TITLE = re.compile(r"(?P<name>[\w.+:@-]+)(?:\((?P<a>\d\w{0,3})\)|[ \t]+\"?(?P<b>\d\w{0,3})\"?)(?=[\s\"]|$)")
_NAME = re.compile(r"^#{1,2}[ \t]+NAME[ \t]*(?:#+[ \t]*)?$", re.IGNORECASE | re.MULTILINE)
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
    eye, and noted in `Page.skipped`; a first paragraph between two rules stays text. A title block of pandoc's gives
    the title alone, that of a manual page as such: `tool-sub(1)`.
    """
    if text.startswith("%") and (block := _TITLE_BLOCK.match(text)):
        body = text[block.end() :]
        return Page(body, _man_title(block["title"], body), text.count("\n", 0, block.end()) + 1)
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


def _man_title(title: str, body: str) -> str:
    """The title of a block; where the page has a section NAME, the name and section of the manual page that it is."""
    page = _MAN_TITLE.match(title)
    return f"{page_name(page['name'])}({page['a'] or page['b']})" if page and _NAME.search(body) else title


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
