"""A page's HTML becomes a light tree (`html_node`).

lexbor parses; every node is touched once here, without recursion, so that nesting of any depth costs no stack.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import itertools
import re
from collections.abc import Iterator, Mapping

from selectolax.lexbor import LexborHTMLParser, LexborNode

from understudy.ingest.html_depth import check_depth
from understudy.ingest.html_grids import with_tables_of_boxes
from understudy.ingest.html_manual import with_manual_pages
from understudy.ingest.html_node import BITS, BLOCKS, HAS_HEADING, HAS_TAB, HEADINGS, SHOWN_AS_CODE, WORD, Node
from understudy.ingest.places import STRAY
from understudy.normal import folded, lowered

_DROPPED = frozenset({
    "script", "style", "template", "noscript", "iframe", "object", "embed", "svg", "canvas", "select", "input",
    "textarea", "video", "audio", "map", "head", "datalist", "annotation", "annotation-xml", "wbr", "col", "colgroup",
    "frameset", "noframes",
})  # fmt: skip
# What a class that says more of a piece of code than its colour has in it.
_TELLING = re.compile(
    r"line|hid|only|tip|popover|titl|head|capt|icon|label|sig|name|member|def|button|btn|copy|edit|src|source|code"
    r"|anchor|link|top|arrow|view|body|content|note|warn|nav|menu|toc|search|foot|box",
    re.IGNORECASE,
)
_CODE_BOXES = frozenset({"fragment", "code", "highlight", "source", "sourcecode", "codeblock", "listing"})
_SITE_NAME = 6  # words that a `<title>` holds besides the page's own
_ICONS = "\ue000-\uf8ff\U000f0000-\U0010ffff"  # private use: the glyphs of icon fonts
_NO_TEXT = re.compile(f"[{_ICONS}{STRAY}]")
_NO_ATTRIBUTES: Mapping[str, str | None] = {}


class Tree:
    """A parsed page: its body, its `<title>`, and whether its head sends the reader elsewhere.

    site: what its head says the site is called; empty where it does not.

    order: the body and everything inside in the order of the page, as it was parsed.
    """

    def __init__(self, text: str) -> None:
        """Raises SkipFile for nesting that no page of documentation has."""
        small = lowered(text)
        check_depth(small)
        parser = LexborHTMLParser(text)
        head = parser.head
        title = (head.css_first("title") if head is not None else None) or parser.css_first("title")
        self.title = folded(title.text()) if title is not None else ""
        # What is not in the text need not be looked for, which takes longer.
        self.site = _site(parser) if "site_name" in small or "application-name" in small else ""
        self.redirects = "refresh" in small and parser.css_first("meta[http-equiv=refresh i]") is not None
        order = _convert(parser.body) if parser.body is not None else [Node("body", _NO_ATTRIBUTES, None)]
        self.body = order[0]
        self.order = with_manual_pages(with_tables_of_boxes(_with_code_of_lines(order)))
        _count(self.order)
        _name_title(self.order, self.title)

    def dissolve(self) -> None:
        """Part all nodes from what is above them: they go at once, and need not wait for the collector of cycles."""
        for node in self.order:
            node.parent = None


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """The collector of cycles waits: trees are many objects that point at each other, and go whole (`dissolve`)."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


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
        beside = len(WORD.findall(before)) + len(WORD.findall(after))
        if not text or not found or beside > _SITE_NAME:
            continue
        above: Node | None = node.parent
        while above is not None:
            above.inside |= HAS_HEADING
            above = above.parent
        if len(own) == len(node.kids):
            node.tag = "h1"
            return
        heading = Node("h1", _NO_ATTRIBUTES, node)
        heading.kids = own
        for kid in own:
            kid.parent = heading
        node.inside |= HAS_HEADING
        heading.inside = node.inside
        heading.words, heading.linked = sum(k.words for k in own), sum(k.linked for k in own)
        node.kids = [heading, *node.kids[len(own) :]]
        order.insert(place + 1, heading)
        return


