"""Where a document may be cut, from the best places to the worst."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from dataclasses import dataclass

from understudy import outline
from understudy.outline import Block

_SENTENCE_END = re.compile(r"""[.!?…]["'”’)\]*_`]*\s+|[。！？]["”’）」』]*\s*""")
_SPACE = re.compile(r"\s+")
_JOINERS = "\u200d\ufe0e\ufe0f"


@dataclass(frozen=True, slots=True)
class Atom:
    """A code block or table, which is not cut as long as it fits into a chunk."""

    start: int
    end: int


class Boundaries:
    """The structure of one document as sorted character offsets."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.headings: list[int] = []
        self.paths: list[tuple[str, ...]] = []
        self.atoms: list[Atom] = []
        blocks: set[int] = set()
        parts: set[int] = set()
        before: Block | None = None
        for block in outline.parse(text):
            if block.kind == "heading":
                self.headings.append(block.start)
                self.paths.append(block.heading_path)
            if before is None or before.kind == "heading":
                pass  # a heading is never parted from what follows it
            elif _announces(text, before):
                parts.add(block.start)
            else:
                blocks.add(block.start)
            self._inside(block, parts)
            before = block
        blocks.update(a.end for a in self.atoms)
        blocks.difference_update(self.headings)
        self.blocks = sorted(blocks)
        self.parts = sorted(parts - blocks)
        self._atom_starts = [a.start for a in self.atoms]

    def _inside(self, block: Block, parts: set[int]) -> None:
        if block.kind in ("code", "table"):
            self.atoms.append(Atom(block.start, block.end))
            return
        for child in block.children:
            if child.start > block.start:
                parts.add(child.start)
            self._inside(child, parts)

    def path_at(self, offset: int) -> tuple[str, ...]:
        """The headings above a character, its own included."""
        index = bisect_right(self.headings, offset)
        return self.paths[index - 1] if index else ()

    def section_start(self, offset: int) -> int:
        """Where the section that `offset` stands in begins."""
        index = bisect_right(self.headings, offset)
        return self.headings[index - 1] if index else 0

    def is_heading(self, offset: int) -> bool:
        index = bisect_left(self.headings, offset)
        return index < len(self.headings) and self.headings[index] == offset

    def atom_over(self, offset: int) -> Atom | None:
        """The code block or table that a cut at `offset` would split; one that begins there is not split."""
        index = bisect_left(self._atom_starts, offset) - 1
        return self.atoms[index] if index >= 0 and offset < self.atoms[index].end else None

    def atom_from(self, offset: int) -> Atom | None:
        """The code block or table that begins at `offset`, blank lines before it aside."""
        index = bisect_left(self._atom_starts, offset)
        if index == len(self.atoms) or self.text[offset : self.atoms[index].start].strip():
            return None
        return self.atoms[index]

    def structural(self, low: int, high: int) -> int | None:
        """The last heading, else block, else list item or inner block, that begins in (low, high]."""
        for places in (self.headings, self.blocks, self.parts):
            index = bisect_right(places, high) - 1
            if index >= 0 and places[index] > low:
                return places[index]
        return None

    def textual(self, low: int, high: int, code: bool = False) -> int:
        """The last sentence, else line, else word, else character, that begins in (low, high].

        code: the stretch is code or a table, where a blank line parts better than a full stop.
        """
        text = self.text
        if code:
            blank = text.rfind("\n\n", low, high)
            if blank >= 0 and blank + 2 <= high:
                return blank + 2
        else:
            for match in reversed(list(_SENTENCE_END.finditer(text, low, min(len(text), high + 1)))):
                if low < match.end() <= high:
                    return match.end()
        line = text.rfind("\n", low, high) + 1
        if line > low:
            return line
        for match in reversed(list(_SPACE.finditer(text, low, high))):
            if match.end() > low:
                return match.end()
        return _whole_character(text, low, high)

    def overlap_start(self, low: int, high: int) -> int:
        """The first good place in [low, high) to begin a repeated stretch; `high` where there is none.

        A line or sentence that begins in the first half, else a word; in code and tables a line.
        """
        half = (low + high) // 2
        code = self.atom_over(low) is not None
        line = self.text.find("\n", low, high if code else half) + 1
        if line > 0 or code:
            return line or high
        found = _SENTENCE_END.search(self.text, low, half) or _SPACE.search(self.text, low, high)
        return found.end() if found else high


def _announces(text: str, block: Block) -> bool:
    """Whether a block ends with a colon, so that what follows belongs to it."""
    return block.kind == "paragraph" and text[block.start : block.end].endswith(":")


def _whole_character(text: str, low: int, high: int) -> int:
    """The last offset in (low, high] that parts no accent or joined emoji from its base."""
    for offset in range(high, max(low, high - 16), -1):
        joined = offset < len(text) and (unicodedata.combining(text[offset]) or text[offset] in _JOINERS)
        if not joined and text[offset - 1] != "\u200d":
            return offset
    return high
