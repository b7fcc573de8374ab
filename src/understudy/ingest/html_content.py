"""Which part of a page is its content: everything that is not furniture, with an account of what is left out.

Where a page marks its main content, what stands beside that mark is left out, but for a title. Inside, and where
there is no mark, blocks are left out for what they are (`html_furniture`), and what returns page after page is
peeled off both ends of the page (`html_site`). What no rule decides stays.
"""

from __future__ import annotations

import functools
import re
import unicodedata

from understudy.ingest.base import LeftOut
from understudy.ingest.html_furniture import FURNITURE, NAVIGATION, is_end_note, title_key, why_left_out
from understudy.ingest.html_node import HAS_HEADING, HAS_LINK, SHOWN_AS_CODE, TABLE_PARTS, Node, remove
from understudy.ingest.html_site import Site, Unit, links, units
from understudy.ingest.html_tables import cells, is_content, is_layout
from understudy.ingest.html_tree import Tree

BESIDE = "beside the main content"
REPEATED = "the same on many pages"


# What documentation generators call the content of a page, the most exact first: (attribute, value).
_MAIN: dict[tuple[str, str | None], int] = {
    ("itemprop", "articleBody"): 0,
    ("class", "theme-doc-markdown"): 1,
    ("class", "md-content__inner"): 1,
    ("class", "devsite-article-body"): 1,
    ("class", "vp-doc"): 1,
    ("class", "markdown-body"): 1,
    ("class", "sl-markdown-content"): 2,
    ("id", "mw-content-text"): 3,
    ("role", "main"): 4,
}
_MAIN_TAGS = {"main": 4, "article": 5}
_DECORATION = frozenset({"¶", "§", "#", "🔗", "∞", "[−]", "[-]", "[+]", "⇡", "⎘", "†"})
_BUTTON = re.compile(
    r"^\[?(?:source|src|view source|show source|edit|edit this page|view code|run|copy|try it|link|permalink|top)\]?$",
    re.IGNORECASE,
)
_BUTTONS = re.compile(
    r"(?:^|[\s_-])(?:src\w*|source|viewcode|edit\w*|button|btn|arrow|copy\w*|headerlink|anchor\w*|permalink|top)(?=$|[\s_-])",
    re.IGNORECASE,
)
_HIDDEN = re.compile(
    r"(?:^|\s)(?:sr-only|visually-hidden|screen-reader-text|\S*tooltip-?text|tooltip-(?:content|inner)|popover-body)(?=\s|$)"
)
_LINE_NUMBERS = re.compile(r"(?:^|\s)(?:linenos?|linenodiv|source-?line-?no|line-?numbers?|gutter)(?=\s|$)")
_NUMBERS, _SCREEN_READERS = "line numbers", "for screen readers"
_SHORT = 165  # characters of text, blanks between blocks aside, below which a marked main content is not believed
_LABEL = 4  # words that a picture beside them may only repeat
_LONG_UNIT = 8  # words from which a unit that is not shared is content, wherever it stands


def content(tree: Tree, doc_id: str = "", site: Site | None = None) -> tuple[Node, list[LeftOut]]:
    """The node that holds a page's content, its furniture taken out, and what was left out."""
    found = _Content(tree, doc_id, site or Site())
    return found.run(), found.left_out


