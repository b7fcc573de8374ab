"""The synopses of DocBook as the lines of code that they stand for."""

from __future__ import annotations

import re

from understudy.ingest.xml_tree import Node
from understudy.normal import folded

_METHODS = frozenset({"methodsynopsis", "constructorsynopsis", "destructorsynopsis"})
TAGS = _METHODS | {"fieldsynopsis", "funcsynopsis", "funcprototype", "classsynopsis", "cmdsynopsis"}
_DEEPEST = 20  # arguments within arguments
_CHOICES = {"opt": ("[", "]"), "req": ("{", "}")}


def written(node: Node) -> str:
    """A synopsis as it would be typed."""
    if node.tag == "cmdsynopsis":
        return "\n".join(folded(line) for line in "".join(_argument(c, 0) for c in node.children).split("\n"))
    if node.tag == "classsynopsis":
        return _class(node)
    if node.tag == "funcsynopsis":
        return "\n".join(_prototype(c) if c.tag == "funcprototype" else c.text().strip("\n") for c in node.elements())
    if node.tag == "funcprototype":
        return _prototype(node)
    return _member(node)


def _member(node: Node) -> str:
    """`public array map(callable|null callback, int limit = 5)`, and a field without brackets."""
    ahead: list[str] = []
    given: list[str] = []
    thrown: list[str] = []
    for child in node.elements():
        if child.tag == "methodparam":
            given.append(_parameter(child))
        elif child.tag == "exceptionname":
            thrown.append(folded(child.text()))
        elif child.tag == "initializer":
            ahead.append(f"= {folded(child.text())}")
        elif child.tag != "void":
            ahead.append(_type(child))
    if node.tag not in _METHODS:
        return " ".join(filter(None, ahead))
    return f"{' '.join(filter(None, ahead))}({', '.join(given)}){' throws ' + ', '.join(thrown) if thrown else ''}"


def _parameter(node: Node) -> str:
    parts = [f"= {folded(c.text())}" if c.tag == "initializer" else _type(c) for c in node.elements()]
    if node.attributes.get("rep") == "repeat" and parts:
        parts[-1] = f"...{parts[-1]}"
    shown = " ".join(filter(None, parts))
    optional = node.attributes.get("choice") == "opt" and not node.first("initializer")
    return f"[{shown}]" if optional else shown


def _type(node: Node) -> str:
    """A type, with bars between those of a union."""
    inner = node.elements("type")
    mark = "&" if node.attributes.get("class") == "intersection" else "|"
    return mark.join(_type(c) for c in inner) if node.tag == "type" and inner else folded(node.text())


def _prototype(node: Node) -> str:
    """`int demo_open(const char *path, int flags);`"""
    name = node.first("funcdef")
    given = {"void": "void", "varargs": "..."}
    rest = [c for c in node.elements() if c.tag in ("paramdef", "void", "varargs")]
    shown = ", ".join(given.get(c.tag, "") or _defined(c) for c in rest)
    return f"{folded(name.text()) if name else ''}({shown});"


def _defined(node: Node) -> str:
    parts = (f"({c.text()})" if isinstance(c, Node) and c.tag == "funcparams" else _text(c) for c in node.children)
    return folded("".join(parts))


def _class(node: Node) -> str:
    """`class Name extends Other {`, its members a line each, `}`."""
    heads: list[str] = []
    lines: list[str] = []
    for child in node.elements():
        if child.tag in ("ooclass", "oointerface", "ooexception"):
            heads.append(folded(" ".join(c.text() for c in child.elements())))
        elif child.tag in TAGS:
            lines.append(f"    {_member(child)};")
        elif text := folded(child.text()):
            lines.append(f"    // {text}")
    kind = node.attributes.get("class", "class")
    head = " ".join(heads)
    return "\n".join([f"{head if kind in head.split() else f'{kind} {head}'} {{", *lines, "}"])


def _argument(node: Node | str, depth: int) -> str:
    """Part of a command: what may be left out in brackets, of what one is chosen between bars."""
    if isinstance(node, str) or depth > _DEEPEST:
        return re.sub(r"\s+", " ", _text(node))
    if node.tag == "sbr":
        return "\n"
    if node.tag not in ("arg", "group"):
        return f" {folded(node.text())} " if depth == 0 else folded(node.text())
    inside = [_argument(c, depth + 1) for c in node.children]
    if node.tag == "group":
        shown = " | ".join(folded(part) for part in inside if part.strip())
    else:
        shown = folded("".join(inside))
    begin, end = _CHOICES.get(node.attributes.get("choice", "opt"), ("", ""))
    more = "..." if node.attributes.get("rep") == "repeat" else ""
    return f" {begin}{shown}{more}{end} "


def _text(node: Node | str) -> str:
    return node if isinstance(node, str) else node.text()
