"""A passage as the sentences, list entries, table rows and blocks of code that could be told as an answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal["prose", "item", "row", "heading", "code"]

_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[\"'(\[`*]*[A-Z0-9`])")
_QUOTE = re.compile(r"^\s*>\s?")
_FENCE = re.compile(r"^\s*(?:```|~~~)")
_HEADING = re.compile(r"^\s*#+\s+|^\s*\*\*[^*]+\*\*\s*$|^\s*\(?\d+\)\s.*\?\s*$")
_MARKUP = re.compile(r"^\s*(?:[-*+]\s+|\d+[.)]\s+|#+\s+|\|)")
_OUTER = re.compile(r"^\s*(?:[-*+]\s+|\d+[.)]\s+|#+\s+|\|)|\|\s*$")
_WORD = re.compile(r"\w")


@dataclass(frozen=True, slots=True)
class Sentence:
    """text: word for word, without the marks of a list or table around it. heading: what stands above it within the
    passage: the last heading, and the first row of its table. cut: the passage begins or ends within it."""

    text: str
    kind: Kind
    heading: str = ""
    cut: bool = False


def sentences(text: str) -> list[Sentence]:
    """The sentences of a passage in their order."""
    found: list[Sentence] = []
    heading, columns, before = "", "", ""
    for line, kind in _lines(text):
        if kind == "code":
            if _WORD.search(line):
                found.append(Sentence(line, "code", heading))
        elif kind == "heading":
            heading = _OUTER.sub("", line).strip().strip("*").strip()
            if heading:
                found.append(Sentence(_OUTER.sub("", line).strip(), "heading", heading))
        elif kind == "row":
            cells = _OUTER.sub("", _OUTER.sub("", line)).strip()
            if not _WORD.search(cells):
                continue
            if before != "row":
                columns = cells
            found.append(Sentence(cells, "row", f"{heading} {columns}" if cells != columns else heading))
        else:
            for part in _END.split(line):
                part = _OUTER.sub("", part).strip()
                if part:
                    found.append(Sentence(part, kind, heading))
        before = kind
    if found and found[0].kind == "prose" and found[0].text[0].islower():
        found[0] = replace(found[0], cut=True)
    if found and found[-1].kind in ("prose", "item") and not re.search(r"[.!?:][\"')\]*_`]*$", found[-1].text):
        found[-1] = replace(found[-1], cut=True)
    return found


def _lines(text: str) -> Iterator[tuple[str, Kind]]:
    """The text's lines with what they are; those of a paragraph, and those of a block of code, are one."""
    kept: list[str] = []
    kind: Kind = "prose"
    fenced = False
    for raw in [*text.split("\n"), ""]:
        line = _QUOTE.sub("", raw)
        if _FENCE.match(line):
            if kept:
                yield ("\n" if fenced else " ").join(kept), kind
            kept, fenced, kind = [], not fenced, "prose" if fenced else "code"
            continue
        if fenced:
            if line.strip():
                kept.append(line.rstrip())
            continue
        defines = bool(kept) and line.lstrip().startswith(": ")  # the line before is the term
        if defines:
            kind = "item"
        if kept and not defines and (not line.strip() or _MARKUP.match(line) or kind == "heading"):
            yield " ".join(kept), kind
            kept = []
        if line.strip():
            if not kept:
                kind = _kind(line)
            kept.append(line.strip())
    if kept:
        yield "\n".join(kept), kind


def _kind(line: str) -> Kind:
    if _HEADING.match(line):
        return "heading"
    if line.lstrip().startswith("|"):
        return "row"
    return "item" if _MARKUP.match(line) else "prose"
