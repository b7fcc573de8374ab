"""Exports of MediaWiki, and single pages of wikitext, become Markdown. Templates are left out and counted."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator

from understudy.ingest import cells, compose, grid, places, xml_tree
from understudy.ingest.base import Page, SkipFile, Skipped, Source
from understudy.normal import folded

_DEEPEST = 6  # tables within tables
_LONGEST = 5_000  # characters of a picture with its caption
_MOST_OPEN = 200  # pictures that nothing closes
_CONTENT = frozenset({"0", "4", "12"})  # articles, the project's own pages, help
_OPEN = re.compile(
    r"<!--|<(?P<tag>syntaxhighlight|source|pre|nowiki|code|math|gallery|imagemap|templatestyles)\b(?P<of>[^<>]*)>"
    r"|<ref\b[^<>]*/>",
    re.IGNORECASE,
)
_NOT_TEXT = frozenset({"imagemap", "templatestyles"})
_INNERMOST = re.compile(r"\{\{[^{}]*\}\}|\{\{\{[^{}]*\}\}\}")
_LIST = re.compile(r"([*#:;]+)\s*(.*)$")
_LINK = re.compile(r"\[\[([^\[\]|]*)(?:\|([^\[\]]*))?\]\]")
_EXTERNAL = re.compile(r"\[(https?://[^\s\]]+)(?:\s+([^\]]{0,2000}))?\]")
_PICTURE = re.compile(r"\[\[\s*(?:file|image|datei|bild|fichier|archivo|imagen|immagine|bestand)\s*:", re.IGNORECASE)
_SETTING = re.compile(
    r"(?:thumb(?:nail)?|frame(?:d|less)?|border|left|right|center|centre|none|baseline|middle|sub|super|top|bottom"
    r"|text-top|text-bottom|upright(?:[= ][\d.]*)?|\d*x?\d+ ?px|(?:alt|link|lang|page|class|thumb|start|end)\s*=.*)?",
    re.IGNORECASE | re.DOTALL,
)
_FLOATS = frozenset({"thumb", "thumbnail", "frame", "framed"})
_NOT_SHOWN = re.compile(
    r"\s*(?:category|file|image|kategorie|datei|bild|catégorie|fichier|[a-z]{2,3}(?:-[a-z]+)?)\s*:", re.I
)
_QUOTES = re.compile(r"'{2,5}")
_SHIFTED = re.compile(r"<(?P<shift>sup|sub)\b[^<>]*>(?P<shifted>[^<>]{1,200})</su[pb]\s*>", re.IGNORECASE)
_CODE = re.compile(
    r"<(?:tt|kbd|samp|var)\b[^<>]*>(?P<typed>[^<>\[\]'\x02]{1,200})</(?:tt|kbd|samp|var)\s*>", re.IGNORECASE
)
_TAG = re.compile(
    r"</?(?P<name>br|div|span|small|big|center|font|u|s|sup|sub|p|ref|references|noinclude|includeonly|section|b|i|tt|kbd"
    r"|var|samp|blockquote|abbr|onlyinclude|translate|languages|tvar)\b[^<>]*>",
    re.IGNORECASE,
)
_APART = frozenset({"br", "div", "p", "center", "blockquote", "section", "references"})  # tags that part words
_HELD = re.compile("\x02(\\d+)\x03")
_PIECE = re.compile(
    "|".join(p.pattern for p in (_HELD, _LINK, _EXTERNAL, _QUOTES, _SHIFTED, _CODE, _TAG)), re.IGNORECASE
)


def read(source: Source) -> Page:
    """A file of wikitext."""
    writer = _Writer(1)
    text = places.clean(source.text())
    return _page(compose.join(writer.blocks(text, 1)), "", text, writer)


def export(text: str) -> Page:
    """All articles of an export, a heading each; redirects and pages about users or talk are left out."""
    root = xml_tree.parse(text)
    site = next((n for n in root.walk() if n.tag == "sitename"), None)
    writer = _Writer(2)
    blocks: list[str] = []
    for page in root.elements("page"):
        space, title = page.first("ns"), page.first("title")
        if page.first("redirect") is not None or (space is not None and space.text().strip() not in _CONTENT):
            continue
        revisions = page.elements("revision")
        body = revisions[-1].first("text") if revisions else None
        if body is None or not body.text().strip():
            continue
        name = title.text().strip() if title is not None else ""
        blocks.append(places.mark(page.line) + compose.heading(1, compose.escape(name)))
        blocks += writer.blocks(body.text(), body.line)
    if not blocks:
        raise SkipFile("no text", "no article in this export")
    return _page(compose.join(blocks), site.text().strip() if site else "", text, writer)


def _page(markdown: str, title: str, text: str, writer: _Writer) -> Page:
    notes = ", ".join(f"{count} × {name}" for name, count in writer.templates.most_common(5))
    count = sum(writer.templates.values())
    skipped = (Skipped("", "templates", f"{count} are not carried out: {notes}"),) if count else ()
    page = Page(markdown + "\n", title, skipped=skipped)
    return places.placed(page, places.line_label, text.rstrip().count("\n") + 2)


def _heading(row: str) -> tuple[int, str] | None:
    """Level and text of `== a heading ==`; None of any other line."""
    row = row.rstrip()
    words = row.strip("=").strip()
    if not words or row[0] != "=" or row[-1] != "=":
        return None
    ahead = len(row) - len(row.lstrip("="))
    level = min(ahead, 6)
    return level, "=" * (ahead - level) + words


def _family(marks: str) -> str:
    """Which kind of list a mark belongs to; a term and its meaning are one."""
    return marks[0].replace(";", ":")


class _Writer:
    def __init__(self, level: int) -> None:
        self.level = level  # of a heading with one equals sign
        self.held: list[tuple[str, str, str]] = []  # tag, attributes and text of what is shown as written
        self.templates: Counter[str] = Counter()
        self.depth = 0  # of tables within tables

    def blocks(self, text: str, line: int) -> Iterator[str]:
        """The blocks of a page whose text begins on a line of the file."""
        self.held = []
        text = self._without_templates(self._held_back(text.replace("\x02", "").replace("\x03", "")))
        lines = self._without_pictures(text).split("\n")
        numbers = [line]  # of the source, what is held counted with its own lines
        for each in lines:
            numbers.append(numbers[-1] + 1 + sum(self.held[int(n)][2].count("\n") for n in _HELD.findall(each)))
        yield from self._blocks(lines, numbers)

    def _blocks(self, lines: list[str], numbers: list[int]) -> Iterator[str]:
        index = 0
        paragraph: list[str] = []
        while index <= len(lines):
            mark = places.mark(numbers[index])
            captions, row = self._captions(lines[index] if index < len(lines) else "")
            yield from (mark + compose.paragraph(caption) for caption in captions)
            heading, item, block = _heading(row), _LIST.match(row), self._block_of(row)
            table = row.lstrip(" :").startswith("{|")
            if paragraph and (
                not row.strip() or heading or item or block is not None or table or row.startswith("----")
            ):
                words = compose.paragraph(self.inline(" ".join(paragraph)))
                yield places.mark(numbers[index - len(paragraph)]) + words if words else ""
                paragraph = []
            if heading:
                level, words = heading
                yield mark + compose.heading(level + self.level - 1, self.inline(words))
            elif block is not None:
                yield mark + block
            elif table:
                end = _table_end(lines, index)
                yield mark + self._table(lines[index + 1 : end])
                index = end
            elif item:
                end = index
                while end < len(lines) and _LIST.match(lines[end]) and _family(lines[end]) == _family(row):
                    end += 1
                found = [_LIST.match(each) for each in lines[index:end]]
                yield from self._list([(f[1], f[2]) for f in found if f], mark)
                index = end - 1
            elif row.startswith(" ") and row.strip() and not paragraph:
                end = index
                while end < len(lines) and lines[end].startswith(" ") and lines[end].strip():
                    end += 1
                yield mark + compose.code_block("\n".join(self._plain(each[1:]) for each in lines[index:end]))
                index = end - 1
            elif row.strip() and not row.startswith(("----", "__")):
                paragraph.append(row.strip())
            index += 1

    def _held_back(self, text: str) -> str:
        """The text without what is shown as written, which is held, and without comments; their line breaks stay."""
        parts: list[str] = []
        last = 0
        never: set[str] = set()  # tags that are not closed any more
        while found := _OPEN.search(text, last):
            tag = (found["tag"] or "").lower()
            if found[0].startswith("<!--"):
                end = text.find("-->", found.end())
                end = end + 3 if end >= 0 else len(text)
                parts += [text[last : found.start()], "\n" * text.count("\n", found.start(), end)]
                last = end
                continue
            parts.append(text[last : found.start()])
            last = found.end()
            if not tag or found[0].endswith("/>"):
                continue
            closing = None if tag in never else re.compile(rf"</{tag}\s*>", re.IGNORECASE).search(text, last)
            if closing is None:
                never.add(tag)
                continue
            if tag not in _NOT_TEXT:
                self.held.append((tag, found["of"], text[last : closing.start()]))
                parts.append(f"\x02{len(self.held) - 1}\x03")
            last = closing.end()
        return "".join([*parts, text[last:]])

    def _without_templates(self, text: str) -> str:
        def gone(found: re.Match[str]) -> str:
            name = found[0].strip("{} \n").split("|")[0].strip()[:40]
            self.templates[name] += 1
            return "\n" * found[0].count("\n")

        for _ in range(20):
            text, count = _INNERMOST.subn(gone, text)
            if not count:
                break
        return text

    def _block_of(self, row: str) -> str | None:
        """A line that is only a block of code, or a gallery."""
        found = _HELD.fullmatch(row.strip())
        if found is None:
            return None
        tag, attributes, text = self.held[int(found[1])]
        if tag == "gallery":
            title = re.search(r"""\bcaption\s*=\s*(?:"([^"]*)"|'([^']*)')""", attributes)
            said = (self.inline(self._without_templates(_caption(row[:_LONGEST])[0])) for row in text.split("\n"))
            head = f"**{self.inline(title[1] or title[2] or '')}**" if title else ""
            return compose.join([head, compose.bullets(filter(None, said))])
        if tag not in ("syntaxhighlight", "source", "pre"):
            return None
        language = re.search(r"""\blang\s*=\s*["']?([\w+#.-]+)""", attributes)
        return compose.code_block(text, language[1].lower() if language else "")

    def _without_pictures(self, text: str) -> str:
        """The text with each picture held, whose caption may have links of its own."""
        parts: list[str] = []
        last = open_ones = 0
        while (found := _PICTURE.search(text, last)) and open_ones < _MOST_OPEN:
            end = _closing(text, found.start())
            if end is None:
                open_ones += 1
                parts.append(text[last : found.end()])
                last = found.end()
                continue
            inside = text[found.start() + 2 : end - 2]
            caption, floats = _caption(inside)
            self.held.append(("float" if floats else "picture", caption, inside))
            parts += [text[last : found.start()], f"\x02{len(self.held) - 1}\x03"]
            last = end
        return "".join([*parts, text[last:]])

    def _captions(self, row: str) -> tuple[list[str], str]:
        """The captions of the pictures that a line begins with, which stand beside its text, and the rest of it."""
        captions: list[str] = []
        while (found := _HELD.match(row.lstrip())) and (held := self.held[int(found[1])])[0] in ("float", "picture"):
            rest = row.lstrip()[found.end() :]
            if held[0] == "picture" and rest.strip():
                break  # a sign within a sentence
            captions.append(self.inline(held[1]))
            row = rest.lstrip()
        return [c for c in captions if c], row

    def _plain(self, text: str) -> str:
        return _TAG.sub("", _HELD.sub(lambda f: self.held[int(f[1])][2], _LINK.sub(lambda f: f[2] or f[1], text)))

    def inline(self, text: str) -> str:
        """A stretch of wikitext as inline Markdown."""
        parts: list[str] = []
        last = 0
        for found in _PIECE.finditer(text):
            parts.append(compose.escape(text[last : found.start()]))
            last = found.end()
            parts.append(self._piece(found))
        parts.append(compose.escape(text[last:]))
        return folded("".join(parts))

    def _piece(self, found: re.Match[str]) -> str:
        if found[1] is not None:
            tag, said, text = self.held[int(found[1])]
            if tag in ("picture", "float"):
                caption = self.inline(said)
                return f" ({caption}) " if caption and tag == "float" else caption
            if tag == "gallery":
                return ""
            return compose.escape(text) if tag == "nowiki" else compose.code_span(text)
        if found[2] is not None:
            target, shown = found[2], found[3]
            if _NOT_SHOWN.match(target) and not target.startswith(":"):
                return ""
            return compose.escape(shown or target.lstrip(":").split("#")[-1 if target.startswith("#") else 0])
        if found[4] is not None:
            return f"[{compose.escape(found[5])}]({found[4]})" if found[5] else f"<{found[4]}>"
        if found[0].startswith("'"):
            return {2: "*", 3: "**"}.get(len(found[0]), "")
        if found["shift"]:
            shown = compose.shifted(found["shifted"], found["shift"].lower() == "sup")
            return shown or self.inline(found["shifted"])
        if found["typed"]:
            return compose.code_span(found["typed"])
        tag = found["name"].lower()
        if tag == "ref":
            return ")" if found[0].startswith("</") else " ("
        return " " if tag in _APART else ""

    def _list(self, items: list[tuple[str, str]], mark: str) -> Iterator[str]:
        """Lists by their marks: `*` and `#` items, `;` a term, `:` what it means or an indentation."""
        if items[0][0][0] in ";:":
            terms: list[str] = []
            for marks, text in items:
                if marks == ";":
                    term, colon, rest = text.partition(" : ")
                    terms.append(self.inline(term))
                    if colon:
                        yield mark + compose.definition(terms, self.inline(rest))
                        terms, mark = [], ""
                elif marks[0] in ":;":
                    yield mark + (compose.definition(terms, self.inline(text)) if terms else self.inline(text))
                    terms, mark = [], ""
                else:
                    yield from self._list([(marks, text)], mark)
            if terms:
                yield mark + compose.definition(terms, "")
            return
        yield mark + self._nested(items)

    def _nested(self, items: list[tuple[str, str]], depth: int = 0) -> str:
        bodies: list[str] = []
        index = 0
        numbered = items[0][0][:1] == "#"
        while index < len(items):
            marks, text = items[index]
            end = index + 1
            while end < len(items) and len(items[end][0]) > 1 and depth < 8:
                end += 1
            inner = [(m[1:], t) for m, t in items[index + 1 : end]]
            if len(marks) > 1 and depth < 8:
                inner, text = [(marks[1:], text), *inner], ""
            groups = [list(group) for _, group in itertools.groupby(inner, lambda item: _family(item[0]))]
            bodies.append(compose.join([self.inline(text), *(self._nested(group, depth + 1) for group in groups)]))
            index = end
        return compose.bullets(bodies, 1 if numbered else None)

    def _table(self, lines: list[str]) -> str:
        rows: list[list[list[str]]] = [[]]  # the lines of each cell
        heads, caption = 0, ""
        nested = 0
        for line in (each.strip() for each in lines):
            nested += line.startswith("{|")
            if nested and rows[-1]:
                rows[-1][-1].append(line)
            elif line.startswith("|+"):
                caption = self.inline(line[2:].rpartition("|")[2])
            elif line.startswith("|-"):
                rows.append([])
            elif line[:1] in ("|", "!"):
                heads += line[0] == "!" and len([r for r in rows if r]) <= 1 and not rows[-1]
                parts = re.split(r"\|\||!!" if line[0] == "!" else r"\|\|", line[1:])
                rows[-1] += [[part] for part in parts]
            elif rows[-1]:
                rows[-1][-1].append(line)
            nested -= bool(nested) and line.startswith("|}")
        table = compose.table(grid.lines([[self._cell(c) for c in row] for row in rows if row], header=heads > 0))
        return compose.join([f"**{caption}**" if caption else "", table])

    def _cell(self, lines: list[str]) -> grid.Cell:
        first = lines[0]
        said = re.match(
            r"\s*((?:[\w-]+\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s|\"'=]+)(?:\s+|(?=\|)))+)\|(?!\|)", first[:2_000]
        )
        attributes = said[1] if said else ""
        spans = [re.search(rf"{name}\s*=\s*[\"']?(\d{{1,4}})", attributes) for name in ("colspan", "rowspan")]
        wide, high = (grid.number(found[1]) if found else 1 for found in spans)
        lines = [first[said.end() :] if said else first, *lines[1:]]
        if any(line for line in lines[1:]) and self.depth < _DEEPEST:
            self.depth += 1
            blocks = compose.join(self._blocks([lines[0].strip(), *lines[1:]], [0] * (len(lines) + 1)))
            self.depth -= 1
            return grid.Cell(cells.one_line(places.unmarked(blocks)), wide, high)
        return grid.Cell(self.inline(" ".join(lines)), wide, high)


def _closing(text: str, begin: int) -> int | None:
    """Where the brackets end that open at a place; None where they do not, on this or the next lines."""
    depth = 0
    for found in re.compile(r"\[\[|\]\]").finditer(text, begin, begin + _LONGEST):
        depth += 1 if found[0] == "[[" else -1
        if depth == 0:
            return found.end()
    return None


def _caption(text: str) -> tuple[str, bool]:
    """The caption of a picture, the last of its parts that sets nothing, and whether it stands beside the text."""
    parts = re.split(r"\|(?![^\[\]]*\]\])", text)[1:]
    said = [part.strip() for part in parts if not _SETTING.fullmatch(part.strip())]
    return said[-1] if said else "", any(part.strip().lower() in _FLOATS for part in parts)


def _table_end(lines: list[str], index: int) -> int:
    """The line on which a table ends, tables within it counted."""
    depth = 0
    for number in range(index, len(lines)):
        line = lines[number].lstrip(" :")
        depth += line.startswith("{|")
        depth -= line.startswith("|}")
        if depth <= 0:
            return number
    return len(lines) - 1
