"""Entries whose name is a heading: `### relay.timeout`, then what it is, and its default as a line or a list item."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from understudy.generate.extractive.claims import Claim, Location
from understudy.generate.extractive.lists import PHRASE, entry_claims, entry_name
from understudy.generate.extractive.tables import noun_of
from understudy.generate.text import bare, plain, sentences
from understudy.generate.values import PRECISE, value_type
from understudy.outline import Block

_DEFAULT = re.compile(
    r"(?:The )?[Dd]efault(?:s to| value(?: is)?| is)? ?[:=]? *(?P<v>`[^`]+`|\S+(?: [a-zA-Z%]{1,9})?)[.]?"
)
_WHOLE_LINE = re.compile(r"(?:\*\*)?Default(?: value)?(?:\*\*)?:(?:\*\*)? *(?P<v>[^\n:;]{3,60}?)[.]?")
_ERRORS = re.compile(
    r"(?:[\w-]+ ){0,2}(?:errors?|error (?:codes?|messages))(?: (?:codes|list|reference|overview))?", re.IGNORECASE
)
_LINE = re.compile(
    r"(?:\*\*)?(?:Use|Type|Default|Required|Since|Values?|Range|Unit|Scope|Context)(?:\*\*)?:(?:\*\*)? *[^\n.]{1,60}"
)
"""A line of what an entry says of itself: `Type: boolean`."""
_SINCE = re.compile(
    r"(?:new|added|changed|deprecated|removed|obsolete|type|default|required|since|version)\b", re.IGNORECASE
)
_DEPRECATED = re.compile(r"\b(?:deprecated|obsolete|no longer|removed|legacy)\b", re.IGNORECASE)
_TOLD = frozenset({"add", "choose", "configure", "create", "enter", "specify", "select", "set", "use", "provide"})
_LONGEST = 700  # characters from the heading to the end of its description


def headed_claims(heading: Block, after: Sequence[Block], text: str, location: Location) -> Iterator[Claim]:
    """Claims of the entry that a heading names; nothing where the heading is no name.

    after: the blocks that follow it. location: with the headings above it.
    """
    label = entry_name(re.sub(r"^#+\s*|\s*#*$", "", text[heading.start : heading.end]))
    own = list(itertools.takewhile(lambda block: block.kind != "heading", after))
    if label:
        yield from _entry(label, heading.start, own, text, location, location.headings[:-1])


def lined_claims(name: Block, after: Sequence[Block], text: str, location: Location) -> Iterator[Claim]:
    """Claims of the entry that a paragraph of a name alone begins, where lines such as `Type: boolean` follow it.

    after: the blocks that follow it. location: with the headings above it.
    """
    if not _LINE.match(after[0].content if after and after[0].kind == "paragraph" else ""):
        return
    label = entry_name(name.content) if _alone(name) else ""
    if label:
        own = itertools.takewhile(lambda block: block.kind == "paragraph" and not _alone(block), after)
        yield from _entry(label, name.start, list(own), text, location, location.headings)


def _alone(block: Block) -> bool:
    return " " not in block.content.strip()


def _entry(
    label: str, start: int, own: Sequence[Block], text: str, location: Location, parents: tuple[str, ...]
) -> Iterator[Claim]:
    """own: the blocks that tell of the entry. parents: the headings that it stands under."""
    label = _full_name(own, bare(label)) or label
    if bare(label).isupper() and "_" not in label:
        return
    if any(_DEPRECATED.search(text[b.start : b.end]) for b in own[:3] if not _sheet(b)):
        return
    default = _default(own, text)
    prose = (b for b in own[:5] if b.kind == "paragraph" and not _LINE.fullmatch(plain(b.content)))
    told = next((b for b in prose if not _SINCE.match(plain(b.content))), None)
    named = bare(label).rstrip("()")
    above = replace(location, headings=parents)
    noun = noun_of("name", above)
    noun = "setting" if default and noun in ("one", "option") and label[:2] != "`-" and "()" not in label else noun
    if noun == "one" and not default and any(_ERRORS.fullmatch(h.strip()) for h in (location.title, *parents)):
        noun = "error code" if re.search(r"code", location.title, re.IGNORECASE) else "error"
    noun = "option" if label[:2] == "`-" else "function" if label.endswith("()`") and "." not in label else noun
    if default and (value_type(default[0]) in PRECISE or PHRASE.fullmatch(default[0])):
        yield from entry_claims(label, noun, f"default {default[0]}", "", start, default[1], above)
    if (
        told is None
        or told.end - start > _LONGEST
        or re.match(rf"\W*(?:(?:The|An?)\b)?\W*{re.escape(named)}\b", told.content)
    ):
        return  # a sentence with its subject is read as one
    if any(b.kind not in ("paragraph", "list") and not _sheet(b) for b in own[: own.index(told)]):
        return
    said = _description(told)
    if noun == "one" and "_" not in label and said.partition(" ")[0].lower() in _TOLD:
        return  # what the reader is told to do under a heading
    if said:
        yield from entry_claims(label, noun, "", said, start, told.end, above)


def _full_name(own: Sequence[Block], short: str) -> str:
    """The name in code that an item `Name: ...` tells, where the heading is the end of it; empty where none does."""
    items = [item.content for block in own if block.kind == "list" for item in block.children]
    found = (_NAME.match(item) for item in items)
    return next((f"`{m[1]}`" for m in found if m and m[1] != short and m[1].endswith(short)), "")


_NAME = re.compile(
    r"\W*(?:Name|Key|Variable|Environment variable|Setting|Env(?: var)?)\W{1,6}`([\w.-]+)`", re.IGNORECASE
)


def _sheet(block: Block) -> dict[str, str]:
    """What a table of one thing says, by its lower-case headings: one row under a header, or a heading beside each
    cell; empty for other tables, and where it tells neither a type nor a default."""
    rows = [[plain(cell) for cell in row.cells] for row in block.children] if block.kind == "table" else []
    if len(rows) == 2:
        told = dict(zip(rows[0], rows[1], strict=False))
    elif rows and all(len(row) == 2 for row in rows):
        told = {row[0]: row[1] for row in rows}
    else:
        return {}
    sheet = {heading.lower().strip("*: ").removesuffix(" value"): value for heading, value in told.items()}
    return sheet if {"default", "type"} & sheet.keys() else {}


def _description(block: Block) -> str:
    """A paragraph without the sentence that tells its default."""
    text = plain(block.content)
    kept = [text[a:b] for a, b in sentences(text) if not _DEFAULT.fullmatch(text[a:b])]
    return " ".join(kept)


def _default(blocks: Sequence[Block], text: str) -> tuple[str, int] | None:
    """The default that a line, an item or a table of its own tells, and where it ends; None where none or several
    do."""
    found: dict[str, int] = {}
    for block in blocks:
        if told := bare(_sheet(block).get("default", "")):
            found.setdefault(told, block.end)
        for part in block.children if block.kind == "list" else (block,):
            if part.kind not in ("paragraph", "item"):
                continue
            lines = [plain(line).lstrip("-*+ ") for line in part.content.splitlines()]
            if len(lines) == 1 and part.kind == "paragraph":
                lines += [plain(part.content)[a:b] for a, b in sentences(plain(part.content))]
            for match in filter(None, (_DEFAULT.fullmatch(line) or _WHOLE_LINE.fullmatch(line) for line in lines)):
                found.setdefault(bare(match["v"].rstrip(".")), part.end)
    return next(iter(found.items())) if len(found) == 1 else None
