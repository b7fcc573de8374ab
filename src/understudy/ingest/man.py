"""Man pages become Markdown: the man(7) and mdoc(7) macros that manuals are written in.

Requests that only place ink on paper are dropped.
"""

from __future__ import annotations

import re
import zlib

from understudy.ingest import compose, places, roff, tbl
from understudy.ingest.base import Page, SkipFile, Source
from understudy.ingest.man_blocks import Blocks
from understudy.ingest.man_fonts import FONTS, cell, fonts
from understudy.ingest.mdoc import Mdoc
from understudy.ingest.roff_lines import Lines

_IS_MAN = re.compile(r"^[.']\s*(TH|Dd|Dt)\b", re.MULTILINE)
_IS_MDOC = re.compile(r"^[.']\s*Dd\b", re.MULTILINE)
_ALIAS = re.compile(r"^\.so\s+(\S+)", re.MULTILINE)
_LIMIT = 50_000_000  # bytes that a compressed page may become
_BREAKS = frozenset({"SH", "SS", "PP", "P", "LP", "HP", "TP", "TQ", "IP", "RS", "RE"})


def read(source: Source) -> Page:
    """The page as Markdown, named `name(section)`. Raises SkipFile for what is no man page, or only an alias."""
    data = source.data
    if data.startswith(b"\x1f\x8b"):
        data = unzipped(data)
    text = places.clean(Source(source.path, data, source.fallback).text())
    if not _IS_MAN.search(text):
        alias = _ALIAS.search(text)
        if alias:
            raise SkipFile("alias", f"only points to {alias[1]}")
        raise SkipFile("unknown format", "named like a man page, but is none")
    writer = Mdoc() if _IS_MDOC.search(text) else Man()
    for number, line in Lines(writer.KNOWN).read(text):
        writer.out.line = number
        writer.line(line)
    page = Page(writer.finish() + "\n", writer.title)
    return places.placed(page, places.line_label, text.rstrip().count("\n") + 2)


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
    """Reads man(7), with the macros that pod2man and asciidoctor add."""

    KNOWN = FONTS | _BREAKS | {
        "TH", "sp", "br", "nf", "EX", "fi", "EE", "UR", "UE", "MT", "ME", "TS", "TE", "OP", "SY", "YS", "Vb", "Ve",
        "Sp", "URL", "MTO",
    }  # fmt: skip

    def __init__(self) -> None:
        self.title = ""
        self.out = Blocks()
        self.waiting = ""  # a macro that applies to the next line of text
        self.table: list[str] | None = None
        self.table_line = 1
        self.link: tuple[str, list[str]] | None = None  # an address, and the words that it stands behind

    def finish(self) -> str:
        self._end_link("")
        if self.table:
            self.out.block(compose.table(tbl.read(self.table, cell)))
        return self.out.finish()

    def line(self, line: str) -> None:
        name, arguments = roff.macro(line)
        if self.table is not None:
            if name == "TE":
                rows, self.table = self.table, None
                self.out.block(compose.table(tbl.read(rows, cell)), self.table_line)
            else:
                self.table.append(line)
        elif name is None:
            self._text(line)
        elif name in FONTS:
            text = fonts(name, arguments)
            if text is None:
                self.waiting = name
            else:
                self._text(text)
        else:
            self._macro(name, arguments)

    def _macro(self, name: str, arguments: list[str]) -> None:
        out = self.out
        if name in _BREAKS:
            self._end_link("")
            if out.in_code:  # what is written as typed goes on after a break
                out.code(False)
                self._break(name, arguments)
                out.code(name not in ("SH", "SS"))
            else:
                self._break(name, arguments)
        elif name == "TH":
            section = f"({roff.plain(arguments[1])})" if len(arguments) > 1 else ""
            self.title = f"{roff.page_name(roff.plain(arguments[0]))}{section}" if arguments else ""
        elif name in ("sp", "br", "Sp"):
            if out.in_code:
                out.code_line("") if name != "br" else None
            else:
                out.paragraph(keep_item=True)
        elif name in ("nf", "EX", "Vb"):
            out.code(True)
        elif name in ("fi", "EE", "Ve"):
            out.code(False)
        elif name in ("UR", "MT") and arguments:
            self.link = (roff.plain(arguments[0]), [])
        elif name in ("UE", "ME"):
            self._end_link(roff.inline("".join(arguments[:1])))
        elif name in ("URL", "MTO") and arguments:
            self.link = (roff.plain(arguments[0]), [roff.inline(a) for a in arguments[1:2]])
            self._end_link(roff.inline("".join(arguments[2:3])))
        elif name == "TS":
            out.paragraph(keep_item=True)
            self.table, self.table_line = [], out.line
        elif name in ("OP", "SY"):
            if name == "SY":
                out.paragraph(keep_item=True)
            self._text(roff.font("B", " ".join(arguments)) if name == "SY" else f"[{' '.join(arguments)}]")

    def _break(self, name: str, arguments: list[str]) -> None:
        out = self.out
        words = " ".join(arguments)
        if name in ("SH", "SS"):
            out.heading(2 if name == "SH" else 3, roff.plain(words))
            self.waiting = "" if words else name
        elif name in ("PP", "P", "LP", "HP"):
            out.paragraph()
        elif name in ("TP", "TQ"):
            out.paragraph()
            self.waiting = name
        elif name == "IP":
            out.paragraph()
            out.item(roff.inline(arguments[0]) if arguments else "")
        elif name == "RS":
            out.indent()
        else:
            out.dedent()

    def _end_link(self, after: str) -> None:
        if self.link is not None:
            address, words = self.link
            self.link = None
            self.out.text(" ".join([*words, f"<{address}>{after}"]))

    def _text(self, line: str) -> None:
        waiting, self.waiting = self.waiting, ""
        if waiting in ("TP", "TQ"):
            self.out.item(roff.inline(line), more=waiting == "TQ")
        elif waiting in ("SH", "SS"):
            self.out.heading(2 if waiting == "SH" else 3, roff.plain(line))
        elif waiting and not self.out.in_code:
            self.out.text(roff.inline(roff.font("I" if waiting == "I" else "B", line)))
        elif self.out.in_code:
            self.out.code_line(roff.plain(line))
        elif not line.strip():
            self.out.paragraph(keep_item=True)
        elif self.link is not None:
            self.link[1].append(roff.inline(line).strip())
        else:
            self.out.text(roff.inline(line))
