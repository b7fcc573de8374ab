"""PDF files become Markdown: lines of print become headings, paragraphs, lists, code and tables by their places, sizes
and fonts."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

import pdfplumber

from understudy.ingest import compose, grid, places
from understudy.ingest.base import LeftOut, Page, SkipFile, Skipped, Source
from understudy.ingest.office_fonts import MONOSPACE
from understudy.normal import folded

_PAGES = 3_000
_ITEM = re.compile(r"(?:(?P<bullet>[•◦▪▫‣●○■□∙·–—*-]|\(cid:\d+\))|\(?(?P<number>\d{1,3})[.)]|\(?[a-z][.)])\s+(?=\S)")
_EDGE = 0.09  # of a page's height at its top and bottom, where running heads stand
_LARGER = 1.1  # times the text's size, from which a line is a heading
_SHORT = 14  # words of a bold line that is a heading
_NO_LETTER = re.compile(r"\(cid:\d+\)")  # a sign of which the file does not say what it is
_ENDED = re.compile(r"[.!?:;…\"'”’)\]]\s*$")


@dataclass(frozen=True, slots=True)
class _Line:
    """A printed line. edge: whether it stands where running heads do. wide: the width of a letter."""

    page: int
    text: str
    left: float
    top: float
    bottom: float
    size: float
    bold: bool
    code: bool
    edge: bool
    wide: float


@dataclass(frozen=True, slots=True)
class _Table:
    """A table as Markdown, and where it stands on its page."""

    page: int
    top: float
    bottom: float
    text: str


@dataclass(slots=True)
class _Block:
    """A block of Markdown and the page on which it begins."""

    page: int
    kind: str
    text: str


def read(source: Source) -> Page:
    """The text in reading order, with the page of each block. Raises SkipFile for a file without text."""
    pieces: list[_Line | _Table] = []
    skipped: list[Skipped] = []
    pictures: list[int] = []  # pages that hold nothing else: scans
    with pdfplumber.open(BytesIO(source.data)) as pdf:
        title = folded((pdf.metadata or {}).get("Title") or "")
        for number, page in enumerate(pdf.pages, 1):
            if number > _PAGES:
                skipped.append(Skipped("", "too large", f"pages from {number} on are left out"))
                break
            found = _pieces(page, number)
            if not found and page.images:
                pictures.append(number)
            pieces += found
            page.close()
    if not pieces:
        raise SkipFile("no text", "its pages hold no letters; pictures of text need a program that reads them")
    if pictures:
        named = ", ".join(map(str, pictures[:20])) + (", …" if len(pictures) > 20 else "")
        skipped.append(Skipped("", "pages of pictures", f"pages without letters, such as scans: {named}"))
    kept, left_out = _without_running_heads(pieces)
    blocks = _joined(_blocks(kept))
    text = compose.join(places.mark(b.page) + b.text for b in blocks if b.text.strip())
    page = places.placed(Page(text + "\n", "" if title.lower() in ("untitled", "") else title), "page {}".format)
    return Page(page.text, page.title, places=page.places, skipped=tuple(skipped), left_out=tuple(left_out))


# ── a page's lines and tables ───────────────────────────────────────────────────────────────────────────────


def _pieces(page: Any, number: int) -> list[_Line | _Table]:
    tables = [t for t in page.find_tables() if len(t.rows) > 1 and max(len(r.cells) for r in t.rows) > 1]
    boxes = [t.bbox for t in tables]

    def outside(item: Any) -> bool:
        x, y = (item["x0"] + item["x1"]) / 2, (item["top"] + item["bottom"]) / 2
        return not any(x0 <= x <= x1 and top <= y <= bottom for x0, top, x1, bottom in boxes)

    found: list[_Line | _Table] = [_table(t, number) for t in tables]
    rest = page.filter(lambda item: item.get("object_type") != "char" or outside(item))
    gutter = _gutter(rest)
    if gutter is None:
        found += _lines(rest, number)
        return sorted(found, key=lambda piece: piece.top)
    for side in ((0, 0, gutter, page.height), (gutter, 0, page.width, page.height)):
        found += _lines(rest.crop(side), number)
    return found


def _gutter(page: Any) -> float | None:
    """Where a page of two columns parts: a strip in its middle that hardly any word crosses."""
    words = page.extract_words()
    if len(words) < 80:
        return None
    middle = (min(w["x0"] for w in words) + max(w["x1"] for w in words)) / 2
    for x in (middle, middle - 8, middle + 8):
        crossing = sum(w["x0"] < x + 4 and w["x1"] > x - 4 for w in words)
        left = sum(w["x1"] <= x for w in words)
        if crossing <= 0.01 * len(words) and 0.25 * len(words) < left < 0.75 * len(words):
            return float(x)
    return None


def _lines(page: Any, number: int) -> Iterator[_Line]:
    for line in page.extract_text_lines(return_chars=True):
        letters = [c for c in line["chars"] if c["text"].strip()]
        text = places.clean(line["text"]).strip()
        if not letters or not text:
            continue
        fonts = [c["fontname"] for c in letters]
        yield _Line(
            page=number,
            text=text,
            left=line["x0"],
            top=line["top"],
            bottom=line["bottom"],
            size=round(Counter(round(c["size"], 1) for c in letters).most_common(1)[0][0], 1),
            bold=sum(re.search(r"(?i)bold|black|heavy", f) is not None for f in fonts) > 0.9 * len(fonts),
            code=sum(MONOSPACE.search(f) is not None for f in fonts) > 0.9 * len(fonts),
            edge=not _EDGE * page.height < line["top"] < (1 - _EDGE) * page.height,
            wide=sum(c["width"] for c in letters) / len(letters),
        )


def _table(table: Any, number: int) -> _Table:
    texts = table.extract()
    tops = [row.bbox[1] for row in table.rows]
    rows: list[list[grid.Cell]] = []
    for row, said in zip(table.rows, texts, strict=True):
        cells: list[grid.Cell] = []
        for at, (box, text) in enumerate(zip(row.cells, said, strict=True)):
            if box is None:
                continue
            wide = 1
            while at + wide < len(row.cells) and row.cells[at + wide] is None and _within(table, at + wide, box):
                wide += 1
            high = sum(box[1] - 1 <= top < box[3] - 1 for top in tops)
            cells.append(grid.Cell(compose.escape(places.clean(folded(text or ""))), wide, max(1, high)))
        rows.append(cells)
    top, bottom = table.bbox[1], table.bbox[3]
    return _Table(number, top, bottom, compose.table(grid.lines(rows)))


def _within(table: Any, column: int, box: tuple[float, float, float, float]) -> bool:
    """Whether a column of the table begins within a cell."""
    starts = [row.cells[column][0] for row in table.rows if row.cells[column] is not None]
    return bool(starts) and min(starts) < box[2] - 1


# ── from lines to blocks ────────────────────────────────────────────────────────────────────────────────────


def _without_running_heads(pieces: Sequence[_Line | _Table]) -> tuple[list[_Line | _Table], list[LeftOut]]:
    """The pieces without what stands at the edge of page after page, and without the numbers of pages."""
    pages = len({piece.page for piece in pieces})
    returning = Counter(key for _, key in {(p.page, _key(p)) for p in pieces if isinstance(p, _Line) and p.edge})
    kept: list[_Line | _Table] = []
    left_out: list[LeftOut] = []
    for piece in pieces:
        key = _key(piece) if isinstance(piece, _Line) and piece.edge else ""
        if key and (returning[key] >= max(2, 0.4 * pages) or re.fullmatch(r"(page )?#( ?(of|/|-) ?#)?", key)):
            left_out.append(LeftOut("the same on many pages", len(key.split()), piece.text[:200]))
        else:
            kept.append(piece)
    return kept, left_out


def _key(line: _Line) -> str:
    return re.sub(r"\d+", "#", line.text.lower()).strip(" -–—|")


def _blocks(pieces: Sequence[_Line | _Table]) -> Iterator[_Block]:
    lines = [p for p in pieces if isinstance(p, _Line)]
    sizes = Counter[float]()
    for line in lines:
        sizes[line.size] += len(line.text) * (not line.code)
    text_size = sizes.most_common(1)[0][0] if sizes else 0.0
    larger = sorted({p.size for p in lines if not p.code and p.size >= _LARGER * text_size}, reverse=True)
    bold = any(p.bold and p.size < _LARGER * text_size for p in lines)
    levels = {size: min(5, n) for n, size in enumerate(larger, 1)}
    at = 0
    while at < len(pieces):
        piece = pieces[at]
        if isinstance(piece, _Table):
            yield _Block(piece.page, "table", piece.text)
            at += 1
            continue
        end = at + 1
        level = levels.get(piece.size, 0) if not piece.code else 0
        while end < len(pieces) and _goes_on(pieces[end - 1], pieces[end], levels):
            end += 1
        some = [p for p in pieces[at:end] if isinstance(p, _Line)]
        at = end
        words = " ".join(p.text for p in some)
        if piece.code:
            yield _Block(piece.page, "code", _code(some))
        elif level:
            yield _Block(piece.page, "heading", compose.heading(level, compose.escape(words)))
        elif bold and all(p.bold for p in some) and len(words.split()) <= _SHORT and not words.endswith((".", ":")):
            yield _Block(piece.page, "heading", compose.heading(min(6, len(larger) + 1), compose.escape(words)))
        elif _ITEM.match(piece.text):
            yield _Block(piece.page, "list", _listed(some))
        else:
            yield _Block(piece.page, "paragraph", compose.paragraph(compose.escape(_prose(some))))


def _goes_on(above: _Line | _Table, line: _Line | _Table, levels: dict[float, int]) -> bool:
    """Whether a line belongs to the block of the one above it."""
    if isinstance(above, _Table) or isinstance(line, _Table) or above.page != line.page or above.code != line.code:
        return False
    gap = line.top - above.bottom
    if above.code:
        return -above.size < gap < 3 * above.size
    if levels.get(above.size, 0) != levels.get(line.size, 0) or above.bold != line.bold:
        return False
    if _ITEM.match(line.text) and not levels.get(line.size):
        return -above.size < gap < 1.5 * above.size and _ITEM.match(above.text) is not None
    return -above.size < gap < 0.75 * above.size


def _code(lines: Sequence[_Line]) -> str:
    """Code with its indentation, and with the blank lines that the print leaves."""
    left = min(line.left for line in lines)
    wide = lines[0].wide or 1.0
    step = min((b.top - a.top for a, b in itertools.pairwise(lines) if b.top > a.top), default=lines[0].size)
    made: list[str] = []
    for number, line in enumerate(lines):
        if number and line.top - lines[number - 1].top > 1.6 * step:
            made.append("")
        made.append(" " * round((line.left - left) / wide) + line.text)
    return compose.code_block("\n".join(made))


def _prose(lines: Sequence[_Line]) -> str:
    """Lines as one text; a word that the print parts is whole again."""
    text = ""
    for line in lines:
        if re.search(r"[a-z]-$", text) and line.text[:1].islower():
            text = text[:-1] + line.text
        else:
            text = f"{text} {line.text}" if text else line.text
    return folded(_NO_LETTER.sub(" ", text))


def _listed(lines: Sequence[_Line]) -> str:
    """Items with what is said of each, those further in below the one above them."""
    items: list[tuple[float, str, list[_Line]]] = []
    for line in lines:
        found = _ITEM.match(line.text)
        if found:
            items.append((line.left, found["number"] or "", [_said(line, found.end())]))
        elif items:
            items[-1][2].append(line)
    return _nested(items)


def _said(line: _Line, start: int) -> _Line:
    return replace(line, text=line.text[start:])


def _nested(items: Sequence[tuple[float, str, list[_Line]]]) -> str:
    made: list[str] = []
    at = 0
    while at < len(items):
        left, _, said = items[at]
        end = at + 1
        while end < len(items) and items[end][0] > left + 3:
            end += 1
        below = _nested(items[at + 1 : end]) if end > at + 1 else ""
        made.append(compose.join([compose.paragraph(compose.escape(_prose(said))), below]))
        at = end
    first = items[0][1] if items else ""
    return compose.bullets(made, int(first) if first else None)


def _joined(blocks: Iterator[_Block]) -> list[_Block]:
    """Blocks, with what a page's end parts put together: a sentence, or code."""
    made: list[_Block] = []
    for block in blocks:
        last = made[-1] if made else None
        parted = last is not None and last.kind == block.kind == "paragraph" and last.page + 1 == block.page
        if last is not None and parted and not _ENDED.search(last.text) and block.text[:1].islower():
            last.text += " " + block.text
        else:
            made.append(block)
    return made
