"""A page's HTML as a light tree of Python objects: what the rest of this room's HTML reading walks.

lexbor parses; every node is touched once here, without recursion, so that nesting of any depth costs no stack.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping

from selectolax.lexbor import LexborHTMLParser, LexborNode

from understudy.ingest.base import SkipFile
from understudy.ingest.places import clean
from understudy.normal import folded

BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dialog", "dir", "div",
    "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header",
    "hgroup", "hr", "html", "legend", "li", "listing", "main", "menu", "nav", "ol", "p", "pre", "section", "summary",
    "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul", "xmp",
})  # fmt: skip
HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
CODE = frozenset({"pre", "xmp", "listing"})
_DROPPED = frozenset({
    "script", "style", "template", "noscript", "iframe", "object", "embed", "svg", "canvas", "select", "input",
    "textarea", "video", "audio", "map", "head", "datalist", "annotation", "annotation-xml", "wbr", "col", "colgroup",
    "frameset", "noframes",
})  # fmt: skip
_MAX_DEPTH = 512  # elements within each other, as in browsers; the time of much grows with the square of it
_DEEP = 64  # elements within each other beyond which
_MOST_DEEP = 100_000  # so many tags can stand: what is asked of each of the elements around them costs that again
_NESTS = re.compile(
    r"<(/?)(?:div|span|section|article|main|aside|header|footer|nav|ul|ol|menu|dl|table|blockquote|details|figure"
    r"|fieldset|center|font|em|strong|code|pre|sup|sub|h[1-6]|[a-z]+-[a-z-]+)(?=[\s>/])",
    re.IGNORECASE,
)
_CODE_BOXES = frozenset({"fragment", "code", "highlight", "source", "sourcecode", "codeblock", "listing"})
_SITE_NAME = 6  # words that a `<title>` holds besides the page's own
_WORD = re.compile(r"\w\S*")
_ICONS = re.compile("[\ue000-\uf8ff\U000f0000-\U0010ffff]")  # private use: the glyphs of icon fonts


class Node:
    """An element, or a run of text (tag "").

    block: a block by its tag. holds: is a block, or an inline element with one inside (a link around a heading).
    words: of all text inside; linked: of those, within links. emptied: something that stood inside was taken out.
    """

    __slots__ = ("attributes", "block", "emptied", "holds", "kids", "linked", "parent", "tag", "text", "words")

    def __init__(self, tag: str, attributes: Mapping[str, str | None], parent: Node | None, text: str = "") -> None:
        self.tag = tag
        self.attributes = attributes
        self.kids: list[Node] = []
        self.parent = parent
        self.text = text
        self.block = tag in BLOCKS
        self.holds = self.block
        self.words = 0
        self.linked = 0
        self.emptied = False

    def get(self, name: str) -> str:
        """The value of an attribute; empty where it is not set."""
        return self.attributes.get(name) or ""

    @property
    def marks(self) -> str:
        """Class and id in lower case, separated by blanks."""
        found = self.attributes
        return f"{found.get('class') or ''} {found.get('id') or ''}".lower() if found else ""

    def walk(self) -> Iterator[Node]:
        """The node and everything inside, in the order of the page."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield node
            if node.kids:
                stack.extend(node.kids[::-1])

    @property
    def anchor(self) -> str:
        """The id by which an address leads to what stands here; empty where nothing of it is left.

        A block without words is one only where it never held anything, and so is a link that leads elsewhere.
        """
        name = self.get("id") or (self.get("name") if self.tag == "a" else "")
        if not name or self.words:
            return name
        if self.holds:
            return "" if any(n.emptied for n in self.walk()) else name
        return name if self.get("href") in ("", f"#{name}") else ""

    def first(self, tags: frozenset[str] | set[str]) -> Node | None:
        """The first element inside with one of these tags."""
        stack = self.kids[::-1]
        while stack:
            node = stack.pop()
            if node.tag in tags:
                return node
            if node.kids:
                stack.extend(node.kids[::-1])
        return None

    def plain(self) -> str:
        """All text inside, blanks joined to one."""
        if len(self.kids) == 1 and not self.kids[0].tag:
            return folded(self.kids[0].text)
        return folded("".join([" " if n.block or n.tag == "br" else n.text for n in self.walk()]))

    def remove(self) -> None:
        """Take the node, and its words, out of everything above it."""
        remove([self])

    def forget(self) -> None:
        """Take the node's words out of everything above it; its parent still holds it."""
        above = self.parent
        if above is not None:
            above.emptied = True
        while above is not None:
            above.words -= self.words
            above.linked -= self.linked
            above = above.parent

    def put(self, place: int, kid: Node) -> None:
        """Put a node with its words among the children."""
        self.kids.insert(place, kid)
        kid.parent = above = self
        while above is not None:
            above.words += kid.words
            above.linked += kid.linked
            above = above.parent  # type: ignore[assignment]


