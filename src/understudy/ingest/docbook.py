"""DocBook XML becomes Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator

from understudy.ingest import cells, compose, docbook_references, docbook_synopsis, grid, places, xml_tree
from understudy.ingest.base import Page, Source
from understudy.ingest.xml_tree import Node
from understudy.normal import folded

_SECTIONS = frozenset({
    "set", "book", "part", "article", "chapter", "appendix", "preface", "section", "sect1", "sect2", "sect3", "sect4",
    "sect5", "simplesect", "reference", "refentry", "refsect1", "refsect2", "refsect3", "refsection", "glossary",
    "bibliography", "partintro", "topic", "qandadiv", "glossdiv", "colophon", "dedication", "acknowledgements",
})  # fmt: skip
_DROPPED = frozenset({
    "indexterm", "index", "toc", "lot", "title", "titleabbrev", "subtitle", "remark", "refmeta", "anchor", "colspec",
    "spanspec", "areaspec", "textobject", "imageobject", "videoobject", "audioobject", "biblioid", "revhistory",
    "authorgroup", "author", "copyright", "legalnotice", "keywordset", "subjectset", "beginpage", "processing",
})  # fmt: skip
_CODE = frozenset({
    "programlisting", "screen", "literallayout", "synopsis", "address", "screenco", "programlistingco",
})  # fmt: skip
_BOXES = frozenset({"note", "tip", "warning", "important", "caution", "danger"})
_LISTS = {"itemizedlist": None, "orderedlist": 1, "procedure": 1, "substeps": 1, "calloutlist": 1, "simplelist": None}
_TITLED = frozenset({
    "example", "informalexample", "figure", "informalfigure", "equation", "sidebar", "formalpara", "task", "table",
    "informaltable",
})  # fmt: skip
_LITERAL = frozenset({
    "code", "literal", "command", "option", "filename", "function", "varname", "parameter", "envar", "constant", "type",
    "classname", "methodname", "userinput", "computeroutput", "systemitem", "property", "tag", "sgmltag", "markup",
    "keycap", "keycombo", "prompt", "package", "token", "symbol", "uri", "structname", "structfield", "interfacename",
    "exceptionname", "replaceable", "arg", "errorcode", "errorname", "optional",
})  # fmt: skip
_INLINE = _LITERAL | {
    "emphasis", "phrase", "link", "ulink", "xref", "olink", "email", "quote", "foreignphrase", "firstterm", "glossterm",
    "citetitle", "trademark", "productname", "application", "acronym", "abbrev", "superscript", "subscript", "footnote",
    "footnoteref", "inlinemediaobject", "guilabel", "guibutton", "guimenu", "guimenuitem", "guisubmenu", "guiicon",
    "menuchoice", "shortcut", "citerefentry", "refentrytitle", "manvolnum", "wordasword", "date", "co", "coref",
    "personname", "firstname", "surname", "productnumber", "hardware", "interface", "database", "medialabel",
    "inlineequation", "person", "orgname", "sbr", "anchor", "indexterm", "remark", "mathphrase", "citation", "term",
    "msgtext", "keysym", "mousebutton",
}  # fmt: skip


def page(text: str, source: Source | None = None) -> Page:
    """A DocBook text as a page with the line of every block. Raises SkipFile where it is no XML."""
    root, entities = xml_tree.opened(text, source)
    docbook_references.put(root, _reference_text, source, entities)
    title = _title(root)
    name = _name(title) if title is not None else ""
    made = Page(compose.join(_section(root, 1)) + "\n", name.replace("`", ""), skipped=entities.notes())
    return places.placed(made, places.line_label, text.rstrip().count("\n") + 2)


def _reference_text(node: Node) -> str:
    """What a reference to an element shows: its label, title or term."""
    if label := node.attributes.get("xreflabel"):
        return label
    title = _title(node) or node.first("term", "glossterm", "refname")
    return compose.unescape(_name(title)).replace("`", "") if title is not None else ""


def _title(node: Node) -> Node | None:
    for info in (node, *(c for c in node.elements() if c.tag == "info" or c.tag.endswith("info"))):
        found = info.first("title")
        if found is not None:
            return found
    return node.first("refmeta") or node.first("refnamediv")


def _name(title: Node) -> str:
    """A title as it is said; of a manual page its name with its section: `keel(1)`."""
    if title.tag == "refmeta":
        named, volume = title.first("refentrytitle"), title.first("manvolnum")
        name = _inlines(named) if named else ""
        return f"{name}({_inlines(volume)})" if volume and " " not in name else name  # `ALTER TABLE` is no file's name
    told = title.first("refname") if title.tag == "refnamediv" else title
    return _inlines(told) if told else ""


def _section(node: Node, level: int) -> Iterator[str]:
    title = _title(node)
    if title is not None:
        line = node.line if title.tag == "refnamediv" else title.line
        yield places.mark(line) + compose.heading(level, _name(title))
    deeper = level + 1 if title is not None else level
    yield from _blocks(node, deeper)


def _blocks(node: Node, level: int) -> Iterator[str]:
    """The blocks of an element; loose inline content between them becomes paragraphs."""
    loose: list[Node | str] = []
    for child in node.children:
        if isinstance(child, str) or child.tag in _INLINE:
            loose.append(child)
            continue
        yield _paragraph(loose)
        loose = []
        yield from _block(child, level)
    yield _paragraph(loose)


def _paragraph(parts: list[Node | str]) -> str:
    line = next((p.line for p in parts if isinstance(p, Node)), 0)
    words = compose.paragraph(folded("".join(map(_inline, parts))))
    return (places.mark(line) if line and words else "") + words


def _block(node: Node, level: int) -> Iterator[str]:
    tag = node.tag
    mark = places.mark(node.line)
    if tag in _SECTIONS:
        yield from _section(node, level)
    elif tag in _DROPPED:
        return
    elif tag == "info" or (tag.endswith("info") and tag != "info"):
        for child in node.elements("abstract"):
            yield from _blocks(child, level)
    elif tag in ("para", "simpara"):
        yield from _para(node, level)
    elif tag in _CODE:
        language = re.sub(r"[^\w+#.-]", "", node.attributes.get("language", ""))
        yield mark + compose.code_block(node.text(), language)
    elif tag in docbook_synopsis.TAGS:
        yield mark + compose.code_block(docbook_synopsis.written(node))
    elif tag in _BOXES:
        title = node.first("title")
        body = compose.join(_blocks(node, level))
        yield mark + compose.admonition(tag, _inlines(title) if title else "", body)
    elif tag in _LISTS:
        yield from _title_line(node)
        items = node.elements("listitem", "step", "callout", "member")
        yield from (b for c in node.elements() if c.tag not in ("listitem", "step", "callout", "member", "title")
                    for b in _block(c, level))  # fmt: skip
        yield mark + compose.bullets([compose.join(_blocks(i, level)) for i in items], _LISTS[tag]) if items else ""
    elif tag in ("variablelist", "glosslist"):
        yield from _title_line(node)
        for entry in node.elements("varlistentry", "glossentry"):
            terms = [_inlines(t) for t in entry.elements("term", "glossterm")]
            inside = [c for c in entry.elements() if c.tag in ("listitem", "glossdef", "glosssee")]
            body = compose.join(b for c in inside for b in _blocks(c, level))
            yield places.mark(entry.line) + compose.definition(terms, body)
    elif tag == "glossentry":
        terms = [_inlines(t) for t in node.elements("glossterm")]
        body = compose.join(b for c in node.elements("glossdef", "glosssee") for b in _blocks(c, level))
        yield mark + compose.definition(terms, body)
    elif tag in ("table", "informaltable", "entrytbl"):
        yield from _title_line(node)
        yield mark + _table(node)
    elif tag in _TITLED:
        yield from _title_line(node)
        yield from _blocks(node, level)
    elif tag == "blockquote" or tag == "epigraph":
        yield mark + compose.quote(compose.join(_blocks(node, level)))
    elif tag == "refnamediv":
        names = ", ".join(_inlines(n) for n in node.elements("refname"))
        purpose = node.first("refpurpose")
        yield mark + compose.paragraph(f"{names} – {_inlines(purpose)}" if purpose else names)
    elif tag == "qandaentry":
        for part in node.elements("question", "answer"):
            blocks = compose.join(_blocks(part, level))
            yield places.mark(part.line) + (
                f"**{blocks}**" if part.tag == "question" and "\n" not in blocks else blocks
            )
    elif tag in ("mediaobject", "screenshot", "graphic"):
        shown = " ".join(folded(n.text()) for n in node.walk() if n.tag in ("alt", "caption", "phrase"))
        yield mark + compose.paragraph(compose.escape(shown)) if shown else ""
    else:
        yield from _blocks(node, level)


def _para(node: Node, level: int) -> Iterator[str]:
    """A paragraph; lists and code inside of it stand below its first words."""
    mark = places.mark(node.line)
    for block in _blocks(node, level):
        yield mark + block if mark and block else block
        mark = "" if block else mark


def _title_line(node: Node) -> Iterator[str]:
    title = node.first("title")
    if title is not None:
        yield f"{places.mark(title.line)}**{_inlines(title)}**"


def _table(node: Node) -> str:
    heads, rows = 0, []
    for row in (n for n in node.walk() if n.tag in ("row", "tr")):
        names = [e.attributes.get("colname", "") for e in node.walk() if e.tag == "colspec"]
        rows.append([_cell(c, names) for c in row.elements("entry", "td", "th", "entrytbl")])
    for head in (n for n in node.walk() if n.tag == "thead"):
        heads += len(head.elements("row", "tr"))
    return compose.table(grid.lines(rows, header=heads > 0))


def _cell(node: Node, names: list[str]) -> grid.Cell:
    wide, high = node.attributes.get("colspan", "1"), node.attributes.get("rowspan", "1")
    more = node.attributes.get("morerows", "")
    first, last = node.attributes.get("namest", ""), node.attributes.get("nameend", "")
    if first in names and last in names:
        wide = str(names.index(last) - names.index(first) + 1)
    return grid.Cell(
        cells.one_line(compose.join(_blocks(node, 6))),
        grid.number(wide),
        grid.number(more, 0) + 1 if more else grid.number(high),
    )


def _inlines(node: Node) -> str:
    return folded("".join(map(_inline, node.children)))


def _inline(node: Node | str) -> str:
    if isinstance(node, str):
        return compose.escape(re.sub(r"\s+", " ", node))
    tag = node.tag
    if tag in ("indexterm", "anchor", "remark"):
        return ""
    if tag in ("keycombo", "menuchoice"):
        parts = [folded(c.text()) for c in node.elements() if c.tag != "shortcut"]
        return compose.escape((" → " if tag == "menuchoice" else "+").join(parts))
    if tag in _LITERAL:
        return compose.code_span(node.text())
    inner = "".join(map(_inline, node.children))
    words = inner.strip()
    if tag in ("superscript", "subscript"):
        return compose.shifted(words, tag == "superscript") or inner
    if tag == "emphasis" and words and "*" not in words:
        mark = "**" if node.attributes.get("role") in ("bold", "strong") else "*"
        return f"{mark}{words}{mark}"
    if tag in ("ulink", "link"):
        target = next((v for k, v in node.attributes.items() if k.rpartition(":")[2] in ("url", "href")), "")
        if target.startswith(("http://", "https://")):
            return f"[{words}]({target.replace(' ', '%20')})" if words and words != target else f"<{target}>"
    if tag == "quote":
        return f"“{words}”"
    if tag == "footnote":
        return f" ({words})" if words else ""
    if tag == "citerefentry":
        title, volume = node.first("refentrytitle"), node.first("manvolnum")
        return compose.escape((title.text() if title else "") + (f"({volume.text()})" if volume else ""))
    if tag == "email":
        return compose.escape(f"<{words}>") if words else ""
    if tag == "xref" and not words:
        return compose.escape(node.attributes.get("linkend", ""))
    return inner
