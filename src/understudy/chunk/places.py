"""Where a slice of converted text stands in its source file."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

_LINE = re.compile(r"L(\d+)")
_NUMBERED = re.compile(r"(cell|page|slide|sheet) (\d+)")


@dataclass(frozen=True, slots=True)
class Place:
    """shown: what a citation prints behind the file's name, None where the lines of the text are the source's.

    line_start, line_end: lines of the source file, None where it has none that are known.
    """

    shown: str | None = None
    line_start: int | None = None
    line_end: int | None = None


class SourcePlaces:
    """The places of one document (`Document.places`)."""

    def __init__(self, places: Sequence[tuple[int, str]]) -> None:
        self.offsets = [offset for offset, _ in places]
        self.labels = [label for _, label in places]

    def place(self, first: int, own: int, last: int) -> Place:
        """The place of the characters first to last (inclusive), of which those from `own` are new.

        Lines, cells and pages span all of them. An anchor is the one at or before `own`, since the page opened
        there shows what is new; text before the first anchor is placed in the file as a whole.
        """
        if not self.offsets:
            return Place()
        begin, until = self._at(first), self._at(last)
        if found := _LINE.fullmatch(begin):
            start = int(found[1])
            end = max(start, self._last_line(last))
            return Place(f":{start}-{end}", start, end)
        numbers = [_NUMBERED.fullmatch(label) for label in (begin, until)]
        if numbers[0] and numbers[1] and begin != until and numbers[0][1] == numbers[1][1]:
            return Place(f", {numbers[0][1]}s {numbers[0][2]}-{numbers[1][2]}")
        label = self._at(own)
        return Place(label if label.startswith("#") else f", {label}" if label else "")

    def _at(self, offset: int) -> str:
        index = bisect_right(self.offsets, offset) - 1
        return self.labels[index] if index >= 0 else ""

    def _last_line(self, offset: int) -> int:
        """The last source line of the stretch that `offset` stands in: the one before the next stretch's."""
        index = bisect_right(self.offsets, offset) - 1
        lines = [int(found[1]) for label in self.labels[index : index + 2] if (found := _LINE.fullmatch(label))]
        return max(lines[0], lines[-1] - 1) if lines else 0
