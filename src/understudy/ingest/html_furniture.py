"""Tells a page's furniture from its content, one element at a time: landmarks, names borne out by the text, rows of
links to the pages around, and lists that repeat the page's own headings.
"""

from __future__ import annotations

import functools
import re

from understudy.ingest.html_node import CODE, HAS_CODE, HAS_HEADING, HAS_LINK, HEADINGS, Node

NAVIGATION = "navigation"
FURNITURE = "page furniture"
CONTENTS = "contents of the page itself"

# Names that mean one thing only, and names that are a hint.
_PLAIN_NAMES = re.compile(
    r"(?:^|\s)(?:skip-?(?:link|to|nav)\S*|bread-?crumbs?\S*|nav-?(?:bar|header|footer|panel)|\S+-breadcrumbs?"
    r"|pagination\S*|prev-?next\S*|edit-?(?:this-?)?page|edit-on-\S+|theme-edit-this-page|cookie\S*"
    r"|sphinxsidebar\S*|ttc|back-?to-?top|comments?[-_]section|disqus\S*|search-?(?:box|form|bar|results|menu|field)"
    r"|page-?toc|sr-only|visually-hidden|screen-reader-text|mw-editsection|mw-jump-link|printfooter)(?=\s|$)"
)
_NAMES = re.compile(
    r"(?:^|\s)(?:nav|navigation|nav-?menu|nav-?links?|\S+-(?:nav|navbar|navigation|menu)|nav-\S+|menu|menubar"
    r"|(?:main|sub|top|side)-?menu|(?:site|page|global|top)-?(?:header|footer|nav|bar)|footer|footer-text|pager"
    r"|share|sharing|social\S*|banner|toolbar|lang(?:uage)?-?(?:switch\S*|toggle|links?|bar|list|select\S*)"
    r"|version-?(?:switch\S*|select\S*)|to-?top|top-?link|feedback|comments?|sidebar\S*|side-?bar\S*|search"
    r"|rightside|leftside|legal|copyright)(?=\s|$)"
)
_TOC = re.compile(r"(?:^|\s)\S*(?:toc|contents|on-this-page|quickview|outline)\S*(?=\s|$)")
_IS_PLAIN, _IS_HINT, _IS_CONTENTS = 1, 2, 4
_LABELS = 7  # words besides links in a row that names the pages around: next, previous, up and four more
_ROWS = frozenset({"div", "p", "table", "ul", "center", "tr", "td", "dl", "header"})
_ROLES = frozenset({"navigation", "search", "toolbar", "menubar", "menu", "doc-toc", "doc-pagebreak"})
_AROUND = re.compile(
    r"^\W*(?:(?:prev(?:ious)?|next)(?: (?:page|topic|chapter|section))?|up(?: one level)?|home|(?:table of )?contents"
    r"|index|top|back|forward|modules|start|toc|[«»←→<>]{1,2})\W*$",
    re.IGNORECASE,
)
_NODES_AROUND = re.compile(r"\b(next|prev(?:ious)?|up)\s*:", re.IGNORECASE)
_RELATIONS = frozenset({"prev", "previous", "next", "up", "home", "contents", "index", "start"})
_NUMBER = re.compile(r"^(?:chapter|part|appendix|section)?\s*[\dA-Z]*(?:\.\d+)*\.?\s+", re.IGNORECASE)
_END = re.compile(
    r"©|\bcopyright\b|last (?:updated|modified)|generated (?:by|on|from)|all rights reserved", re.IGNORECASE
)
_LANGUAGE = re.compile(r"[a-z]{2}(?:[-_][A-Za-z]{2,4})?$")
_SENTENCE = re.compile(r"(?:\w+,? ){7}\w+[.!?](?:\s|$)|^(?:\w+,? ){2,}\w+[.!?]$")
_NOTES = re.compile(r"foot-?notes?|endnotes?|references|bibliography", re.IGNORECASE)


def why_left_out(node: Node, headings: frozenset[str], named: bool = True) -> str:
    """Why a block is no content; empty where it is. headings: those of the page, normalized by `title_key`.

    named: whether its class and id count.
    """
    words, share = node.words, node.linked / node.words if node.words else 0.0
    role, tag = node.attributes.get("role") or "", node.tag
    if tag == "nav" or role in _ROLES:
        return NAVIGATION
    if not words or tag in HEADINGS:
        return ""
    said = _said(node) if named else 0
    if (said & _IS_PLAIN and words <= 80 and not node.has(HAS_CODE)) or (
        words <= 60 and node.inside & HAS_LINK and tag in _ROWS and _is_around(node)
    ):
        return NAVIGATION
    if role in ("banner", "contentinfo") or tag in ("header", "footer"):
        return FURNITURE if _is_edge(node, share) else ""
    if (tag == "aside" or role == "complementary") and share >= 0.5 and not _NOTES.search(f"{node.marks} {role}"):
        return NAVIGATION
    if tag == "form" and words <= 40 and not node.has(HAS_HEADING | HAS_CODE):
        return FURNITURE
    if said & _IS_HINT and _bears_out(node) and not node.has(HAS_CODE):
        return NAVIGATION if share >= 0.4 else FURNITURE
    if words <= 30 and _is_languages(node):
        return NAVIGATION
    return CONTENTS if said & _IS_CONTENTS and _is_contents(node, headings) else ""