class _Content:
    def __init__(self, tree: Tree, doc_id: str, site: Site) -> None:
        self.tree = tree
        self.doc_id = doc_id
        self.site = site
        self.left_out: list[LeftOut] = []
        self.beside_entries = 0
        self.removed: list[tuple[Node, int, Node]] = []

    def run(self) -> Node:
        body = self.tree.body
        _drop_decoration(self.tree.order)
        root = self.marked(body)
        self.beside_entries = len(self.left_out)
        before = root.words
        self.furniture(root)
        self.peel(root)
        if root.words < 5 <= before:  # nothing but furniture: then that is what the page says
            self.put_back()
        return root

    # ── a marked main content ──────────────────────────────────────────────────────────────────────────────

    def marked(self, body: Node) -> Node:
        marked: dict[int, list[Node]] = {}
        stack = [body]
        while stack:
            node = stack.pop()
            if node.attributes or node.tag in _MAIN_TAGS:
                for rank in _main_ranks(node):
                    marked.setdefault(rank, []).append(node)
            stack += [kid for kid in node.kids if kid.holds]
        for _, found in sorted(marked.items()):
            if len(found) == 1 and self.believed(found[0], body):
                return self.beside(found[0], body)
        return body

    def believed(self, main: Node, body: Node) -> bool:
        outside = body.words - main.words
        return (
            outside <= main.words
            or (main.words > 0 and body.linked - main.linked >= 0.5 * outside)
            or sum(len(n.text) for n in main.walk() if not n.tag) >= _SHORT
        )

    def beside(self, main: Node, body: Node) -> Node:
        """The main content; a title that stands outside is put on its top."""
        above: list[Node] = []
        node = main
        while node is not body and node.parent is not None:
            earlier = True
            for kid in node.parent.kids:
                if kid is node:
                    earlier = False
                elif kid.words:
                    title = self.title_in(kid) if earlier and not main.first({"h1"}) else None
                    if title is not None:
                        above.append(title)
                    self.note(why_left_out(kid, frozenset()) or BESIDE, kid, kid.words - (title.words if title else 0))
            node = node.parent
        for title in above[:1]:
            title.remove()
            main.put(0, title)
        return main

    def title_in(self, node: Node) -> Node | None:
        if node.tag == "nav":
            return None
        title = node if node.tag == "h1" else node.first({"h1"})
        text = title.plain() if title is not None else ""
        if not title_key(text) or text in self.site.titles or ("h1", text) in self.site.blocks:
            return None
        known, key = title_key(self.tree.title), title_key(text)
        return title if known.startswith(key) or key.startswith(known) else None

    # ── blocks that are furniture by what they are ─────────────────────────────────────────────────────────

    def furniture(self, root: Node) -> None:
        headings = frozenset(title_key(n.plain()) for n in root.all(HAS_HEADING))
        stack = [(root, False)]
        while stack:
            node, in_table = stack.pop()
            taken: list[Node] = []
            for kid in node.kids:
                if not kid.holds:
                    continue
                part = in_table and kid.tag in TABLE_PARTS
                reason = why_left_out(kid, headings, named=not part)
                if reason:
                    self.note(reason, kid, kid.words)
                    taken.append(kid)
                else:
                    stack.append((kid, part or (kid.tag == "table" and is_content(kid))))
            self.removed += remove(taken)

    # ── what returns page after page, at both ends ─────────────────────────────────────────────────────────

    def peel(self, root: Node) -> None:
        if root is not self.tree.body:
            return  # a marked main content holds what its author put there
        pieces = units(root)
        shared = self.shared(pieces, root)
        own = [i for i, u in enumerate(pieces) if not shared[i] and _is_own(u)]
        if not own:
            return
        first, last = own[0], own[-1]
        while first > 0 and pieces[first - 1].is_heading and _leads(pieces[first - 1], pieces[first]):
            first -= 1
        last = self.keep_sections(pieces, first, last)
        boxes = {id(u.parent) for u in pieces[first : last + 1]}
        menu = sum(_n_links(u) for u in pieces[:first] if _is_linked(u))
        taken: list[tuple[Unit, str]] = []
        for i, unit in enumerate(pieces):
            if first <= i <= last or (unit.is_heading and not shared[i]):
                continue
            if shared[i]:
                if not self.is_prose_of(unit, boxes):
                    taken.append((unit, REPEATED))
            elif i > last and unit.words <= 40 and is_end_note(unit.text):
                taken.append((unit, FURNITURE))
            elif (i < first and menu >= 3 and _is_linked(unit)) or self.beside_shared(pieces, shared, i):
                taken.append((unit, NAVIGATION))
        taken = _without_parts_of_tables(taken, pieces)
        for unit, reason in taken:
            self.note(reason, None, unit.words, unit.text)
        self.removed += remove(node for unit, _ in taken for node in unit.nodes)

    def shared(self, pieces: list[Unit], root: Node) -> list[bool]:
        if not self.site.blocks:
            return [False] * len(pieces)
        known = {id(node): node.words for node, key in links(root, self.doc_id) if key in self.site.links}
        return [self.site.repeats(u) or _shared_links(u, known) for u in pieces]

    def beside_shared(self, pieces: list[Unit], shared: list[bool], i: int) -> bool:
        """Whether a few words stand within what is shared, such as the page's name in a breadcrumb."""
        unit = pieces[i]
        if unit.words > 15 or unit.is_whole or not self.site.blocks:
            return False
        if _is_trail(unit, self.site, self.doc_id):
            return True
        led = next(j for j in range(i, -1, -1) if j == 0 or pieces[j - 1].parent is not unit.parent)
        if (
            led < i
            and shared[led]
            and pieces[led].is_heading
            and unit.parent.get("id")
            and pieces[led].nodes[0].parent is unit.parent
        ):
            return True  # a box of the site with a heading of its own, filled in anew on each page
        if unit.words > 4 or (led < i and pieces[i - 1].is_heading):
            return False  # what stands below a heading is said there
        around = [j for j in (i - 1, i + 1) if 0 <= j < len(pieces)]
        return all(shared[j] and _near(pieces[j], pieces[i]) for j in around)

    def is_prose_of(self, unit: Unit, boxes: set[int]) -> bool:
        """Whether a unit that returns is a sentence beside the page's own paragraphs."""
        return id(unit.parent) in boxes and unit.linked < 0.5 * unit.words

    def keep_sections(self, pieces: list[Unit], first: int, last: int) -> int:
        """The last unit that is content: a shared section whose heading looks as the page's own do is."""
        looks = {_look(u) for u in pieces[first : last + 1] if u.is_heading}
        body = self.tree.body
        sections = {
            id(u.parent) for u in pieces[last + 1 :] if u.is_heading and u.parent is not body and _look(u) in looks
        }
        for i in range(len(pieces) - 1, last, -1) if sections else ():
            within: Node | None = pieces[i].parent
            while within is not None:
                if id(within) in sections:
                    return i
                within = within.parent
        return last

    # ── the account ────────────────────────────────────────────────────────────────────────────────────────

    def put_back(self) -> None:
        for parent, place, node in reversed(self.removed):
            parent.put(place, node)
        del self.left_out[self.beside_entries :]

    def note(self, reason: str, node: Node | None, words: int, text: str = "") -> None:
        if words > 0:
            self.left_out.append(LeftOut(reason, words, (text or (node.plain() if node else ""))[:200]))


