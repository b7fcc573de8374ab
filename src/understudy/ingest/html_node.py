"""A page's HTML as light Python objects: what the rest of this room's HTML reading walks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dialog", "dir", "div",
    "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header",
    "hgroup", "hr", "html", "legend", "li", "listing", "main", "menu", "nav", "ol", "p", "pre", "section", "summary",
    "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul", "xmp",
})  # fmt: skip
HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
CODE = frozenset({"pre", "xmp", "listing"})
TABLE_PARTS = frozenset({"thead", "tbody", "tfoot", "tr", "td", "th", "caption"})
SHOWN_AS_CODE = CODE | {"code", "tt", "samp", "kbd"}
WORD = re.compile(r"\w\S*")  # of text, by which it is counted
HAS_HEADING, HAS_CODE, HAS_LINK, HAS_TAB = 1, 2, 4, 8
BITS = {
    **dict.fromkeys(HEADINGS, HAS_HEADING), **dict.fromkeys(CODE, HAS_CODE), "a": HAS_LINK, "label": HAS_TAB
}  # fmt: skip


_NO_KIDS: Any = ()  # of every text; one for all, so that nothing can be put into it


class Node:
    """An element, or a run of text (tag "").

    block: a block by its tag. holds: is a block, or an inline element with one inside (a link around a heading).
    words: of all text inside; linked: of those, within links. emptied: something that stood inside was taken out.
    inside: bits of what stands inside (`HAS_HEADING` and so on), or once did.
    """

    __slots__ = (
        "attributes", "block", "emptied", "holds", "inside", "kids", "linked", "parent", "tag", "text", "words",
    )  # fmt: skip

    def __init__(self, tag: str, attributes: Mapping[str, str | None], parent: Node | None, text: str = "") -> None:
        self.tag = tag
        self.attributes = attributes
        self.kids: list[Node] = [] if tag else _NO_KIDS
        self.parent = parent
        self.text = text
        self.block = self.holds = tag in BLOCKS
        self.words = self.linked = self.inside = 0
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

    def has(self, bits: int) -> bool:
        """Whether an element that one of the bits stands for is inside."""
        if not self.inside & bits:
            return False
        stack = list(self.kids)
        while stack:
            node = stack.pop()
            if bits & BITS.get(node.tag, 0):
                return True
            if node.inside & bits:
                stack += node.kids
        return False

    def all(self, bit: int) -> Iterator[Node]:
        """The node and those inside that a bit stands for, in the order of the page."""
        stack = [self]
        while stack:
            node = stack.pop()
            if bit & BITS.get(node.tag, 0):
                yield node
            if node.inside & bit:
                stack.extend(node.kids[::-1])

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
        kids = self.kids
        if len(kids) == 1 and not kids[0].tag:
            return " ".join(kids[0].text.split())
        parts: list[str] = []
        stack = [self]
        while stack:
            node = stack.pop()
            if node.block or node.tag == "br":
                parts.append(" ")
            elif node.text:
                parts.append(node.text)
            if node.kids:
                stack += node.kids[::-1]
        return " ".join("".join(parts).split())

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
            above.inside |= kid.inside | BITS.get(kid.tag, 0)
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
