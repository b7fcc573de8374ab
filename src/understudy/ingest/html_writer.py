"""Walks an HTML tree and writes Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborNode

from understudy.ingest import compose

_BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "body", "center", "dd", "details", "dialog", "div", "dl",
    "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header",
    "hgroup", "hr", "html", "li", "main", "menu", "ol", "p", "pre", "section", "summary", "table", "ul",
})  # fmt: skip
_KINDS = re.compile(r"\b(note|tip|hint|info|important|warning|caution|danger|attention|error|seealso)\b", re.IGNORECASE)
_BOX = re.compile(r"\b(admonition|alert|callout|theme-admonition|custom-block|markdown-alert)\b")
_LANGUAGE = re.compile(r"\b(?:language|lang|highlight-source|highlight|brush:?|sourceCode)[-_ ]([\w+#.-]+)")
_ANCHORS = frozenset({"¶", "§", "#", "🔗"})
_NO_LANGUAGE = frozenset({"default", "none", "notranslate", "text", "plaintext", "plain"})


def write(node: LexborNode) -> str:
    """The Markdown of everything inside a node."""
    return compose.join(_blocks(node))


def _children(node: LexborNode) -> Iterator[LexborNode]:
    child = node.child
    while child is not None:
        yield child
        child = child.next


def _attribute(node: LexborNode, name: str) -> str:
    return (node.attributes.get(name) or "") if node.tag != "-text" else ""


def _is_block(node: LexborNode) -> bool:
    """Whether a node is a block, or an inline element with a block inside (a link around a heading)."""
    tag = node.tag or ""
    if tag in _BLOCKS:
        return True
    return tag[0] not in "-!_" and tag != "code" and any(_is_block(c) for c in _children(node))


def _blocks(node: LexborNode) -> Iterator[str]:
    """The blocks of a node; loose inline content between them becomes paragraphs."""
    loose: list[str] = []
    for child in _children(node):
        if _is_block(child):
            yield compose.paragraph(_tidy("".join(loose)))
            loose = []
            yield from _block(child)
        else:
            loose.append(_inline(child))
    yield compose.paragraph(_tidy("".join(loose)))


def _block(node: LexborNode) -> Iterator[str]:
    tag, classes = node.tag or "", _attribute(node, "class")
    if tag in ("h1", "h2", "h3", "h4", "h5", "h6"):
        yield compose.heading(int(tag[1]), _inlines(node))
    elif tag == "pre":
        yield compose.code_block(node.text(), _language(node), _caption(node))
    elif tag in ("ul", "ol", "menu"):
        start = _attribute(node, "start")
        first = int(start) if start.isdigit() else 1
        items = [compose.join(_blocks(c)) for c in _children(node) if c.tag == "li"]
        yield compose.bullets([i for i in items if i], first if tag == "ol" else None)
    elif tag == "dl":
        yield from _definitions(node)
    elif tag == "table":
        yield _table(node)
    elif tag == "blockquote":
        yield compose.quote(write(node))
    elif tag == "hr":
        yield "---"
    elif tag == "summary" and not node.css_first("h1, h2, h3, h4, h5, h6"):
        words = " ".join(_inlines(node).split())
        yield f"**{words}**" if words else ""
    elif "code-block-caption" in classes or "codeBlockTitle" in classes:
        return  # stands in the code block's info string
    elif tag in ("div", "section", "aside", "blockquote") and _BOX.search(classes):
        yield _admonition(node, classes)
    else:
        yield from _blocks(node)


def _inlines(node: LexborNode) -> str:
    return _tidy("".join(_inline(c) for c in _children(node)))


def _inline(node: LexborNode) -> str:
    tag = node.tag or ""
    if tag == "-text":
        return compose.escape(re.sub(r"\s+", " ", node.text_content or ""))
    if tag[0] in "-!_":
        return ""
    if tag == "br":
        return "\n"
    if tag == "img":
        return compose.escape(_attribute(node, "alt"))
    if tag in ("code", "kbd", "samp", "tt", "var"):
        return compose.code_span(node.text())
    inner = "".join(_inline(c) for c in _children(node))
    if tag in ("strong", "b", "em", "i"):
        mark = "**" if tag in ("strong", "b") else "*"
        words = inner.strip()
        if not words or "*" in words or "\n" in words:
            return inner
        before, after = inner[: len(inner) - len(inner.lstrip())], inner[len(inner.rstrip()) :]
        return f"{before}{mark}{words}{mark}{after}"
    if tag == "a" and inner.strip() in _ANCHORS:
        return ""
    if tag == "a" and _attribute(node, "href").startswith(("http://", "https://")) and inner.strip():
        target = _attribute(node, "href")
        return f"<{target}>" if inner.strip() == target else f"[{inner.strip()}]({target.replace(' ', '%20')})"
    return inner


def _tidy(text: str) -> str:
    return "\n".join(" ".join(line.split()) for line in text.strip().split("\n"))


def _language(node: LexborNode) -> str:
    """What the code block, its inner code or the boxes around it say of its language."""
    inner = node.css_first("code")
    around = [n for n in (inner, node, node.parent, node.parent.parent if node.parent else None) if n is not None]
    for candidate in around:
        said = _attribute(candidate, "data-lang") or _attribute(candidate, "data-language")
        found = _LANGUAGE.search(_attribute(candidate, "class"))
        language = (said or (found[1] if found else "")).lower()
        if language and language not in _NO_LANGUAGE:
            return language
    return ""


def _caption(node: LexborNode) -> str:
    """The title above a code block, as Sphinx and Docusaurus write it."""
    box = node.parent
    for _ in range(4):
        if box is None or len(box.css("pre")) != 1:
            break
        caption = box.css_first(".code-block-caption, [class*=codeBlockTitle]")
        if caption is not None:
            return " ".join(caption.text().split()).replace('"', "'")
        box = box.parent
    return ""


def _definitions(node: LexborNode) -> Iterator[str]:
    terms: list[str] = []
    for child in _definition_parts(node):
        if child.tag == "dt":
            terms.append(_inlines(child))
        else:
            yield compose.definition(terms, compose.join(_blocks(child)))
            terms = []
    if terms:
        yield compose.definition(terms, "")


def _definition_parts(node: LexborNode) -> Iterator[LexborNode]:
    for child in _children(node):
        if child.tag in ("dt", "dd"):
            yield child
        elif child.tag == "div":
            yield from _definition_parts(child)


def _table(node: LexborNode) -> str:
    """A pipe table; a table that only lays out blocks is written as those blocks."""
    if node.css_first("pre, h1, h2, h3, h4, h5, h6, dl") or len(node.css("table")) > 1:
        return compose.join(write(c) for c in node.css("td, th") if not _inside_cell(c, node))
    rows: list[list[str]] = []
    for row in node.css("tr"):
        cells: list[str] = []
        for cell in _children(row):
            if cell.tag in ("td", "th"):
                span = _attribute(cell, "colspan")
                text = " ".join(compose.join(_blocks(cell)).split())
                cells += [text, *[""] * (min(int(span), 50) - 1 if span.isdigit() else 0)]
        if any(cells):
            rows.append(cells)
    caption = node.css_first("caption")
    return compose.join([f"**{_inlines(caption)}**" if caption is not None else "", compose.table(rows)])


def _inside_cell(cell: LexborNode, table: LexborNode) -> bool:
    parent = cell.parent
    while parent is not None and parent != table:
        if parent.tag in ("td", "th"):
            return True
        parent = parent.parent
    return False


def _admonition(node: LexborNode, classes: str) -> str:
    found = _KINDS.search(classes)
    marked = node.css_first(".admonition-title, .custom-block-title, .markdown-alert-title, [class*=admonitionHeading]")
    title = " ".join(marked.text().split()) if marked is not None else ""
    if marked is not None:
        marked.decompose()
    kind = found[1].lower() if found else "note"
    return compose.admonition(kind, "" if title.lower() == kind else title, write(node))
