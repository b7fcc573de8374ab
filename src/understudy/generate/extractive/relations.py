"""Sentences whose sense is known: patterns of prose with the questions that ask for their parts.

`<s>` stands for the subject, `<v>` for the value. A pattern matches a whole sentence without its full stop.
In questions `{s}` and `{v}` are filled in and `{c}` is the context that makes a question stand alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import resources

_MACROS = {
    "<s>": r"(?P<s>[^,;:]{2,70}?)",
    "<v>": r"(?P<v>[^,;]{1,90}?)",
    "<a>": r"(?P<a>[a-zA-Z][\w -]{1,45}?)",
    "<n>": r"(?P<v>`?[\d][\d,.]*(?: ?(?:%|[A-Za-z]{1,12}))?`?)",
    "<c>": r"(?P<v>`[^`]+`|[~./]?[\w./:\\{}%+-]*[/._:\\{}+-][\w./:\\{}%+-]*)",
    "<w>": r"(?P<v>`?[\w.+/#-]+(?: \d+(?:\.\d+)*)?`?)",
    "<d>": r"(?P<v>[\w,. -]*\d{4}[\w-]*)",
}


@dataclass(frozen=True, slots=True)
class Relation:
    """patterns: regular expressions of whole sentences; the rest are question templates."""

    attribute: str
    patterns: tuple[re.Pattern[str], ...]
    forward: tuple[str, ...]
    backward: tuple[str, ...] = ()


def _compiled(source: str) -> re.Pattern[str]:
    """A pattern with its macros written out; a group `(?P<v>...)` of its own is left alone."""
    return re.compile(re.sub(r"(?<!\?P)<[svancwd]>", lambda m: _MACROS[m.group()], source), re.IGNORECASE)


def _read(text: str) -> tuple[Relation, ...]:
    """The relations of the data file, in order; the first that fits a sentence is taken."""
    found = []
    for block in text.split("\n\n"):
        lines = [(line[:1], line[1:].strip()) for line in block.splitlines()]
        pick = {mark: tuple(rest for m, rest in lines if m == mark) for mark in "=-><"}
        if pick["="]:
            found.append(Relation(pick["="][0], tuple(map(_compiled, pick["-"])), pick[">"], pick["<"]))
    return tuple(found)


RELATIONS = _read((resources.files("understudy.generate.extractive") / "relations.txt").read_text(encoding="utf-8"))

# The A of S is V, in its many orders; `a` is the attribute.
ATTRIBUTES: tuple[re.Pattern[str], ...] = tuple(
    _compiled(text)
    for text in (
        r"(?:by default,? )?(?:the )<a> (?:of|for) <s> (?:is|are) (?:set to |always |currently )?<v>"
        r"(?: by default| unless .+)?",
        r"<s> (?:has|have) (?:a|an) <a> of <v>",
        r"for <s>,? the <a> is <v>",
        r"in <s>,? the <a> is <v>(?: unless .+)?",
        r"<s> uses <v> as (?:its|the) <a>",
        r"<v> is the <a> (?:of|for) <s>",
        r"set to <v>,? the <a> (?:of|for) <s> "
        r"(?:rarely|seldom|hardly|never|usually|often|works|suits|fits|is|does|needs?|can|should|must|has)\b.*",
        r"the (?P<s>`[^`]+`) "
        r"(?P<a>port|address|limit|timeout|path|version|size|name|format|level|mode) is <v>",
    )
)  # fmt: skip
DEFAULTS: tuple[re.Pattern[str], ...] = tuple(
    _compiled(text)
    for text in (
        r"<s> defaults to <v>",
        r"(?:the )?default (?:value )?(?:of|for) <s> is <v>",
        r"by default,? <s> is (?:set to )?(?P<v>`[^`]+`|-?\d[\w. %]*|true|false|on|off|enabled|disabled)",
        r"<s> is (?P<v>enabled|disabled|on|off) by default",
        r"setting <s> is (?P<v>`[^`]+`|-?\d[\w. %]*|[\w./-]+)",
    )
)
