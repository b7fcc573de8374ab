"""What site generators add inside the lines of Markdown: attribute lists, task boxes, languages of inline code,
references to footnotes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_ATTRIBUTE = r"""(?:[.#][\w:-]+|[\w:-]+=(?:"[^"\n]*"|'[^'\n]*'|[^\s"'{}]+)|data-[\w-]+|aria-[\w-]+)"""
ATTRIBUTES = rf"\{{:?[ \t]*{_ATTRIBUTE}(?:[ \t]+{_ATTRIBUTE})*[ \t]*\}}"
_PARTS = re.compile(
    rf"""(?P<code>(?<!`)(?P<ticks>`+)(?!`)(?P<inside>.+?)(?<!`)(?P=ticks)(?!`))(?P<of_code>{ATTRIBUTES})?
  | (?<=[)\]])(?P<attributes>{ATTRIBUTES})
  | \[\^(?P<note>[^\[\]\s]+)\](?!:)""",
    re.VERBOSE,
)
_TASK = re.compile(r"^(?P<before>[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+)\[(?P<mark>[ xX])\](?=[ \t]+\S)")
_LANGUAGE = re.compile(r"\A#!\w[\w+-]*[ \t]+(?=\S)")
_NOTE = re.compile(r"^ {0,3}\[\^(?P<name>[^\[\]\s]+)\]:[ \t]*")
_REFERENCE = re.compile(r"\[\^([^\[\]\s]+)\]")


def numbers(lines: Iterable[str]) -> dict[str, int]:
    """The footnotes of a page, numbered as they are first referred to, as sites show them."""
    named: list[str] = []
    defined: set[str] = set()
    for line in lines:
        if "[^" in line:
            found = _NOTE.match(line)
            if found:
                defined.add(found["name"])
            named += _REFERENCE.findall(line[found.end() if found else 0 :])
    order = dict.fromkeys([*(n for n in named if n in defined), *sorted(defined)])
    return {name: number for number, name in enumerate(order, 1)}


def footnote(line: str, known: Mapping[str, int]) -> str | None:
    """A line that begins a footnote as an item of a numbered list; None for every other line."""
    found = _NOTE.match(line)
    if found is None or found["name"] not in known:
        return None
    return f"{known[found['name']]}) {line[found.end() :]}".rstrip()


def plain(line: str, known: Mapping[str, int]) -> str:
    """A line outside of blocks of code: `[x]` of a task as ☑, without attribute lists; footnotes by their numbers."""
    task = _TASK.match(line) if "] " in line or "]\t" in line else None
    if task:
        line = f"{task['before']}{'☐' if task['mark'] == ' ' else '☑'}{line[task.end() :]}"
    if "`" not in line and "{" not in line and "[^" not in line:
        return line

    def shown(part: re.Match[str]) -> str:
        if part["code"]:
            ticks, inside = part["ticks"], part["inside"]
            return f"{ticks}{_LANGUAGE.sub('', inside)}{ticks}"
        if part["attributes"]:
            return ""
        number = known.get(part["note"])
        return part[0] if number is None else f"\\[{number}\\]"

    return _PARTS.sub(shown, line)
