"""Man pages become Markdown: the man(7) and mdoc(7) macros that manuals are written in.

Requests that only place ink on paper are dropped.
"""

from __future__ import annotations

import re
import zlib

from understudy.ingest import compose, roff
from understudy.ingest.base import Page, SkipFile, Source
from understudy.ingest.man_blocks import Blocks
from understudy.ingest.mdoc import Mdoc

_IS_MAN = re.compile(r"^[.']\s*(TH|Dd|Dt)\b", re.MULTILINE)
_ALIAS = re.compile(r"^\.so\s+(\S+)", re.MULTILINE)
_LIMIT = 50_000_000  # bytes that a compressed page may become
_ALTERNATING = {a + b: (a, b) for a in "BIR" for b in "BIR" if a != b}


def read(source: Source) -> Page:
    """The page as Markdown, named `name(section)`. Raises SkipFile for what is no man page, or only an alias."""
    data = source.data
    if data.startswith(b"\x1f\x8b"):
        data = unzipped(data)
    text = Source(source.path, data, source.fallback).text()
    if not _IS_MAN.search(text):
        alias = _ALIAS.search(text)
        if alias:
            raise SkipFile("alias", f"only points to {alias[1]}")
        raise SkipFile("unknown format", "named like a man page, but is none")
    lines = roff.logical_lines(text)
    is_mdoc = any(roff.macro(line)[0] == "Dd" for line in lines)
    writer = Mdoc() if is_mdoc else Man()
    for line in lines:
        writer.line(line)
    return Page(writer.finish() + "\n", writer.title)


def unzipped(data: bytes) -> bytes:
    """The content of a gzip file, all members. Raises SkipFile for one that is damaged, cut off or a bomb."""
    parts: list[bytes] = []
    size = 0
    while data.startswith(b"\x1f\x8b"):
        member = zlib.decompressobj(31)
        try:
            parts.append(member.decompress(data, _LIMIT - size + 1))
        except zlib.error as error:
            raise SkipFile("cannot be parsed", f"damaged gzip file: {error}") from error
        size += len(parts[-1])
        if size > _LIMIT:
            raise SkipFile("too large", f"more than {_LIMIT} bytes once unpacked")
        if not member.eof:
            raise SkipFile("cannot be parsed", "damaged gzip file: it is cut off")
        data = member.unused_data
    if data.strip(b"\0"):
        raise SkipFile("cannot be parsed", "damaged gzip file: something else follows its end")
    return b"".join(parts)


class Man:
    """Reads man(7)."""

    def __init__(self) -> None:
        self.title = ""
        self.out = Blocks()
        self.waiting = ""  # a macro that applies to the next line of text
        self.table: list[str] | None = None

    def finish(self) -> str:
        return self.out.finish()

    def line(self, line: str) -> None:
        name, arguments = roff.macro(line)
        if self.table is not None:
            self._table_line(name, line)
        elif name is None:
            self._text(line)
        elif name in _ALTERNATING:
            fonts = _ALTERNATING[name]
            self._text("".join(roff.font(fonts[i % 2], a) for i, a in enumerate(arguments)))
        elif name in ("B", "I", "SB", "SM"):
            if arguments:
                self._text(roff.font("I" if name == "I" else "R" if name == "SM" else "B", " ".join(arguments)))
            else:
                self.waiting = name
        else:
            self._macro(name, arguments)

    def _macro(self, name: str, arguments: list[str]) -> None:
        out = self.out
        words = " ".join(arguments)
        if name == "TH":
            section = f"({arguments[1]})" if len(arguments) > 1 else ""
            self.title = f"{roff.plain(arguments[0]).lower()}{section}" if arguments else ""
        elif name in ("SH", "SS"):
            out.heading(2 if name == "SH" else 3, roff.plain(words))
            self.waiting = "" if words else name
        elif name in ("PP", "P", "LP", "HP", "sp", "br"):
            out.paragraph(keep_item=name == "br" or name == "sp")
        elif name in ("TP", "TQ"):
            out.paragraph()
            self.waiting = name
        elif name == "IP":
            mark = roff.inline(arguments[0]) if arguments else ""
            out.paragraph()
            out.item(mark)
        elif name == "RS":
            out.indent()
        elif name == "RE":
            out.dedent()
        elif name in ("nf", "EX"):
            out.code(True)
        elif name in ("fi", "EE"):
            out.code(False)
        elif name in ("UR", "MT") and arguments:
            out.text(f"<{arguments[0]}>")
        elif name == "TS":
            self.table = []
        elif name in ("OP", "SY"):
            self._text(roff.font("B", words) if name == "SY" else f"[{' '.join(arguments)}]")

    def _text(self, line: str) -> None:
        waiting, self.waiting = self.waiting, ""
        if waiting in ("TP", "TQ"):
            self.out.item(roff.inline(line), more=waiting == "TQ")
        elif waiting in ("SH", "SS"):
            self.out.heading(2 if waiting == "SH" else 3, roff.plain(line))
        elif waiting:
            self.out.text(roff.inline(roff.font("I" if waiting == "I" else "B", line)))
        elif self.out.in_code:
            self.out.code_line(roff.plain(line))
        elif not line.strip():
            self.out.paragraph(keep_item=True)
        else:
            self.out.text(roff.inline(line))

    def _table_line(self, name: str | None, line: str) -> None:
        rows = self.table or []
        if name == "TE":
            self.table = None
            self.out.block(compose.table(roff.tbl(rows)))
        elif name is None:
            rows.append(line)
            self.table = rows
