"""HTML becomes Markdown: the main content, with its headings, code, tables, lists and boxes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from understudy.ingest.base import Page, SkipFile, Source
from understudy.ingest.encodings import decode
from understudy.ingest.html_content import content
from understudy.ingest.html_furniture import title_key
from understudy.ingest.html_node import HAS_HEADING, Node
from understudy.ingest.html_site import SEPARATORS, Site, brackets, groups, site_name, survey, top
from understudy.ingest.html_tree import Tree, uncollected
from understudy.ingest.html_writer import write
from understudy.ingest.places import placed
from understudy.ingest.walk import Found, read_bytes

_MANUAL = re.compile(r"[\w.:+@-]+\([1-9]\w{0,3}\)")  # the name of a manual page, as `tar(1)`
_KEPT = 8_000_000  # characters of HTML whose trees are kept from the survey until the page is read


class Sites:
    """What the HTML pages of a documentation folder share, by the group that a page belongs to."""

    def __init__(self, sites: dict[str, Site], parsed: dict[str, Tree] | None = None) -> None:
        self.sites = sites
        self.parsed = parsed or {}  # pages that were surveyed and not read yet, within `_KEPT`

    def only(self, doc_ids: Iterable[str]) -> Sites:
        """What these pages' sites share, and nothing else."""
        names = {name for doc_id in doc_ids for name in (top(doc_id), "")}
        return Sites({name: site for name, site in self.sites.items() if name in names}, self.parsed)

    def __reduce__(self) -> tuple[type[Sites], tuple[dict[str, Site]]]:
        return Sites, (self.sites,)  # elsewhere a page is parsed again

    def of(self, doc_id: str) -> Site:
        """The site of a page."""
        return self.sites.get(top(doc_id)) or self.sites.get("") or Site()


def look_around(files: Mapping[str, Found], encoding: str | None = None, max_bytes: int = 20_000_000) -> Sites:
    """Survey the pages of a folder (doc_id to file) before they are read. What cannot be read is passed over."""
    sites: dict[str, Site] = {}
    parsed: dict[str, Tree] = {}
    room = _KEPT

    def pages(names: Sequence[str]) -> Iterator[tuple[str, Tree]]:
        nonlocal room
        for name in names:
            if name in parsed:
                yield name, parsed[name]
                continue
            try:
                text = decode(Source(files[name].path, read_bytes(files[name].path, max_bytes), encoding))
                tree = Tree(text)
            except (SkipFile, OSError):
                continue
            yield name, tree
            if len(text) <= room:
                parsed[name] = tree
                room -= len(text)
            else:
                tree.dissolve()

    with uncollected():
        for name, sample in groups(list(files)).items():
            sites[name] = survey(pages(sample))
    return Sites(sites, parsed)


def read(source: Source, doc_id: str = "", sites: Sites | None = None) -> Page:
    """The page's main content as Markdown. Raises SkipFile for a redirect and for nesting without end."""
    with uncollected():
        tree = (sites.parsed.pop(doc_id, None) if sites is not None else None) or Tree(decode(source))
        try:
            return _read(tree, doc_id, sites.of(doc_id) if sites is not None else Site())
        finally:
            tree.dissolve()


def _read(tree: Tree, doc_id: str, site: Site) -> Page:
    root, left_out = content(tree, doc_id, site)
    title = _title(tree, root, site)
    linked = root.linked / root.words if root.words else None
    text, anchors = write(root)
    if not text.strip() and tree.redirects:
        raise SkipFile("no text", "only redirects to another page")
    page = Page(text + "\n" if text else "", title)
    return replace(
        placed(page, lambda number: anchors[number] if number < len(anchors) else ""),
        left_out=tuple(left_out),
        linked=linked,
        site=site_name(tree, site),
    )


def _title(tree: Tree, root: Node, site: Site) -> str:
    """The page's own name: `<title>` without the site's, which returns on other pages or else stands last."""
    title = next((before for before, last in brackets(tree.title) if last in site.titles), tree.title)
    cuts = list(SEPARATORS.finditer(title))
    first = next((n for n in root.all(HAS_HEADING) if n.tag == "h1"), None)
    heading = first.plain() if first is not None else ""
    before, colon, own = title.partition(": ")
    if colon and own == heading and (before in site.titles or not site.pages):
        return heading
    if not cuts:
        return title
    manual = next((part for part in SEPARATORS.split(title) if _MANUAL.fullmatch(part)), "")
    if manual:
        return manual
    if title_key(heading) and title_key(title).startswith(title_key(heading)):
        return heading
    start, end = 0, len(title)
    while cuts and title[cuts[-1].end() : end] in site.titles:
        end = cuts.pop().start()
    while cuts and title[start : cuts[0].start()] in site.titles:
        start = cuts.pop(0).end()
    if cuts and not site.pages:
        end = cuts[-1].start()
    return title[start:end]
