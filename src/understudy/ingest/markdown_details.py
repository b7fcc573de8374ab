"""`<details>` in Markdown becomes a box that bears its summary; what stands inside is read on."""

from __future__ import annotations

import re
from collections.abc import Sequence

from understudy.ingest.html_writer import fragment
from understudy.ingest.markdown_fences import fences
from understudy.normal import folded

Numbered = tuple[int, str]  # a line of the source and its text

_OPEN = re.compile(r"^(?P<indent>[ \t]*)<details\b", re.IGNORECASE)
_WHOLE = re.compile(
    r"\s*<details\b[^<>]*>\s*(?:<summary\b[^<>]*>(?P<title>.*?)</summary\s*>)?(?P<rest>.*)\Z",
    re.IGNORECASE | re.DOTALL,
)
_CLOSE = re.compile(r"</details\s*>", re.IGNORECASE)
_COLONS = re.compile(r"^[ \t]*(:{3,})")
_DEEPEST = 20  # boxes within boxes: as deep as Markdown is read
_HEAD = 12  # lines within which a summary ends


def boxes(lines: Sequence[Numbered]) -> list[Numbered]:
    """The lines with `:::details[Summary]` and `:::` where details open and close; lines are added where a mark
    shares its line with text. What is never closed, or nested too deep, keeps its summary in bold."""
    made: list[Numbered] = []
    opened: list[tuple[int, str, str]] = []  # where each open box begins in `made`, its indentation and title
    beyond = 0  # those that are open within the deepest box
    code = [line.inside for line in fences(text for _, text in lines)]
    index = 0
    while index < len(lines):
        number, line = lines[index]
        if code[index]:
            made.append((number, line))
            index += 1
            continue
        found = _OPEN.match(line)
        if found:
            end = _summary_end(lines, index)
            whole = _WHOLE.match("\n".join(text for _, text in lines[index:end]))
            if whole:
                box = (len(made), found["indent"], _title(whole["title"] or ""))
                made += [(number, "") for number, _ in lines[index:end]]
                if len(opened) < _DEEPEST:
                    opened.append(box)
                else:
                    beyond += 1
                    _in_bold(made, *box)
                rest = whole["rest"].strip()
                index = end
                if not rest:
                    continue
                number, line = lines[end - 1][0], found["indent"] + rest
                index -= 1
        if opened and _CLOSE.search(line):
            before, _, after = _split(line)
            if before.strip():
                made.append((number, before.rstrip()))
            if beyond:
                beyond -= 1
                made += [(number, after)] if after.strip() else []
                index += 1
                continue
            at, indent, title = opened.pop()
            colons = ":" * (1 + max([2, *(len(m[1]) for _, text in made[at:] if (m := _COLONS.match(text)))]))
            made[at] = (made[at][0], f"{indent}{colons}details{f'[{title}]' if title else ''}")
            made.append((number, indent + colons))
            if after.strip():
                made.append((number, indent + after.strip()))
        else:
            made.append((number, line))
        index += 1
    for box in opened:
        _in_bold(made, *box)
    return made


def _in_bold(made: list[Numbered], at: int, indent: str, title: str) -> None:
    """Write the summary of what is no box on the line where it opened."""
    made[at] = (made[at][0], f"{indent}**{title}**" if title else "")


def _summary_end(lines: Sequence[Numbered], index: int) -> int:
    """One past the line on which the summary ends, or on which the tag opens where none follows it."""
    begun = False
    for at in range(index, min(len(lines), index + _HEAD)):
        text = lines[at][1].lower()
        begun = begun or "<summary" in text
        if "</summary" in text and begun:
            return at + 1
        if at > index and text.strip() and not begun:
            break
    return index + 1


def _split(line: str) -> tuple[str, str, str]:
    found = _CLOSE.search(line)
    return (line, "", "") if found is None else (line[: found.start()], found[0], line[found.end() :])


def _title(html: str) -> str:
    """A summary on one line, without marks of its own."""
    text = folded(fragment(html)) if "<" in html else folded(html)
    return re.sub(r"\A#{1,6}\s+|\A\*\*(.*)\*\*\Z", r"\1", text)