def _drop_decoration(order: list[Node]) -> None:
    """Take out links that only mark a place or lead to the source, and what is there for screen readers alone."""
    gone: set[int] = set()

    def take(node: Node) -> None:
        gone.add(id(node))
        node.forget()

    for node in reversed(order):  # what stands inside comes before what holds it
        if node.emptied:
            node.kids = [k for k in node.kids if id(k) not in gone]
        tag = node.tag
        if not tag:
            continue
        if tag == "a":
            if node.words <= 10 and node.get("href") and _is_sign(node):
                take(node)
        elif tag == "img":
            above = node.parent
            said = node.get("alt")
            if above is not None and above.tag == "a" and not above.words and len(said.split()) < 2:
                take(node)  # the logo, the arrow to the top
            elif above is not None and said and 0 < above.words <= _LABEL and above.plain() == said:
                take(node)  # a picture of the words beside it
        elif node.attributes:
            marks = node.attributes.get("class") or ""
            if (
                (not node.words and not node.block and _is_symbol(node))
                or (node.attributes.get("aria-hidden") == "true" and "title" not in marks)
                or (marks and (why := _how_hidden(marks)) and (why != _NUMBERS or _is_numbers(node)))
            ):
                take(node)


def _main_ranks(node: Node) -> frozenset[int]:
    """Where in the order of `_MAIN` an element stands that calls itself the content."""
    found = node.attributes
    said = (found.get("itemprop"), found.get("id"), found.get("role"))
    ranks = _class_ranks(found.get("class") or "")
    if said != (None, None, None):
        ranks |= {_MAIN[pair] for pair in zip(("itemprop", "id", "role"), said, strict=True) if pair in _MAIN}
    return ranks | {_MAIN_TAGS[node.tag]} if node.tag in _MAIN_TAGS else ranks


