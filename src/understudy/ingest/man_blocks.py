"""Collects the blocks of a man page: paragraphs, definitions, code, and indented stretches of them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from understudy.ingest import compose, places

_BULLET = re.compile(r"^(?:[•·*o-]|\\\*|\\\(bu)$")
_DRAWN = frozenset("•·")  # bullets also where a letter or a sign is a term
_TERM = 120  # characters that a term has at most
_DEEPEST = 20  # stretches within stretches: as deep as Markdown is read
_NUMBER = re.compile(r"^[(\[]?(\d{1,3})[.)\]]$")


@dataclass
class _Level:
    """Blocks of one indentation; `mark` belongs to the item that is open, None where there is none.

    named: the mark is known to be a term, such as a key `o`.
    """

    blocks: list[str] = field(default_factory=list)
    mark: str | None = None
    named: bool = False
    line: int = 1  # of the source, on which the open item begins
    body: list[str] = field(default_factory=list)


class Blocks:
    """A page under construction."""

    def __init__(self) -> None:
        self._levels = [_Level()]
        self._beyond = 0  # stretches that are open within the deepest one
        self._words: list[str] = []
        self._code: list[str] | None = None
        self.line = self._begin = 1  # of the source: which comes next, and where the open paragraph or code began

    @property
    def in_code(self) -> bool:
        return self._code is not None

    def text(self, markdown: str) -> None:
        """Add inline Markdown to the paragraph."""
        if self._code is not None:
            self.code_line(markdown)
        elif markdown.strip():
            if not self._words:
                self._begin = self.line
            self._words.append(markdown.strip())

    def block(self, markdown: str, line: int | None = None) -> None:
        """Add a finished block to the open item, or to the page; line: where it began, if not here."""
        if markdown.strip():
            level = self._levels[-1]
            marked = places.mark(line or self.line) + markdown.lstrip("\n")
            (level.blocks if level.mark is None else level.body).append(marked)

    def paragraph(self, keep_item: bool = False) -> None:
        """End the paragraph, and the open item unless it is kept."""
        words, self._words = self._words, []
        self.block(compose.paragraph(" ".join(words)), self._begin)
        if not keep_item:
            self._end_item()

    def item(self, mark: str, more: bool = False, named: bool = False) -> None:
        """Begin an item: a term, a bullet, a number, or (no mark) an indented paragraph.

        more: the mark is a second name of the item that was just begun. named: a letter or a sign is a term.
        """
        level = self._levels[-1]
        if more and level.blocks and not self._words:
            previous = level.blocks.pop().removesuffix("\n")
            mark = f"{previous}, {mark}"
        level.mark, level.line, level.named = mark, self.line, named

    def heading(self, level: int, text: str) -> None:
        self.paragraph()
        self._close()
        self._end_item()
        title = text if text != text.upper() else text.capitalize()
        self.block(compose.heading(level, compose.escape(title)))

    def indent(self) -> None:
        """Begin an indented stretch; a short line before it is the term that the stretch explains."""
        if len(self._levels) > _DEEPEST:
            self.paragraph(keep_item=True)
            self._beyond += 1
            return
        words = " ".join(self._words)
        if self._levels[-1].mark is None and 0 < len(words) < _TERM and not words.endswith((".", ":")):
            self._levels[-1].mark, self._words = words, []
            self._levels[-1].line, self._levels[-1].named = self._begin, False
        self.paragraph(keep_item=True)
        self._levels.append(_Level())

    def dedent(self) -> None:
        self.paragraph()
        if self._beyond:
            self._beyond -= 1
        elif len(self._levels) > 1:
            inner = self._levels.pop()
            level = self._levels[-1]
            blocks = compose.join(inner.blocks)  # which know their lines
            if blocks:
                (level.blocks if level.mark is None else level.body).append(blocks)

    def code(self, on: bool) -> None:
        if on:
            self.paragraph(keep_item=True)
            self._code = []
            self._begin = self.line
        elif self._code is not None:
            lines, self._code = self._code, None
            self.block(compose.code_block("\n".join(lines)), self._begin)

    def code_line(self, line: str) -> None:
        if self._code is not None:
            self._code.append(line)

    def finish(self) -> str:
        self.code(False)
        self._close()
        self.paragraph()
        return compose.join(self._levels[0].blocks)

    def _close(self) -> None:
        """End every stretch."""
        self._beyond = 0
        while len(self._levels) > 1:
            self.dedent()

    def _end_item(self) -> None:
        level = self._levels[-1]
        mark, level.mark = level.mark, None
        body, level.body = compose.join(level.body), []
        if mark is None:
            return
        at = places.mark(level.line)
        number = _NUMBER.match(mark)
        if number:
            level.blocks.append(compose.bullets([body], int(number[1])) if body else at + mark)
        elif mark in _DRAWN or (_BULLET.match(mark) and not level.named):
            level.blocks.append(compose.bullets([body]))
        elif mark:
            level.blocks.append(compose.definition([at + mark], body))
        elif body:
            level.blocks.append(body)