def _count(order: list[Node]) -> None:
    """Count the words below every node, and see where blocks are and what stands inside, from the leaves up."""
    for node in reversed(order):
        parent = node.parent
        if parent is None:
            continue
        tag = node.tag
        words = node.words
        if tag:
            if tag == "a" and words and node.get("href"):
                node.linked = words
            bits = node.inside | BITS.get(tag, 0)
            if bits:
                parent.inside |= bits
            if node.holds and parent.tag != "code":
                parent.holds = True
        if words:
            parent.words += words
            if node.linked:
                parent.linked += node.linked


def _convert(root: LexborNode) -> list[Node]:
    """The nodes of a page in order, the words of each text counted.

    Left aside is white space between blocks, and what only colours a piece of code.
    """
    top = Node(root.tag or "body", root.attributes, None)
    order = [top]
    stack: list[tuple[LexborNode | None, Node, bool]] = []
    source, parent, in_code = root.child, top, False
    pieces: list[str] = []  # of the last text, where it came in several; each has words of its own
    parted = False  # whether a coloured piece of code began or ended since the last text
    while source is not None or stack:
        if source is None:
            source, parent, in_code = stack.pop()
            parted = True
            continue
        kids = parent.kids
        if source.is_text_node:
            text = source.text_content or ""
            source = source.next
            if not text.isascii() or "\x10" in text or "\x11" in text:
                text = _NO_TEXT.sub("", text)
            if kids and not kids[-1].tag:
                pieces = pieces or [kids[-1].text]
                pieces[-1:] = [pieces[-1], text] if parted else [pieces[-1] + text]
            elif not text.isspace() or in_code or not _is_between_blocks(parent, source):
                if pieces:
                    pieces = _joined(order[-1], pieces)
                node = Node("", _NO_ATTRIBUTES, parent, text)
                node.words = len(WORD.findall(text))
                kids.append(node)
                order.append(node)
            parted = False
            continue
        tag = source.tag or "-"
        if tag[0] in "-!_" or tag in _DROPPED:
            if tag in _DROPPED:
                parent.emptied = True
            source = source.next
            continue
        attributes = source.attributes
        if tag == "button" and attributes.get("role") != "tab":
            parent.emptied = True
            source = source.next
            continue
        child = source.child
        if in_code and tag == "span" and (not attributes or _only_colours(attributes)):
            parted = True
            if child is not None:
                stack.append((source.next, parent, in_code))
                source = child
            else:
                source = source.next
            continue
        if pieces:
            pieces = _joined(order[-1], pieces)
        node = Node(tag.rpartition(":")[2] or tag if ":" in tag else tag, attributes, parent)
        if "role" in attributes and node.get("role").startswith("tab"):
            node.inside = HAS_TAB
        kids.append(node)
        order.append(node)
        if child is not None:
            stack.append((source.next, parent, in_code))
            source, parent, in_code = child, node, in_code or tag in SHOWN_AS_CODE
        else:
            source = source.next
    if pieces:
        _joined(order[-1], pieces)
    return order


def _joined(node: Node, pieces: list[str]) -> list[str]:
    """Give a text its pieces, whose words are counted apart; none are left."""
    node.text = "".join(pieces)
    node.words = len(WORD.findall(" ".join(pieces)))
    return []


def _is_between_blocks(parent: Node, after: LexborNode | None) -> bool:
    """Whether a block begins here behind another, or as the first of what a block holds."""
    before = parent.kids[-1] if parent.kids else parent
    return before.block and parent.block and after is not None and after.tag in BLOCKS


def _only_colours(attributes: Mapping[str, str | None]) -> bool:
    return len(attributes) == 1 and "class" in attributes and _is_colour(attributes["class"] or "")


@functools.lru_cache(maxsize=4096)
def _is_colour(names: str) -> bool:
    return _TELLING.search(names) is None
