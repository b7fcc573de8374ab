"""Code blocks of an HTML page: their text as the page shows it, their language, their title."""

from __future__ import annotations

import re

from understudy.ingest import compose
from understudy.ingest.html_node import HAS_CODE, Node

_LANGUAGE = re.compile(r"(?:^|\s)(?:language|lang|highlight-source|highlight|brush:?|sourceCode)[-_: ]\s*([\w+#.-]+)")
_NO_LANGUAGE = frozenset(
    {"default", "none", "notranslate", "text", "plaintext", "plain", "ignore", "screen", "sourcecode"}
)
_TITLE = re.compile(r"(?:^|\s)(?:code-block-caption|\S*codeBlockTitle\S*|filename|code-title|code-block-title)(?=\s|$)")
_FRAMES = frozenset({"frame", "listingblock", "expressive-code"})


def code(node: Node) -> str:
    """The text of a `<pre>`: `<br>` is a line break, a block of its own is a line, a no-break blank is a blank."""
    out: list[str] = []
    stack: list[Node | str] = [*reversed(node.kids)]
    broke = False  # a <br> was the last thing written
    while stack:
        part = stack.pop()
        if isinstance(part, str):
            if out and not out[-1].endswith("\n"):
                out.append("\n")
        elif not part.tag:
            if part.text:
                out.append(part.text[1:] if broke and part.text[0] == "\n" else part.text)
                broke = False
        elif part.tag == "br":
            out.append("\n")
            broke = True
        elif part.tag == "img":
            out.append(part.get("alt"))
        else:
            if part.block:
                if out and not out[-1].endswith("\n"):
                    out.append("\n")
                stack.append("\n")
            stack.extend(reversed(part.kids))
    return "".join(out).replace("\xa0", " ")


def prototype(node: Node) -> str:
    """The signature that Doxygen lays out in tables, as code: its templates, itself on one line, what it is besides."""
    lines: list[str] = []
    labels: list[str] = []
    for part in node.walk():
        marks = part.get("class").split() if part.attributes else []
        if "memtemplate" in marks or (part.tag == "table" and "memname" in marks):
            lines.append(re.sub(r"(?<=\() | (?=[(),;])", "", part.plain()))
        elif "mlabel" in marks:
            labels.append(part.plain())
    if not lines:
        return node.plain()
    return "\n".join(lines) + (f"  // {', '.join(labels)}" if labels else "")


def code_lines(node: Node, between: str = "\\\n") -> str:
    """Code of several lines where no block can stand: a code span a line, indentation kept, a break between them."""
    lines = [line.rstrip() for line in code(node).strip("\n").split("\n")]
    return between.join(compose.code_line(line) for line in lines if line.strip())


def language(node: Node) -> str:
    """What the code block, its inner code or the boxes around it say of its language."""
    inner = node.first({"code"})
    above = node.parent
    for candidate in (inner, node, above, above.parent if above else None):
        if candidate is None:
            continue
        said = (
            candidate.get("data-lang")
            or candidate.get("data-language")
            or (candidate.get("lang") if candidate is node else "")
        )
        found = _LANGUAGE.search(candidate.get("class"))
        name = (said or (found[1] if found else "")).lower()
        if not name and "sourceCode" in candidate.get("class").split():
            name = next((c for c in candidate.get("class").split() if c != "sourceCode"), "").lower()
        if name and name not in _NO_LANGUAGE:
            return name
    return ""


def take_titles(root: Node) -> dict[int, str]:
    """The titles of code blocks by `id(node)`; they are taken out of the tree, since the fence will say them."""
    titles: dict[int, str] = {}
    for node in list(root.all(HAS_CODE)):
        box = node.parent
        for _ in range(4):
            if box is None or box.words > node.words + 40 or sum(1 for _ in box.all(HAS_CODE)) != 1:
                break
            title = next((n for n in box.walk() if n.tag and 0 < n.words <= 20 and _is_title(n, box)), None)
            if title is not None:
                titles[id(node)] = title.plain().replace('"', "'")
                title.remove()
                break
            box = box.parent
    return titles


def _is_title(node: Node, box: Node) -> bool:
    if _TITLE.search(node.get("class")):
        return True
    framed = not _FRAMES.isdisjoint(box.get("class").split())
    return framed and "title" in node.get("class").split()
