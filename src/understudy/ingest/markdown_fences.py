"""Which lines of Markdown stand in fenced blocks of code, as CommonMark closes them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

FENCE = re.compile(
    r"^(?P<before>[ \t>]*)(?P<item>(?:(?:[-*+]|\d{1,9}[.)])[ \t]+){0,8})(?P<marks>`{3,}|~{3,})(?P<info>[^`\n]*)"
)
_SLACK = 3  # columns that a closing mark may stand further in than its opening one


class Line(NamedTuple):
    """A line, and whether it stands in a fenced block (its marks included).

    opens: the marks, where it opens one. cut: the marks of one that ended above without being closed, as its list
    item, quotation or tab did.
    """

    text: str
    inside: bool
    opens: str = ""
    cut: str = ""


_new = tuple.__new__  # in half the time of calling the class


def fences(lines: Iterable[str]) -> Iterator[Line]:
    """Each line with what it is."""
    marks, quoted, column, least = "", False, 0, 0
    held = False  # whether the open block stands in something that may end
    for line in lines:
        marked = "```" in line or "~~~" in line
        if not marked and not held:  # most lines
            yield _new(Line, (line, bool(marks), "", ""))
            continue
        found = FENCE.match(line) if marked else None
        cut = ""
        if marks and line.strip() and _ended(line, quoted, least):
            marks, cut, held = "", marks, False
        if marks:
            yield _new(Line, (line, True, "", ""))
            if found and _closes(found, marks, column):
                marks, held = "", False
        elif found and (found["marks"][0] == "~" or "`" not in line[found.end("marks") :]):
            marks, quoted = found["marks"], ">" in found["before"]
            column = _width(line[: found.start("marks")].rpartition(">")[2])
            least = column if found["item"] else column - _SLACK
            held = quoted or least > 0
            yield Line(line, True, marks, cut)
        else:
            yield _new(Line, (line, False, "", cut))


def _closes(found: re.Match[str], marks: str, column: int) -> bool:
    """Whether marks of a fence close the block that others opened in a column."""
    bare = not found["item"] and found["marks"].startswith(marks) and not found["info"].strip()
    return bare and _width(found["before"].rpartition(">")[2]) <= column + _SLACK


def _ended(line: str, quoted: bool, least: int) -> bool:
    """Whether a line stands outside of what holds the open block."""
    if quoted:
        return not line.lstrip().startswith(">")
    return least > 0 and _width(line[: len(line) - len(line.lstrip())]) < least


def _width(blanks: str) -> int:
    return len(blanks.expandtabs(4))
