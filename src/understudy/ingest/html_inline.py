"""Inline HTML becomes inline Markdown: text, code, emphasis, links; nothing is joined that the page keeps apart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from understudy.ingest import compose
from understudy.ingest.html_tree import Node
from understudy.normal import folded

_CODE = frozenset({"code", "kbd", "samp", "tt", "var"})
_MARKS = {"strong": "**", "b": "**", "em": "*", "i": "*", "cite": "*", "dfn": "*"}
_UP = str.maketrans("0123456789+-−=()ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿⁱ")
_DOWN = str.maketrans("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎")
_RAISED = re.compile(r"[0-9+\-−=()ni]{1,12}")
_LOWERED = re.compile(r"[0-9+\-−=()]{1,12}")
_DECORATION = re.compile(r"(?:[\w.+-]+ ){0,3}logo", re.IGNORECASE)  # what an image shows that is no content
_SPACE = re.compile(r"\s+")
_MAX_DEPTH = 60


@dataclass(slots=True)
class _Part:
    kind: Literal["text", "code", "emphasis", "raw"]
    text: str
    mark: str = ""


def inline(nodes: Iterable[Node]) -> str:
    """Inline Markdown on as many lines as there are `<br>`; each line without blanks at its ends."""
    return tidy(_join(_parts(nodes, 0)))


def tidy(text: str) -> str:
    """Blanks of each line joined; empty lines dropped, which would end a paragraph."""
    lines = (folded(line) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def code_text(node: Node) -> str:
    """The text of inline code; a `<br>` is a blank."""
    return "".join(" " if n.tag == "br" or n.block else n.text for n in node.walk())


def _parts(nodes: Iterable[Node], depth: int) -> list[_Part]:
    parts: list[_Part] = []
    for node in nodes:
        if depth > _MAX_DEPTH:
            parts.append(_Part("text", node.plain() or node.text))
        else:
            parts.extend(_part(node, depth))
    return parts


def _part(node: Node, depth: int) -> list[_Part]:
    tag = node.tag
    if not tag:
        return [_Part("text", _SPACE.sub(" ", node.text))]
    if tag == "br":
        return [_Part("raw", "\n")]
    if tag == "img":
        said = _SPACE.sub(" ", node.get("alt"))
        return [] if _DECORATION.fullmatch(said.strip()) else [_Part("text", said)]
    if tag == "math" and node.get("alttext"):
        return [_Part("code", node.get("alttext"))]
    if tag in _CODE:
        return _code(code_text(node))
    if tag in ("sup", "sub"):
        return _shifted(node, tag, depth)
    inner = _parts(node.kids, depth + 1)
    if tag in _MARKS:
        return _emphasis(inner, _MARKS[tag])
    if tag == "q":
        return [_Part("text", "“"), *inner, _Part("text", "”")]
    if tag == "a":
        return _link(node, inner)
    return [_Part("text", " "), *inner, _Part("text", " ")] if node.block else inner


def _code(text: str) -> list[_Part]:
    """Code, with the blanks at its ends outside."""
    body = text.strip()
    if not body:
        return [_Part("text", " ")] if text else []
    before = " " if text[0].isspace() else ""
    after = " " if text[-1].isspace() else ""
    found, rest = compose.split_places(body)
    return [_Part("text", before + found), _Part("code", rest), _Part("text", after)]


def _shifted(node: Node, tag: str, depth: int) -> list[_Part]:
    """`x<sup>2</sup>` is x², not x2; the mark of a footnote stands in brackets."""
    text = node.plain()
    fits, table = (_RAISED, _UP) if tag == "sup" else (_LOWERED, _DOWN)
    link = next((n for n in node.walk() if n.tag == "a" and n.get("href").startswith("#")), None)
    if tag == "sup" and link is not None and text.strip("[]").isdigit():
        return [_Part("text", f"[{text.strip('[]')}]")]
    if fits.fullmatch(text):
        return [_Part("text", text.translate(table))]
    return _parts(node.kids, depth + 1)


def _emphasis(inner: list[_Part], mark: str) -> list[_Part]:
    text = _join(inner)
    words = text.strip()
    if not words or "*" in words or "\n" in words:
        return inner
    start = len(text) - len(text.lstrip())
    end = len(text.rstrip())
    return [_Part("text", text[:start]), _Part("emphasis", words, mark), _Part("text", text[end:])]


def _link(node: Node, inner: list[_Part]) -> list[_Part]:
    target = node.get("href")
    if not target.startswith(("http://", "https://")):
        return inner
    text = _join(inner)
    words = text.strip()
    if not words or any(c in words for c in "[]\n"):
        return inner
    place, shown = compose.split_places(words)
    if " " not in target and compose.unescape(shown) == target:
        return [_Part("text", text[: len(text) - len(text.lstrip())]), _Part("raw", f"{place}<{target}>")]
    safe = target.strip().replace(" ", "%20").replace("(", "%28").replace(")", "%29").replace("\n", "")
    before, after = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    return [_Part("text", before), _Part("raw", f"[{words}]({safe})"), _Part("text", after)]


def _join(parts: Sequence[_Part]) -> str:
    merged: list[_Part] = []
    for part in parts:
        if not part.text:
            continue
        last = merged[-1] if merged else None
        if last is not None and last.kind == part.kind != "raw" and last.mark == part.mark:
            merged[-1] = _Part(part.kind, last.text + part.text, part.mark)
        else:
            merged.append(part)
    out: list[str] = []
    for i, part in enumerate(merged):
        if part.kind == "text":
            out.append(compose.escape(part.text))
        elif part.kind == "code":
            out.append(compose.code_span(part.text))
        elif part.kind == "emphasis":
            before = out[-1][-1] if out and out[-1] else " "
            after = merged[i + 1].text[0] if i + 1 < len(merged) else " "
            after = "`" if i + 1 < len(merged) and merged[i + 1].kind == "code" else after
            shown = f"{part.mark}{part.text}{part.mark}" if _flanks(before, part.text, after) else part.text
            out.append(shown)
        else:
            out.append(part.text)
    return "".join(out)


def _flanks(before: str, text: str, after: str) -> bool:
    """Whether marks around the text would be read as emphasis (CommonMark's flanking rule)."""
    text = compose.split_places(text)[1] or "*"
    opens = not _is_mark(text[0]) or before.isspace() or _is_mark(before)
    closes = not _is_mark(text[-1]) or after.isspace() or _is_mark(after)
    return opens and closes and before != "*" and after != "*"


def _is_mark(char: str) -> bool:
    return not char.isalnum() and not char.isspace()
