"""Inline HTML becomes inline Markdown: text, code, emphasis, links; nothing is joined that the page keeps apart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal

from understudy.ingest import compose
from understudy.ingest.html_node import Node
from understudy.normal import folded

_CODE = frozenset({"code", "kbd", "samp", "tt", "var"})
_MARKS = {"strong": "**", "b": "**", "em": "*", "i": "*", "cite": "*", "dfn": "*"}
_DECORATION = re.compile(r"(?:[\w.+-]+ ){0,3}logo", re.IGNORECASE)  # what an image shows that is no content
_SPACE = re.compile(r"\s+")
_MAX_DEPTH = 60


_Part = tuple[Literal["text", "code", "emphasis", "raw"], str, str]
"""Its kind, its text, and the mark of an emphasis."""


def inline(nodes: Iterable[Node]) -> str:
    """Inline Markdown on as many lines as there are `<br>`; each line without blanks at its ends."""
    return tidy(_joined(_parts(nodes, 0)))


def tidy(text: str) -> str:
    """Blanks of each line joined; empty lines dropped, which would end a paragraph."""
    if "\n" not in text:
        return folded(text)
    lines = (folded(line) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def code_text(node: Node) -> str:
    """The text of inline code; a `<br>` is a blank."""
    kids = node.kids
    if len(kids) == 1 and not kids[0].tag and not node.block:
        return kids[0].text
    return "".join(" " if n.tag == "br" or n.block else n.text for n in node.walk())


def _parts(nodes: Iterable[Node], depth: int) -> list[_Part]:
    parts: list[_Part] = []
    _add(nodes, depth, parts)
    return parts


def _add(nodes: Iterable[Node], depth: int, parts: list[_Part]) -> None:
    """Add the parts of sibling nodes to those before."""
    for node in nodes:
        tag = node.tag
        if depth > _MAX_DEPTH:
            parts.append(("text", node.plain() or node.text, ""))
        elif not tag:
            parts.append(("text", _SPACE.sub(" ", node.text), ""))
        elif tag in _CODE:
            _add_code(code_text(node), parts)
        elif tag == "a":
            _add_link(node, depth, parts)
        elif tag in _MARKS:
            _add_emphasis(_parts(node.kids, depth + 1), _MARKS[tag], parts)
        elif tag == "br":
            parts.append(("raw", "\n", ""))
        elif tag == "img":
            said = _SPACE.sub(" ", node.get("alt"))
            if not _DECORATION.fullmatch(said.strip()):
                parts.append(("text", said, ""))
        elif tag == "math" and node.get("alttext"):
            parts.append(("code", node.get("alttext"), ""))
        elif tag in ("sup", "sub"):
            _add_shifted(node, tag, depth, parts)
        else:
            before, after = ("“", "”") if tag == "q" else (" ", " ") if node.block else ("", "")
            parts.append(("text", before, ""))
            _add(node.kids, depth + 1, parts)
            parts.append(("text", after, ""))


def _add_code(text: str, parts: list[_Part]) -> None:
    """Code, with the blanks at its ends outside."""
    body = text.strip()
    if not body:
        parts.append(("text", " " if text else "", ""))
        return
    before = " " if text[0].isspace() else ""
    after = " " if text[-1].isspace() else ""
    found, rest = compose.split_places(body)
    parts += (("text", before + found, ""), ("code", rest, ""), ("text", after, ""))


def _add_shifted(node: Node, tag: str, depth: int, parts: list[_Part]) -> None:
    """`x<sup>2</sup>` is x², not x2; the mark of a footnote stands in brackets."""
    text = node.plain()
    link = next((n for n in node.walk() if n.tag == "a" and n.get("href").startswith("#")), None)
    if tag == "sup" and link is not None and text.strip("[]").isdigit():
        parts.append(("text", f"[{text.strip('[]')}]", ""))
    elif shown := compose.shifted(text, tag == "sup"):
        parts.append(("text", shown, ""))
    else:
        _add(node.kids, depth + 1, parts)


def _add_emphasis(inner: list[_Part], mark: str, parts: list[_Part]) -> None:
    text = _joined(inner)
    words = text.strip()
    if not words or "*" in words or "\n" in words:
        parts += inner
        return
    start = len(text) - len(text.lstrip())
    end = len(text.rstrip())
    parts += (("text", text[:start], ""), ("emphasis", words, mark), ("text", text[end:], ""))


def _add_link(node: Node, depth: int, parts: list[_Part]) -> None:
    target = node.get("href")
    if not target.startswith(("http://", "https://")):
        _add(node.kids, depth + 1, parts)
        return
    inner = _parts(node.kids, depth + 1)
    text = _joined(inner)
    words = text.strip()
    if not words or any(c in words for c in "[]\n"):
        parts += inner
        return
    place, shown = compose.split_places(words)
    before, after = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    if " " not in target and compose.unescape(shown) == target:
        parts += (("text", before, ""), ("raw", f"{place}<{target}>", ""))
        return
    safe = target.strip().replace(" ", "%20").replace("(", "%28").replace(")", "%29").replace("\n", "")
    parts += (("text", before, ""), ("raw", f"[{words}]({safe})", ""), ("text", after, ""))


def _joined(parts: Sequence[_Part]) -> str:
    merged: list[_Part] = []
    last_kind, last_mark = "", ""
    for part in parts:
        kind, text, mark = part
        if not text:
            continue
        if kind == last_kind and mark == last_mark and kind != "raw":
            merged[-1] = (kind, merged[-1][1] + text, mark)
        else:
            merged.append(part)
            last_kind, last_mark = kind, mark
    out: list[str] = []
    for i, (kind, text, mark) in enumerate(merged):
        if kind == "text":
            out.append(compose.escape(text))
        elif kind == "code":
            out.append(compose.code_span(text))
        elif kind == "emphasis":
            before = out[-1][-1] if out and out[-1] else " "
            after = merged[i + 1][1][0] if i + 1 < len(merged) else " "
            after = "`" if i + 1 < len(merged) and merged[i + 1][0] == "code" else after
            out.append(f"{mark}{text}{mark}" if _flanks(before, text, after) else text)
        else:
            out.append(text)
    return "".join(out)


def _flanks(before: str, text: str, after: str) -> bool:
    """Whether marks around the text would be read as emphasis (CommonMark's flanking rule)."""
    text = compose.split_places(text)[1] or "*"
    opens = not _is_mark(text[0]) or before.isspace() or _is_mark(before)
    closes = not _is_mark(text[-1]) or after.isspace() or _is_mark(after)
    return opens and closes and before != "*" and after != "*"


def _is_mark(char: str) -> bool:
    return not char.isalnum() and not char.isspace()