def remove(nodes: Iterable[Node]) -> list[tuple[Node, int, Node]]:
    """Take nodes, and their words, out of everything above them, with one look at the children of each parent.

    Returns (parent, place, node), by which `put` in the opposite order brings all back.
    """
    gone = {id(node): node for node in nodes if node.parent is not None}
    parents = {id(node.parent): node.parent for node in gone.values()}
    taken: list[tuple[Node, int, Node]] = []
    for parent in parents.values():
        assert parent is not None
        kept: list[Node] = []
        for kid in parent.kids:
            if id(kid) in gone:
                kid.forget()
                taken.append((parent, len(kept), kid))
            else:
                kept.append(kid)
        parent.kids = kept
    return taken


_NO_ATTRIBUTES: Mapping[str, str | None] = {}


class Tree:
    """A parsed page: its body, its `<title>`, and whether its head sends the reader elsewhere.

    site: what its head says the site is called; empty where it does not.

    order: the body and everything inside in the order of the page, as it was parsed.
    """

    def __init__(self, text: str) -> None:
        """Raises SkipFile for nesting that no page of documentation has."""
        _check_depth(text)
        parser = LexborHTMLParser(text)
        title = parser.css_first("title")
        self.title = folded(title.text()) if title is not None else ""
        self.site = _site(parser)
        self.redirects = parser.css_first("meta[http-equiv=refresh i]") is not None
        order = _convert(parser.body) if parser.body is not None else [Node("body", _NO_ATTRIBUTES, None)]
        self.body = order[0]
        self.order = _with_code_of_lines(order)
        _count(self.order)
        _name_title(self.order, self.title)


def _site(parser: LexborHTMLParser) -> str:
    for mark in ("meta[property='og:site_name']", "meta[name='og:site_name']", "meta[name='application-name']"):
        node = parser.css_first(mark)
        if node is not None and (said := folded(node.attributes.get("content") or "")):
            return said
    return ""


def _with_code_of_lines(order: list[Node]) -> list[Node]:
    """Code written as a block a line, in a box that calls itself code, becomes a `<pre>` without its line numbers."""
    gone: set[int] = set()
    for node in order:
        if node.tag != "div" or not node.attributes or _CODE_BOXES.isdisjoint(node.get("class").split()):
            continue
        lines = [kid for kid in node.kids if kid.tag == "div" and "line" in kid.get("class").split()]
        rest = [kid for kid in node.kids if kid not in lines and (kid.tag or kid.text.strip())]
        if not lines or any(kid.tag != "div" or "ttc" not in kid.get("class").split() for kid in rest):
            continue  # besides lines only the texts that a browser shows on pointing
        node.tag = "pre"
        for kid in node.kids:
            if kid not in lines:
                gone.update(id(inner) for inner in kid.walk())
        node.kids = lines
        for line in lines:
            numbers = [n for n in line.walk() if n.tag and "lineno" in n.get("class").split()]
            for number in numbers:
                gone.update(id(inner) for inner in number.walk())
                if number.parent is not None:
                    number.parent.kids = [k for k in number.parent.kids if k is not number]
            after = next((n for n in line.walk() if not n.tag), None) if numbers else None
            if after is not None and after.text[:1] == "\xa0":
                after.text = after.text[1:]
    return [n for n in order if id(n) not in gone] if gone else order


