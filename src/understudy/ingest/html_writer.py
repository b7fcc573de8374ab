"""Walks a page's content and writes Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from understudy.ingest import compose, html_boxes, html_tables
from understudy.ingest.html_code import code, code_lines, language, prototype, take_titles
from understudy.ingest.html_inline import code_text, inline
from understudy.ingest.html_node import CODE, HAS_HEADING, HEADINGS, Node, remove
from understudy.ingest.html_tabs import label_panels
from understudy.ingest.html_tree import Tree
from understudy.ingest.places import mark

_LISTS = frozenset({"ul", "ol", "menu", "dir"})
_SIGNATURE = re.compile(r"(?:^|\s)(?:sig|sig-object|descname|sig-name|member-signature|def-line|def-name)(?=\s|$)")
_SIGNED = re.compile(r"(?:^|\s)(?:\w+-)?signature(?=\s|$)")
_EXPANDERS = re.compile(r"^(?:expand|collapse|show|hide|click to expand|details)\b.{0,20}$", re.IGNORECASE)
_PLAIN = frozenset({"p", "li", "div", "section", "dd", "td", "body"})  # of which only attributes could say more
_NESTING = frozenset({*_LISTS, "dl", "table", "blockquote", "aside"})
_TERMS = 6  # terms of one definition; more without a word on any are a list
_MAX_DEPTH = 150  # blocks within each other, lists and tables counted thrice; what lies deeper is one paragraph


def write(root: Node) -> tuple[str, list[str]]:
    """The Markdown of everything inside a node, with marks of places (`places.mark`); what they stand for."""
    titles = take_titles(root)
    label_panels(root)
    anchors = _mark_places(root)
    return _Writer(titles).written(root.kids), anchors


def fragment(html: str) -> str:
    """The Markdown of a piece of HTML, such as stands in pages of other formats. Raises SkipFile as `Tree`."""
    root = Tree(html).body
    titles = take_titles(root)
    label_panels(root)
    return _Writer(titles).written(root.kids)


def _mark_places(root: Node) -> list[str]:
    """Put the place of each id before the first word that follows it."""
    anchors: list[str] = []
    pending = ""
    stack = [root]
    while stack:
        node = stack.pop()
        if node.attributes and ("id" in node.attributes or node.tag == "a"):
            pending = node.anchor or pending
        if node.kids:
            stack += node.kids[::-1]
        elif pending and not node.tag and (at := len(node.text) - len(node.text.lstrip())) < len(node.text):
            node.text = f"{node.text[:at]}{mark(len(anchors))}{node.text[at:]}"
            anchors.append(f"#{pending}")
            pending = ""
    return anchors


class _Writer:
    def __init__(self, titles: dict[int, str]) -> None:
        self.titles = titles
        self.depth = 0

    def blocks(self, nodes: Iterable[Node], out: list[str]) -> None:
        """Write the blocks of sibling nodes; loose inline content between them becomes paragraphs."""
        loose: list[Node] = []
        for node in nodes:
            if not node.holds:
                loose.append(node)
                continue
            if loose:
                out.append(self.loose(loose))
                loose = []
            cost = 3 if node.tag in _NESTING else 1
            self.depth += cost
            if self.depth > _MAX_DEPTH:
                out.append(compose.paragraph(compose.escape(node.plain())))
            else:
                self.element(node, out)
            self.depth -= cost
        if loose:
            out.append(self.loose(loose))

    def loose(self, nodes: list[Node]) -> str:
        full = [n for n in nodes if n.tag or not n.text.isspace()]
        if len(full) == 1 and full[0].tag in ("code", "tt", "samp") and full[0].first({"br"}):
            return code_lines(full[0])
        return compose.paragraph(inline(nodes)) if full else ""

    def written(self, nodes: Iterable[Node]) -> str:
        out: list[str] = []
        self.blocks(nodes, out)
        return compose.join(out)

    def element(self, node: Node, out: list[str]) -> None:
        tag = node.tag
        if tag in _PLAIN and not node.attributes:
            self.blocks(node.kids, out)
        elif tag in HEADINGS:
            self.heading(node, out)
        elif tag in CODE:
            out.append(compose.code_block(code(node), language(node), self.titles.get(id(node), "")))
        elif tag == "div" and "memproto" in node.get("class").split():
            out.append(compose.code_block(prototype(node), "", ""))
        elif tag == "div" and _SIGNED.search(node.get("class")) and not any(kid.holds for kid in node.kids):
            out.append(compose.code_block(code(node), "", ""))
        elif kind := html_boxes.kind_of(node):
            out.append(self.box(node, kind))
        elif tag in _LISTS:
            self.listed(node, out)
        elif tag == "dl":
            self.definitions(node, out)
        elif tag == "table":
            out.append(self.table(node))
        elif tag == "blockquote":
            out.append(compose.quote(self.written(node.kids)))
        elif tag == "hr":
            out.append("---")
        elif tag == "summary" and not node.has(HAS_HEADING):
            words = inline(node.kids).replace("\n", " ")
            out.append(f"**{words}**" if words and not _EXPANDERS.match(words) else "")
        else:
            self.blocks(node.kids, out)

    def heading(self, node: Node, out: list[str]) -> None:
        """A heading; blocks in it that are none of its words (a list, code) follow it."""
        inner = [n for n in node.walk() if n.tag in _LISTS or n.tag in CODE or n.tag == "table"]
        remove(inner)
        out.append(compose.heading(int(node.tag[1]), inline(node.kids)))
        self.blocks(inner, out)

    def box(self, node: Node, kind: str) -> str:
        title = html_boxes.take_title(node, kind)
        rows = html_tables.cells(node) if node.tag == "table" else []
        inside = [k for row in rows for cell in row for k in cell.kids] if rows else node.kids
        if node.tag == "p":
            body = compose.paragraph(inline(inside))
        elif node.tag == "dl":
            body = self.written(k for part in node.kids for k in (part.kids if part.tag in ("dt", "dd") else [part]))
        else:
            only = [k for k in inside if k.words]
            if len(only) == 1 and only[0].tag == "table":
                # tool chains of old lay their boxes out with a table: an icon's cell, a title's, the text's
                body = self.boxed_table(only[0], kind)
            else:
                body = self.written(inside)
        shown, plain = compose.split_places(title)
        return f"{compose.admonition(kind, shown + plain.replace(']', ')').replace('[', '('), body)}" if body else ""

    def boxed_table(self, node: Node, kind: str) -> str:
        rows = html_tables.cells(node)
        if not any(len(r) > 2 for r in rows) and not (len(rows) > 3):
            for row in rows:
                for cell in row:
                    said = compose.split_places(cell.plain())[1].strip(" :").lower()
                    if said == kind or (not said and cell.first({"img"})):
                        cell.kids = []  # the icon, or the name that the box says anyway
            return compose.join(self.written(c.kids) for row in rows for c in row)
        return self.table(node)

    def listed(self, node: Node, out: list[str]) -> None:
        """A list; an item that holds headings, or nothing but tables, is a part of the page, and no item."""
        number = node.get("start")
        first = int(number) if number.isdecimal() and len(number) < 9 else 1
        items: list[str] = []

        def end() -> None:
            if items:
                out.append(compose.bullets(items, first if node.tag == "ol" else None))

        for parts in _items(node):
            if any(_opens_section(part) for part in parts) or _are_tables(parts):
                end()
                first += len(items) + 1
                items = []
                self.blocks(parts, out)
            elif written := self.written(parts):
                items.append(written)
        end()

    def definitions(self, node: Node, out: list[str]) -> None:
        terms: list[str] = []
        bodies: list[str] = []
        for kid in _definition_parts(node):
            if kid.tag == "dt":
                if bodies:
                    out.append(compose.definition(terms, compose.join(bodies)))
                    terms, bodies = [], []
                if kid.has(HAS_HEADING):
                    self.blocks(kid.kids, out)
                else:
                    terms.append(_term(kid))
            elif kid.tag == "dd" or kid.holds:
                bodies.append(self.written(kid.kids if kid.tag == "dd" else [kid]))
            elif kid.words or kid.text.strip():
                bodies.append(self.loose([kid]))
        if bodies or 0 < len(terms) <= _TERMS:
            out.append(compose.definition(terms, compose.join(bodies)))
        elif terms:
            out.append(compose.bullets(terms))

    def table(self, node: Node) -> str:
        """A pipe table; where it only lays out blocks, those blocks; pairs with lists in them as definitions."""
        rows = html_tables.cells(node)
        if html_tables.is_pairs(rows):
            return compose.join(compose.definition([inline(row[0].kids)], self.written(row[1].kids)) for row in rows)
        parts = html_tables.sections(rows)
        if len(parts) > 1:
            return compose.join(self.rows(node, part) for part in parts)
        return self.rows(node, rows)

    def rows(self, node: Node, rows: list[list[Node]]) -> str:
        """Rows of a table as one of its own."""
        if html_tables.is_layout(node, rows):
            beside = [k for k in node.kids if k.tag == "caption"]
            return compose.join([self.written(beside), *(self.written(c.kids) for row in rows for c in row)])
        grid = html_tables.grid(node, rows)
        lines = [[self.cell(c) for c in row] for row in grid.rows]
        lines = [line for line in lines if any(line)]
        if lines and not grid.header:
            lines.insert(0, [""] * len(lines[0]))
        caption = inline(grid.caption.kids).replace("\n", " ") if grid.caption is not None else ""
        return compose.join([f"**{caption}**" if caption else "", compose.table(lines)])

    def cell(self, cell: html_tables.Cell | None) -> str:
        if cell is None or not (cell.origin or cell.repeats):
            return ""
        text = " ".join(part for part in self.cell_parts(cell.node) if part)
        return text if cell.origin else compose.split_places(text)[1]

    def cell_parts(self, node: Node) -> Iterator[str]:
        loose: list[Node] = []
        for kid in node.kids:
            if not kid.holds:
                loose.append(kid)
                continue
            yield inline(loose)
            loose = []
            if kid.tag in _LISTS:
                items = (" ".join(w for w in self.cell_parts(i) if w) for i in _list_parts(kid) if i.words)
                yield compose.cell_list(items, kid.tag == "ol")
            elif kid.tag in CODE:
                yield code_lines(kid, "<br>")
            else:
                yield from self.cell_parts(kid)
        yield inline(loose)


def _term(node: Node) -> str:
    """What is defined; the signature of a function or class is code."""
    above = node.parent
    defined = above is not None and above.tag == "dl" and "def" in above.get("class").split()  # Texinfo before 7
    signed = (
        defined
        or _SIGNATURE.search(node.get("class"))
        or any(_SIGNATURE.search(n.get("class")) for n in node.walk() if n.attributes)
    )
    if not signed:
        return inline(node.kids)
    place, text = compose.split_places(code_text(node))
    return place + compose.code_span(text.lstrip(" :") if defined else text)


def _opens_section(part: Node) -> bool:
    """Whether a part of an item is or holds a heading that is not the title of a box."""
    for heading in part.all(HAS_HEADING):
        node: Node | None = heading
        while node is not None and node is not part.parent and not html_boxes.kind_of(node):
            node = node.parent
        if heading.words and (node is None or node is part.parent):
            return True
    return False


def _are_tables(parts: list[Node]) -> bool:
    """Whether all words stand in tables."""
    stack = [part for part in parts if part.words]
    found = bool(stack)
    while stack:
        node = stack.pop()
        if node.tag != "table":
            if not node.holds:
                return False
            stack += [kid for kid in node.kids if kid.words]
    return found


def _items(node: Node) -> list[list[Node]]:
    """What each item of a list holds; what stands between items belongs to the one before."""
    items: list[list[Node]] = []
    for kid in _list_parts(node):
        if kid.tag == "li":
            items.append(kid.kids)
        elif kid.words and items:
            items[-1] = [*items[-1], kid]
        elif kid.words:
            items.append([kid])
    return items


def _list_parts(node: Node) -> Iterator[Node]:
    """The items of a list, also those that a stray element wraps."""
    for kid in node.kids:
        if kid.tag and kid.tag not in _LISTS and kid.tag != "li" and any(k.tag == "li" for k in kid.kids):
            yield from kid.kids
        else:
            yield kid


def _definition_parts(node: Node) -> Iterator[Node]:
    for kid in node.kids:
        if kid.tag not in ("dt", "dd", "dl", "") and any(k.tag in ("dt", "dd") for k in kid.kids):
            yield from _definition_parts(kid)
        else:
            yield kid