@functools.lru_cache(maxsize=4096)
def _class_ranks(names: str) -> frozenset[int]:
    return frozenset(_MAIN["class", name] for name in names.split() if ("class", name) in _MAIN)


def _is_sign(link: Node) -> bool:
    """Whether a link only marks a place or leads to the source."""
    text = link.plain()
    if len(text) > 20 or not text:
        return False
    small = text.lower()
    if small == "[source]" or (small in _DECORATION and link.get("href").startswith("#")):
        return True
    if not _is_button(text):
        return False
    return _BUTTONS.search(" ".join(n.get("class") for n in link.walk() if n.tag)) is not None


@functools.lru_cache(maxsize=4096)
def _is_button(text: str) -> bool:
    return _BUTTON.match(text) is not None


def _is_symbol(node: Node) -> bool:
    """Whether an inline element shows nothing but the sign that more can be shown, as `ⓘ`; in code a sign is meant."""
    text = node.plain() if len(node.kids) == 1 and node.tag not in SHOWN_AS_CODE else ""
    return len(text) == 1 and unicodedata.category(text) == "So"


@functools.lru_cache(maxsize=4096)
def _how_hidden(marks: str) -> str:
    """What a class says that no reader is shown; empty where it says nothing of that."""
    if _LINE_NUMBERS.search(marks):
        return _NUMBERS
    return _SCREEN_READERS if _HIDDEN.search(marks) else ""


def _is_numbers(node: Node) -> bool:
    return all(re.fullmatch(r"[\d\s]*", n.text) for n in node.walk())


def _is_own(unit: Unit) -> bool:
    return unit.is_heading or ((unit.is_whole or unit.words >= _LONG_UNIT) and unit.linked < 0.5 * unit.words)


def _is_linked(unit: Unit) -> bool:
    return unit.words > 0 and unit.linked >= 0.8 * unit.words


def _n_links(unit: Unit) -> int:
    return sum(1 for node in unit.nodes for _ in node.all(HAS_LINK))


def _shared_links(unit: Unit, known: dict[int, int]) -> bool:
    if unit.linked < 0.7 * unit.words or not unit.linked:
        return False
    return sum(known.get(id(n), 0) for node in unit.nodes for n in node.all(HAS_LINK)) >= 0.7 * unit.linked


def _is_trail(unit: Unit, site: Site, doc_id: str) -> bool:
    """Whether a unit is links that many pages have, and the page's own name after them."""
    found = [key in site.links for node in unit.nodes for _, key in links(node, doc_id)]
    return bool(found) and all(found) and (unit.words <= 6 or unit.linked >= 0.5 * unit.words)


def _leads(heading: Unit, unit: Unit) -> bool:
    """Whether a heading stands over a unit: the block that it is in, with or without a link around it, holds both."""
    box = heading.parent
    while not box.block and box.parent is not None:
        box = box.parent
    node: Node | None = unit.parent
    while node is not None:
        if node is box:
            return True
        node = node.parent
    return False


def _near(a: Unit, b: Unit) -> bool:
    return a.parent is b.parent or a.parent.parent is b.parent.parent


def _without_parts_of_tables(taken: list[tuple[Unit, str]], pieces: list[Unit]) -> list[tuple[Unit, str]]:
    """What is taken, but for the cells of a table of which others stay."""
    gone = {id(unit) for unit, _ in taken}
    kept = {id(table) for unit in pieces if id(unit) not in gone and (table := _table(unit)) is not None}
    whole: dict[int, bool] = {}

    def stays(unit: Unit) -> bool:
        table = _table(unit)
        if table is None or id(table) not in kept:
            return False
        if id(table) not in whole:
            whole[id(table)] = not is_layout(table, cells(table))
        return whole[id(table)]

    return [(unit, reason) for unit, reason in taken if not stays(unit)]


def _table(unit: Unit) -> Node | None:
    """The table that a unit stands in."""
    node: Node | None = unit.parent
    while node is not None and node.tag != "table":
        node = node.parent
    return node


def _look(unit: Unit) -> tuple[str, str, str, str]:
    node = unit.nodes[0]
    return node.tag, node.get("class"), unit.parent.tag, unit.parent.get("class")
