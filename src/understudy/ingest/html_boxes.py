"""Boxes of an HTML page: notes, tips and warnings as the tool chains of documentation write them."""

from __future__ import annotations

import functools
import re

from understudy.ingest import compose
from understudy.ingest.html_node import HEADINGS, Node

_KIND = r"note|tip|hint|important|warning|caution|danger|attention|seealso"
_EXACT = re.compile(rf"(?:^|\s)({_KIND})(?:icon|box|block)?(?=\s|$)", re.IGNORECASE)
_WORD = re.compile(
    rf"(?<![a-z])({_KIND}|info|error|success|todo|example|abstract|question|bug)(?![a-z])", re.IGNORECASE
)
_BOX = re.compile(
    r"(?:^|\s)(?:admonition|theme-admonition|admonition_\w+|admonitionblock|alert|alert--?(?:\w+)|callout|callout--?\w+"
    r"|custom-block|markdown-alert|notecard|starlight-aside|hint--?\w+|message-box|infobox|note-?box"
    r"|(?:confluence-)?information-macro)(?=\s|$)",
    re.IGNORECASE,
)
_PART = re.compile(r"(?:^|\s)\S*(?:title|heading|header|body|content|icon|link)(?=[\s_]|$)", re.IGNORECASE)
_TITLE = re.compile(
    r"(?:^|\s|_|-)(?:title|admonition-?heading\S*|heading|caption|icon|label)(?=[\s_-]|$)|admonitionHeading",
    re.IGNORECASE,
)
_BOXED = frozenset({"div", "section", "aside", "blockquote", "details", "table", "p", "dl"})
_WORDS_OF = {"see also": "seealso"}
_LONGEST = 800  # words beyond which a name such as `note` is that of a whole page


def kind_of(node: Node) -> str:
    """The kind of box that an element is (note, warning, …); empty where it is none."""
    if node.tag not in _BOXED or not 0 < node.words <= _LONGEST:
        return ""
    classes = node.get("class")
    kind, boxed = _said(classes)
    if not (kind or boxed or node.get("role") in ("note", "doc-tip", "doc-notice")):
        return ""
    if node.tag == "details" and not boxed and not kind:
        return ""
    if not boxed and any(n.tag in ("h1", "h2") for n in node.walk()):
        return ""
    if kind:
        return kind
    word = _WORD.search(classes) or _WORD.search(node.get("aria-label"))
    if word:
        return word[1].lower()
    title = next((n for n in node.walk() if n is not node and n.tag and n.words and _is_title(n)), None)
    said = _WORD.match(title.plain()) if title is not None and title.words <= 3 else None
    return said[1].lower() if said else "note"


@functools.lru_cache(maxsize=4096)
def _said(classes: str) -> tuple[str, bool]:
    """The kind of box that a class names, and whether it names a box."""
    found = _EXACT.search(classes)
    boxed = _BOX.search(classes) is not None and (found is not None or not _PART.search(classes))
    return found[1].lower() if found else "", boxed


def take_title(node: Node, kind: str) -> str:
    """The box's own title, taken out of it; empty where it only says the kind."""
    for _ in range(2):  # an icon with the kind's name, then a title
        first = _first_piece(node)
        if first is None:
            return ""
        text = first.plain()
        bare = compose.split_places(text)[1].strip(" :.!").lower()
        named = _WORDS_OF.get(bare, bare) == kind or (_WORD.fullmatch(bare) is not None and first.words == 1)
        named = named and (first.tag not in HEADINGS or _is_title(first))
        if (named and (first.holds or first.tag in ("b", "strong", "span", "em"))) or _is_heading_of(first):
            first.remove()
            if not named:
                return text
        else:
            return ""
    return ""


def _first_piece(node: Node) -> Node | None:
    """The first piece of text inside: an element that is a title or holds no further block."""
    while True:
        kid = next((k for k in node.kids if k.words), None)
        if kid is None or not kid.tag:
            return None
        if _is_title(kid) or kid.tag in HEADINGS or not kid.kids:
            return kid
        inside = [k for k in kid.kids if k.words]
        if not kid.holds or (not any(k.holds for k in inside) and not (inside and inside[0].tag in ("b", "strong"))):
            return kid
        node = kid


def _is_title(node: Node) -> bool:
    return _TITLE.search(node.get("class")) is not None or node.tag == "summary"


def _is_heading_of(node: Node) -> bool:
    return node.words <= 20 and _is_title(node)