def is_end_note(text: str) -> bool:
    """Whether a short text at a page's end only says who made it and when."""
    return bool(_END.search(text))


def title_key(text: str) -> str:
    """A heading for comparing: lower case, without its number and marks."""
    return " ".join(re.findall(r"[^\W_]+", _NUMBER.sub("", text.lower() + " ", count=1))) or text.strip().lower()


def _said(node: Node) -> int:
    """What the class and the id say of an element, as bits."""
    found = node.attributes
    if not found:
        return 0
    name, own = found.get("class"), found.get("id")
    return (_meaning(name) if name else 0) | (_meaning(own) if own else 0)


@functools.lru_cache(maxsize=1 << 14)
def _meaning(names: str) -> int:
    names = names.lower()
    return (
        (_IS_PLAIN if _PLAIN_NAMES.search(names) else 0)
        | (_IS_HINT if _NAMES.search(names) else 0)
        | (_IS_CONTENTS if _TOC.search(names) else 0)
    )


def _bears_out(node: Node) -> bool:
    """Whether a block with a name of furniture holds links or next to nothing; a heading's link to a place of its own
    page, such as its number, leads nowhere."""
    own = (a for h in node.all(HAS_HEADING) for a in h.all(HAS_LINK) if a.get("href").startswith("#"))
    linked = node.linked - sum(a.linked for a in own)
    return linked >= 0.4 * node.words or (node.words <= 12 and not node.has(HAS_HEADING))


def _is_edge(node: Node, share: float) -> bool:
    """Whether a header or footer holds nothing that a reader of the page's subject needs."""
    inside = list(node.walk())
    if any(_NOTES.search(f"{n.marks} {n.get('role')}") for n in inside if n.tag):
        return False
    if any(n.tag in HEADINGS or n.tag in CODE or n.tag == "table" for n in inside):
        return False
    return share >= 0.3 or node.words <= (12 if node.tag == "header" else 60)


def _is_around(node: Node) -> bool:
    """Whether a block with few words is a row of links to the pages around: previous, next, up, contents."""
    unlinked = node.words - node.linked
    if unlinked > (30 if node.linked else 25) or node.has(HAS_CODE | HAS_HEADING):
        return False
    hits: set[str] = set()
    n = 0
    for link in node.all(HAS_LINK):
        if not link.get("href"):
            continue
        n += 1
        label = link.plain() or next((i.get("alt") for i in link.walk() if i.tag == "img"), "") or link.get("title")
        if _AROUND.match(label):
            hits.add(label.lower().strip(" «»←→<>[]|"))
        elif link.get("rel").lower() in _RELATIONS or (
            link.get("accesskey") in tuple("npuh") and link.get("accesskey")
        ):
            hits.add(link.get("rel") or link.get("accesskey"))
    if n == 0:
        return False
    named = {m.lower()[:4] for m in _NODES_AROUND.findall(node.plain())} if unlinked <= _LABELS else set()
    if len(named) >= 2 and unlinked <= len(named) + 4:
        return True
    return len(hits) >= 2 and n <= 2 * len(hits) + 2 and not _SENTENCE.search(node.plain())


def _is_languages(node: Node) -> bool:
    if not node.linked or node.words - node.linked > 4 or node.has(HAS_HEADING):
        return False
    found = [n for n in node.all(HAS_LINK) if n.get("href")]
    said = all(n.get("hreflang") or n.get("rel") == "alternate" or _LANGUAGE.match(n.plain()) for n in found)
    return len(found) >= 2 and said


def _is_contents(node: Node, headings: frozenset[str]) -> bool:
    """Whether a block lists the page's own headings under a name or a title that says so."""
    if node.linked < 0.6 * node.words or node.tag in HEADINGS or len(headings) < 2:
        return False
    found = [n for n in node.all(HAS_LINK) if n.words]
    local = [n for n in found if n.get("href").startswith("#")]
    if len(local) < max(2, 0.8 * len(found) - 1):
        return False
    return sum(title_key(n.plain()) in headings for n in local) >= 0.6 * len(local)
