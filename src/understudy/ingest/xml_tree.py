"""XML as a small tree with lines, read without what makes XML dangerous: no DTD, no file of elsewhere, no growth.

Entities are put in place before the parser sees the text, within bounds (`xml_entities`); everything else of a DTD is
left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from understudy.ingest.base import SkipFile, Source
from understudy.ingest.xml_entities import Entities

_DEEPEST = 120  # elements within elements
_MOST = 2_000_000  # elements and texts
_DOCTYPE = re.compile(r"<!DOCTYPE\s+[^\[>]*(?:\[(?P<subset>(?:[^\]\"']|\"[^\"]*\"|'[^']*')*)\]\s*)?>")


@dataclass(slots=True)
class Node:
    """An element: its name without namespace, attributes, and the texts and elements inside, in order."""

    tag: str
    line: int
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Node | str] = field(default_factory=list)

    def elements(self, *tags: str) -> list[Node]:
        """The elements directly inside, of these names or all."""
        return [c for c in self.children if isinstance(c, Node) and (not tags or c.tag in tags)]

    def first(self, *tags: str) -> Node | None:
        return next(iter(self.elements(*tags)), None)

    def walk(self) -> Iterator[Node]:
        """This element and all within, in order."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield node
            stack += reversed(node.elements())

    def text(self) -> str:
        """All text inside, as it stands."""
        parts: list[str] = []
        stack: list[Node | str] = [self]
        while stack:
            node = stack.pop()
            if isinstance(node, str):
                parts.append(node)
            else:
                stack += reversed(node.children)
        return "".join(parts)


def parse(text: str) -> Node:
    """The root of an XML text. Raises SkipFile for what is no XML, too deep or too large."""
    return opened(text)[0]


def opened(text: str, source: Source | None = None) -> tuple[Node, Entities]:
    """The root of an XML text, and its entities. source: the file, whose folder may declare some of these."""
    text, entities = _split(text, source)
    try:
        return _parsed(entities.put(text)), entities
    except expat.ExpatError:
        entities.unknown.clear()  # they are counted again
    try:
        return _parsed(entities.put(text, plain=True)), entities
    except expat.ExpatError as error:
        raise SkipFile("cannot be parsed", f"not XML: {error}") from error


def _parsed(text: str) -> Node:
    builder = _Builder()
    builder.parser.Parse(text.encode("utf-8", "replace"), True)
    if builder.root is None:
        raise SkipFile("cannot be parsed", "not XML: no element")
    return builder.root


def root_name(text: str) -> str:
    """The name of the first element, without namespace; empty where there is none near the start."""
    found = re.search(r"<(?:[\w.-]+:)?([A-Za-z_][\w.-]*)[\s/>]", re.sub(r"<!--.*?-->|<[!?][^>]*>", "", text[:20_000]))
    return found[1].lower() if found else ""


def _split(text: str, source: Source | None) -> tuple[str, Entities]:
    """The text without declaration and DTD, and the entities; lines keep their numbers."""
    text = re.sub(r"\A\s*<\?xml[^>]*\?>", lambda f: "\n" * f[0].count("\n"), text)
    begins = text.find("<!DOCTYPE", 0, 100_000)
    doctype = _DOCTYPE.match(text, begins, begins + 200_000) if begins >= 0 else None
    if doctype is None:
        return text, Entities("", "", source)
    rest = text[: doctype.start()] + "\n" * doctype[0].count("\n") + text[doctype.end() :]
    return rest, Entities(doctype[0], doctype["subset"] or "", source)


class _Builder:
    def __init__(self) -> None:
        self.root: Node | None = None
        self.stack: list[Node] = []
        self.count = 0
        self.parser = expat.ParserCreate("utf-8")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.data
        self.parser.EntityDeclHandler = self.refuse  # no DTD is left, and none may come
        self.parser.StartDoctypeDeclHandler = self.refuse

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        node = Node(tag.rpartition(":")[2], self.parser.CurrentLineNumber, attributes)
        if self.stack:
            self.stack[-1].children.append(node)
        elif self.root is None:
            self.root = node
        self.stack.append(node)
        self.count += 1
        if len(self.stack) > _DEEPEST or self.count > _MOST:
            raise SkipFile("cannot be parsed", f"more than {_DEEPEST} elements deep, or {_MOST} in all")

    def end(self, tag: str) -> None:
        self.stack.pop()

    def data(self, text: str) -> None:
        if self.stack:
            self.stack[-1].children.append(text)

    def refuse(self, *_: object) -> None:
        raise SkipFile("cannot be parsed", "a document type that is declared inside of the text")
