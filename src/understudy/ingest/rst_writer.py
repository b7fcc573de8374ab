"""Walks a docutils tree and writes Markdown."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from docutils import nodes

from understudy.ingest import compose, grid, places
from understudy.normal import folded

_FLAGS = re.compile(r"[ \t]*#[ \t]*doctest:[^\n]*|^[ \t]*<BLANKLINE>$", re.MULTILINE)

_SKIPPED = (
    nodes.comment, nodes.target, nodes.substitution_definition, nodes.pending, nodes.docinfo,
    nodes.raw, nodes.decoration, nodes.meta, nodes.image,
)  # fmt: skip


_PLACED = (
    nodes.paragraph, nodes.title, nodes.literal_block, nodes.doctest_block, nodes.rubric, nodes.line_block, nodes.table,
    nodes.raw, nodes.math_block,
)  # fmt: skip


def write(tree: nodes.Element, source: str) -> str:
    """The Markdown of a document tree, with marks for the lines of the file `source`."""
    for node in tree.findall(nodes.Element):  # what an include brought has lines of another file
        if node.line is not None and (node.source or source) != source:
            node.line = None
    return compose.join(_children(tree, 1))


def _mark(node: nodes.Element) -> str:
    """The mark of the node's line, where it is known; docutils counts a section's title from the line below it."""
    below = isinstance(node, nodes.title) and isinstance(node.parent, nodes.section)
    return places.mark(max(1, node.line - below)) if node.line else ""


def _children(node: nodes.Element, level: int) -> Iterator[str]:
    for child in node.children:
        if isinstance(child, nodes.Element):
            yield from _block(child, level)
        elif child.astext().strip():
            yield compose.paragraph(compose.escape(child.astext()))


def _inside(node: nodes.Element, level: int) -> str:
    return compose.join(_children(node, level))


def _block(node: nodes.Element, level: int) -> Iterator[str]:
    """The blocks of a node, the first one with the mark of its line."""
    mark = _mark(node) if isinstance(node, _PLACED) else ""
    for block in _plain_block(node, level):
        yield mark + block if block else block
        mark = mark if not block else ""


def _plain_block(node: nodes.Element, level: int) -> Iterator[str]:
    if isinstance(node, nodes.image) and node.get("alt"):
        yield compose.escape(node["alt"])
    elif isinstance(node, nodes.raw) and node.get("format") == "markdown":
        yield node.astext()
    elif isinstance(node, (nodes.footnote, nodes.citation)):
        yield _footnote(node, level)
    elif isinstance(node, _SKIPPED):
        return
    elif isinstance(node, nodes.system_message):  # what docutils could not read, as it stands
        yield from (compose.code_block(c.astext()) for c in node.findall(nodes.literal_block))
    elif isinstance(node, nodes.section):
        yield from _children(node, level + 1)
    elif isinstance(node, nodes.title):
        yield compose.heading(max(1, level - 1), _inlines(node))
    elif isinstance(node, nodes.rubric):
        yield f"**{_inlines(node)}**"
    elif isinstance(node, nodes.literal_block):
        yield compose.code_block(_code(node), _language(node), node.get("title", ""))
    elif isinstance(node, nodes.doctest_block):
        yield compose.code_block(_code(node), "python")
    elif isinstance(node, (nodes.bullet_list, nodes.enumerated_list)):
        start = node.get("start", 1) if isinstance(node, nodes.enumerated_list) else None
        yield compose.bullets([_inside(item, level) for item in _elements(node)], start)
    elif isinstance(node, nodes.definition_list):
        yield from (_definition(c, level) for c in _elements(node))
    elif isinstance(node, nodes.field_list):
        yield from (_pair(f, _inlines, level) for f in _elements(node))
    elif isinstance(node, nodes.option_list):
        yield from (_pair(c, _options, level) for c in _elements(node))
    elif isinstance(node, nodes.line_block):
        yield "\\\n".join(_inlines(line) for line in node.findall(nodes.line))
    elif isinstance(node, nodes.block_quote):
        inside = _inside(node, level)
        only_text = all(isinstance(c, (nodes.paragraph, nodes.attribution)) for c in node.children)
        yield compose.quote(inside) if only_text else inside  # lists and code are often indented for looks
    elif isinstance(node, nodes.table):
        yield from _table(node, level)
    elif isinstance(node, nodes.transition):
        yield "---"
    elif isinstance(node, nodes.Admonition):
        yield _admonition(node, level)
    elif isinstance(node, nodes.TextElement):
        yield compose.paragraph(_inlines(node))
    else:
        yield from _children(node, level)


def _language(node: nodes.Element) -> str:
    names: list[str] = node.get("classes", [])
    classes = [name for name in names if name != "code"]
    language = str(node.get("language") or (classes[0] if classes else ""))
    return "" if language in ("none", "text", "default") else language


def _code(node: nodes.Element) -> str:
    """Code; a session of Python without the flags that only a test runner reads, as Sphinx shows it."""
    text = node.astext()
    return _FLAGS.sub("", text) if text.lstrip().startswith(">>>") else text


def _footnote(node: nodes.Element, level: int) -> str:
    """A footnote or citation as a paragraph that begins with its label."""
    labels = [c for c in _elements(node) if isinstance(c, nodes.label)]
    body = compose.join(b for c in _elements(node) if c not in labels for b in _block(c, level))
    label = compose.escape(labels[0].astext()) if labels else str(next(iter(node.get("names", [])), ""))
    return f"\\[{label}\\] {body}" if label else body


def _elements(node: nodes.Element) -> list[nodes.Element]:
    return [c for c in node.children if isinstance(c, nodes.Element)]


def _definition(item: nodes.Element, level: int) -> str:
    parts = _elements(item)
    terms = [_mark(c) + _inlines(c) for c in parts if isinstance(c, nodes.term)]
    kinds = [_inlines(c) for c in parts if isinstance(c, nodes.classifier)]
    if terms and kinds:
        terms[-1] += f" ({', '.join(kinds)})"
    body = compose.join(_inside(c, level) for c in parts if isinstance(c, nodes.definition))
    return compose.definition(terms, body)


def _pair(node: nodes.Element, name: Callable[[nodes.Element], str], level: int) -> str:
    """A field or option: its first part is the term, its second what it means."""
    first, second = _elements(node)[:2]
    return compose.definition([_mark(node) + name(first)], _inside(second, level))


def _options(group: nodes.Element) -> str:
    return ", ".join(compose.code_span(option.astext()) for option in _elements(group))


def _table(node: nodes.table, level: int) -> Iterator[str]:
    title = next((c for c in node.children if isinstance(c, nodes.title)), None)
    if title is not None:
        yield f"**{_inlines(title)}**"
    rows = list(node.findall(nodes.row))
    heads = sum(len(_elements(head)) for head in node.findall(nodes.thead))
    cells = [[_cell(entry, level) for entry in _elements(row)] for row in rows]
    yield compose.table(grid.lines(cells, header=heads > 0))


def _cell(entry: nodes.Element, level: int) -> grid.Cell:
    text = " ".join(part for part in _cell_parts(entry, level) if part)
    return grid.Cell(text, int(entry.get("morecols", 0)) + 1, int(entry.get("morerows", 0)) + 1)


def _cell_parts(node: nodes.Element, level: int) -> Iterator[str]:
    """The blocks of a cell, each on one line."""
    for child in _elements(node):
        if isinstance(child, (nodes.bullet_list, nodes.enumerated_list)):
            items = (" ".join(part for part in _cell_parts(item, level) if part) for item in _elements(child))
            yield compose.cell_list(items, isinstance(child, nodes.enumerated_list))
        elif isinstance(child, (nodes.container, nodes.block_quote)):
            yield from _cell_parts(child, level)
        else:
            yield folded(compose.join(_block(child, level)))


def _admonition(node: nodes.Element, level: int) -> str:
    titles = [c for c in _elements(node) if isinstance(c, nodes.title)]
    body = compose.join(b for c in _elements(node) if c not in titles for b in _block(c, level))
    kind = str(node.get("kind", "note")) if isinstance(node, nodes.admonition) else str(node.tagname)
    return compose.admonition(kind, _inlines(titles[0]) if titles else "", body)


def _wrapped(mark: str) -> Callable[[str], str]:
    return lambda text: f"{mark}{text}{mark}" if text.strip() and "*" not in text else text


_MARKS: Sequence[tuple[type[nodes.Element], Callable[[str], str]]] = (
    (nodes.strong, _wrapped("**")),
    (nodes.emphasis, _wrapped("*")),
    (nodes.title_reference, _wrapped("*")),
)


def _inlines(node: nodes.Element) -> str:
    return " ".join("".join(_inline(c) for c in node.children).split())


def _inline(node: nodes.Node) -> str:
    if isinstance(node, nodes.Text):
        return compose.escape(node.astext())
    if isinstance(node, (nodes.literal, nodes.math)):
        return compose.code_span(node.astext())
    if isinstance(node, (nodes.footnote_reference, nodes.citation_reference)):
        return f"\\[{compose.escape(node.astext())}\\]" if node.astext() else ""
    if isinstance(node, (nodes.system_message, nodes.target, nodes.raw)):
        return ""
    if isinstance(node, nodes.problematic):
        return compose.escape(node.astext())
    if isinstance(node, nodes.image):
        return compose.escape(node.get("alt", ""))
    if not isinstance(node, nodes.Element):
        return ""
    inner = "".join(_inline(c) for c in node.children)
    if isinstance(node, nodes.reference):
        target = str(node.get("refuri", ""))
        if target.startswith(("http://", "https://")):
            return f"<{target}>" if node.astext() == target else f"[{inner}]({target})"
    for kind, mark in _MARKS:
        if isinstance(node, kind):
            return mark(inner)
    return inner
