"""A passage as the sentences, list entries, table rows and blocks of code that could be told as an answer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal["prose", "item", "row", "heading", "code"]

_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[\"'(\[`*]*[A-Z0-9`])")
_QUOTE = re.compile(r"^\s*>\s?")
_FENCE = re.compile(r"^\s*(?:```|~~~)")
_HEADING = re.compile(r"^\s*#+\s+|^\s*\*\*[^*]+\*\*\s*$|^\s*\(?\d+\)\s.*\?\s*$")
_MARKUP = re.compile(r"^\s*(?:[-*+]\s+|\d+[.)]\s+|#+\s+|\|)")
_OUTER = re.compile(r"^\s*(?:[-*+]\s+|\d+[.)]\s+|#+\s+|\|)|\|\s*$")
_BOX = re.compile(r"^\s*:{3,}\s*\S*\s*$")  # where a box begins or ends
_WORD = re.compile(r"\w")
_LEANS = re.compile(
    r"[\"'(*_]*(?:however|but|and|or|nor|so|then|thus|therefore|hence|instead|otherwise|also|still|yet|again|here|"
    r"conversely|similarly|likewise|consequently|accordingly|moreover|furthermore|additionally|nevertheless|besides|"
    r"indeed|rather|for (?:example|instance|this|these|that|those)|in (?:this|that|these|those|such|other|addition|"
    r"contrast|both|either)|on the other|as a (?:result|consequence)|because of (?:this|that)|at (?:this|that)|"
    r"with (?:this|these|that)|to (?:do|avoid|fix|prevent|solve) (?:this|that|so|it)|doing so|"
    r"if (?:so|not|this|that|it)|when (?:this|that|it)|note,? (?:however|also|though)|this|that|these|those|it|its|"
    r"they|their|them|such|both|neither|the (?:same|latter|former|above|following))\b",
    re.IGNORECASE,
)
_LABELLED = re.compile(r"^[*_`]*[A-Z][a-z]+[*_`]*:[*_`]*\s(?:\S+\s*){1,6}$|^\*\*[a-z]+\*\*:\s(?:\S+\s*){1,6}$")
_LEAD = 250  # characters of a sentence that is told before another for its sake


@dataclass(frozen=True, slots=True)
class Sentence:
    """text: word for word, without the marks of a list or table around it. heading: what stands above it within the
    passage: the last heading, and the names of its table's columns. cut: the passage begins or ends within it, or it
    goes on from a sentence that the passage does not have. lead: what is told before it, so that it can be understood
    alone: the sentence or heading that it goes on from, the names of its table's columns, what announces its list or
    its code."""

    text: str
    kind: Kind
    heading: str = ""
    cut: bool = False
    lead: str = ""

    @property
    def whole(self) -> str:
        """The sentence with what is told before it."""
        if not self.lead:
            return self.text
        together = self.kind not in ("row", "code") and self.lead.endswith((".", "!", "?"))
        return f"{self.lead} {self.text}" if together else f"{self.lead}\n{self.text}"


def leans(text: str) -> bool:
    """Whether a sentence goes on from the one before it, as `However, …` and `This is …` do."""
    return bool(_LEANS.match(text))


def sentences(text: str) -> list[Sentence]:
    """The sentences of a passage in their order."""
    found: list[Sentence] = []
    heading, columns, intro, before = "", "", "", ""
    for line, kind in _lines(text):
        if kind == "code":
            if _WORD.search(line):
                found.append(Sentence(line, "code", heading, lead=_announcing(found)))
        elif kind == "heading":
            heading = _OUTER.sub("", line).strip().strip("*").strip()
            if heading:
                found.append(Sentence(_OUTER.sub("", line).strip(), "heading", heading))
        elif kind == "row":
            cells = _OUTER.sub("", _OUTER.sub("", line)).strip()
            if before != "row":
                columns = ""
            if _WORD.search(cells):
                found.append(Sentence(cells, "row", f"{heading} {columns}".strip(), lead=columns))
            elif before == "row" and found and found[-1].kind == "row":  # the line below the names of the columns
                found[-1] = replace(found[-1], kind="heading")
                columns = found[-1].text
        else:
            if before != kind:
                intro = _announcing(found)
            parts = [part for part in (_OUTER.sub("", part).strip() for part in _END.split(line)) if part]
            if kind == "item" and parts and parts[-1].endswith("?"):  # a list of questions, not of answers
                found += [Sentence(part, "heading", heading) for part in parts]
                parts = []
            for k, part in enumerate(parts):
                lead = intro if kind == "item" and not k else _gone_on_from(found, part)
                if _LABELLED.match(part):  # `Default: 20`, of what was described before it
                    found.append(Sentence(" ".join([*_described(found), part]), kind, heading))
                    continue
                begins = not found and kind == "prose" and part[0].islower()
                cut = begins or (leans(part) and not lead and (not found or found[-1].cut))
                found.append(Sentence(part, kind, heading, cut, lead))
        before = kind
    if found and found[-1].kind in ("prose", "item") and not re.search(r"[.!?:][\"')\]*_`]*$", found[-1].text):
        found[-1] = replace(found[-1], cut=True)
    return found


def _described(found: Sequence[Sentence]) -> list[str]:
    """The sentences since the last heading, table or code, where they may be told before another; else the first."""
    since: list[str] = []
    for last in reversed(found):
        if last.kind not in ("prose", "item"):
            break
        if not since or last.text not in since[0]:  # else it is told there already
            since.insert(0, last.text)
        if last.kind == "item" and last.lead:
            break
    kept = since if sum(map(len, since)) <= _LEAD else since[:1]
    return kept if sum(map(len, kept)) <= _LEAD else []


def _announcing(found: Sequence[Sentence]) -> str:
    """The sentence before, where it announces what comes and is short enough to be told with it."""
    last = found[-1] if found else None
    if last is None or last.kind in ("heading", "code", "row") or not last.text.endswith(":"):
        return ""
    return last.text if len(last.text) <= _LEAD else ""


def _gone_on_from(found: Sequence[Sentence], part: str) -> str:
    """The sentence or heading before, where this one goes on from it; with the one that it goes on from itself."""
    last = found[-1] if found else None
    if last is None or last.kind in ("row", "code") or not leans(part):
        return ""
    if last.kind == "heading":
        return last.heading
    if last.cut:
        return ""
    both = f"{last.lead} {last.text}".strip()
    return next((lead for lead in (both, last.text) if len(lead) <= _LEAD), "")


def _lines(text: str) -> Iterator[tuple[str, Kind]]:
    """The text's lines with what they are; those of a paragraph, and those of a block of code, are one."""
    kept: list[str] = []
    kind: Kind = "prose"
    fenced = False
    deep = 0  # marks of a quotation before a block of code, whose own lines may begin with the same sign
    for raw in [*text.split("\n"), ""]:
        line = _unquoted(raw, deep if fenced else len(raw))
        if _FENCE.match(line):
            if kept:
                yield ("\n" if fenced else " ").join(kept), kind
            deep = raw.partition(line)[0].count(">") if line else 0
            kept, fenced, kind = [], not fenced, "prose" if fenced else "code"
            continue
        if fenced:
            if line.strip():
                kept.append(line.rstrip())
            continue
        if _BOX.match(line):
            line = ""
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


def _unquoted(line: str, levels: int) -> str:
    """A line without so many marks of a quotation."""
    while levels and (mark := _QUOTE.match(line)):
        line, levels = line[mark.end() :], levels - 1
    return line


def _kind(line: str) -> Kind:
    if _HEADING.match(line):
        return "heading"
    if line.lstrip().startswith("|"):
        return "row"
    return "item" if _MARKUP.match(line) else "prose"