def _name_title(order: list[Node], title: str) -> None:
    """What stands above every heading, calls itself the title and is the page's `<title>` is a heading of level one.

    The site's name may stand in the `<title>` beside it.
    """
    for place, node in enumerate(order):
        if node.tag in HEADINGS:
            return
        if node.tag not in ("div", "p") or not node.words or "title" not in node.get("class").split():
            continue
        own = list(itertools.takewhile(lambda kid: not kid.holds, node.kids))  # a subtitle may follow
        text = folded("".join(kid.plain() if kid.tag else kid.text for kid in own))
        before, found, after = title.rpartition(text)
        beside = len(_WORD.findall(before)) + len(_WORD.findall(after))
        if not text or not found or beside > _SITE_NAME:
            continue
        if len(own) == len(node.kids):
            node.tag = "h1"
            return
        heading = Node("h1", _NO_ATTRIBUTES, node)
        heading.kids = own
        for kid in own:
            kid.parent = heading
        heading.words, heading.linked = sum(k.words for k in own), sum(k.linked for k in own)
        node.kids = [heading, *node.kids[len(own) :]]
        order.insert(place + 1, heading)
        return


def _count(order: list[Node]) -> None:
    """Count the words below every node, and see where blocks are, from the leaves up."""
    for node in reversed(order):
        if not node.tag:
            node.words = len(_WORD.findall(node.text))
        elif node.tag == "a" and node.words and node.get("href"):
            node.linked = node.words
        parent = node.parent
        if parent is not None:
            if node.words:
                parent.words += node.words
                parent.linked += node.linked
            if node.holds and parent.tag != "code":
                parent.holds = True


def _convert(root: LexborNode) -> list[Node]:
    top = Node(root.tag or "body", root.attributes, None)
    order = [top]
    stack: list[tuple[LexborNode | None, Node]] = [(root.child, top)]
    while stack:
        source, parent = stack.pop()
        while source is not None:
            tag = source.tag or "-"
            if tag == "-text":
                text = source.text_content or ""
                if not text.isascii():
                    text = _ICONS.sub("", text)
                text = clean(text)
                if parent.kids and not parent.kids[-1].tag:
                    parent.kids[-1].text += text
                else:
                    node = Node("", _NO_ATTRIBUTES, parent, text)
                    parent.kids.append(node)
                    order.append(node)
            elif tag[0] not in "-!_" and tag not in _DROPPED:
                attributes = source.attributes
                if tag != "button" or attributes.get("role") == "tab":
                    node = Node(tag.rpartition(":")[2], attributes, parent)
                    parent.kids.append(node)
                    order.append(node)
                    child = source.child
                    if child is not None:
                        stack.append((source.next, parent))
                        source, parent = child, node
                        continue
                else:
                    parent.emptied = True
            elif tag in _DROPPED:
                parent.emptied = True
            source = source.next
    return order


def _check_depth(text: str) -> None:
    if text.count("<") <= _MAX_DEPTH:
        return
    depth = deep = last = 0
    for found in _NESTS.finditer(text):
        if depth > _DEEP:
            deep += text.count("<", last, found.start())
        last = found.start()
        if found[1]:
            depth -= depth > 0
        else:
            depth += 1
            if depth > _MAX_DEPTH:
                line = text.count("\n", 0, found.start()) + 1
                raise SkipFile("nested too deep", f"more than {_MAX_DEPTH} open elements at line {line}")
    if depth > _DEEP:
        deep += text.count("<", last)
    if deep > _MOST_DEEP:
        raise SkipFile("nested too deep", f"{deep} tags within more than {_DEEP} open elements")
