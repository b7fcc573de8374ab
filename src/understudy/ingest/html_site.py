"""What the HTML pages of one folder share: blocks, links and title parts that return on many of them.

What returns page after page is the site's furniture; what differs is content. A page without siblings has an
empty `Site`, and is then read by its own marks alone.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from understudy.ingest.html_node import CODE, HAS_HEADING, HAS_LINK, HEADINGS, Node
from understudy.ingest.html_tables import is_content
from understudy.ingest.html_tree import Tree

SAMPLE = 48  # pages of a group that are surveyed
_SHARE = 0.4  # of a group's surveyed pages on which something must stand to count as shared
_LEAST = 3
_LONGEST = 300  # words of a block that is compared
SEPARATORS = re.compile(r"\s+(?:[|—–·»:]|-|::)\s+")


@dataclass(slots=True)
class Unit:
    """The smallest piece that is kept or left out: a block without blocks inside, or a loose run of inline nodes; code
    and a table of content, whatever they hold."""

    nodes: list[Node]
    parent: Node
    tag: str
    text: str
    words: int
    linked: int

    @property
    def is_heading(self) -> bool:
        return self.tag in HEADINGS

    @property
    def is_whole(self) -> bool:
        """Whether this is code or a table, of which no part says anything alone."""
        return self.tag == "table" or self.tag in CODE


def units(root: Node) -> list[Unit]:
    """The units of a page in reading order; those without any word left aside."""
    found: list[Unit] = []
    stack: list[Node | _Run] = [root]
    while stack:
        part = stack.pop()
        if isinstance(part, _Run):
            found.append(_unit(part.nodes, part.owner, "", part.nodes))
            continue
        parts = _parts(part)
        alone = len(parts) == 1 and isinstance(parts[0], _Run) and part.block
        if alone or part.tag in CODE or (part.tag == "table" and is_content(part)):
            found.append(_unit([part], part.parent or part, part.tag, part.kids))
        else:
            stack.extend(reversed(parts))
    return found


@dataclass(slots=True)
class _Run:
    owner: Node
    nodes: list[Node]


def _parts(node: Node) -> list[Node | _Run]:
    """What a node holds: blocks, and the runs of inline nodes between them."""
    parts: list[Node | _Run] = []
    run: _Run | None = None
    for kid in node.kids:
        if kid.holds:
            run = None
            if kid.words:
                parts.append(kid)
        elif run is not None:
            run.nodes.append(kid)
        elif kid.words:
            run = _Run(node, [kid])
            parts.append(run)
    return parts


def _unit(nodes: list[Node], parent: Node, tag: str, inside: Sequence[Node]) -> Unit:
    text = " ".join(k.plain() for k in inside)
    return Unit(nodes, parent, tag, text, sum(k.words for k in inside), sum(k.linked for k in inside))


def links(root: Node, doc_id: str) -> Iterator[tuple[Node, str]]:
    """Every link out of the page with a key that names its text and target."""
    folder = posixpath.dirname(doc_id)
    for node in root.all(HAS_LINK):
        href = node.get("href").partition("#")[0]
        if href:
            target = href if "://" in href else posixpath.normpath(posixpath.join(folder, href))
            yield node, f"{node.plain()}\0{target}"


@dataclass(frozen=True, slots=True)
class Site:
    """What is shared by the pages of a group. All sets are empty where there are too few pages.

    pages: how many were surveyed.
    """

    blocks: frozenset[tuple[str, str]] = field(default_factory=frozenset)
    links: frozenset[str] = field(default_factory=frozenset)
    titles: frozenset[str] = field(default_factory=frozenset)
    pages: int = 0

    def repeats(self, unit: Unit) -> bool:
        """Whether the very same unit stands on many pages."""
        return (unit.tag, unit.text) in self.blocks


def survey(pages: Iterable[tuple[str, Tree]]) -> Site:
    """What many of these pages (doc_id, page) share."""
    blocks: Counter[tuple[str, str]] = Counter()
    targets: Counter[str] = Counter()
    titles: Counter[str] = Counter()
    n = 0
    for doc_id, tree in pages:
        n += 1
        if _is_marked(tree):  # only what stands above the main content is ever compared
            blocks.update({("h1", node.plain()) for node in tree.body.all(HAS_HEADING) if node.tag == "h1"})
        else:
            blocks.update({(u.tag, u.text) for u in units(tree.body) if u.words <= _LONGEST})
            targets.update({key for _, key in links(tree.body, doc_id)})
        parts = SEPARATORS.split(tree.title)
        titles.update({*parts[1:], *parts[:-1]} if len(parts) > 1 else ())
        titles.update(in_brackets for _, in_brackets in brackets(tree.title))
        titles.update([before] if (before := tree.title.partition(": ")[0]) != tree.title else [])
    least = max(_LEAST, _SHARE * n)
    return Site(
        frozenset(k for k, c in blocks.items() if c >= least),
        frozenset(k for k, c in targets.items() if c >= least),
        frozenset(k for k, c in titles.items() if c >= least),
        n if n >= _LEAST else 0,
    )


def site_name(tree: Tree, site: Site) -> str:
    """What a page's site calls itself: by the mark in the page's head, else the parts of its title that return on many
    pages, with bars between them; empty where there is neither."""
    if tree.site:
        return tree.site
    parts = SEPARATORS.split(tree.title)
    named = [part for part in parts if part in site.titles] if len(parts) > 1 else []
    named += [last[1:-1] for _, last in brackets(tree.title) if last in site.titles][:1]
    before, colon, _ = tree.title.partition(": ")
    if not named and colon and before in site.titles:
        named = [before]
    return " | ".join(named)


def brackets(title: str) -> Iterator[tuple[str, str]]:
    """A title that ends in brackets as (before, from a bracket on), the longest part in brackets first."""
    for found in re.finditer(r"\s+(?=\()", title) if title.endswith(")") else ():
        if found.start():
            yield title[: found.start()], title[found.end() :]


def _is_marked(tree: Tree) -> bool:
    return any(n.tag == "main" or (n.attributes and n.get("role") == "main") for n in tree.order)


def groups(doc_ids: Sequence[str]) -> dict[str, list[str]]:
    """The pages by the site they seem to belong to: their top folder, or all where a folder holds too few.

    Of each group, at most `SAMPLE` pages, evenly spaced, are to be surveyed.
    """
    by_top: dict[str, list[str]] = {}
    for name in sorted(doc_ids):
        by_top.setdefault(top(name), []).append(name)
    rest = [n for names in by_top.values() if len(names) < 2 * _LEAST for n in names]
    chosen = {t: names for t, names in by_top.items() if len(names) >= 2 * _LEAST}
    if rest:
        chosen[""] = sorted({*rest, *chosen.get("", ()), *(n for names in chosen.values() for n in _spaced(names, 12))})
    return {t: _spaced(names, SAMPLE) for t, names in chosen.items()}


def top(doc_id: str) -> str:
    """The first folder of a page's path; empty at the top."""
    return doc_id.partition("/")[0] if "/" in doc_id else ""


def _spaced(names: Sequence[str], most: int) -> list[str]:
    if len(names) <= most:
        return list(names)
    return [names[i * len(names) // most] for i in range(most)]
