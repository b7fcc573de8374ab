"""The product's name out of what its site or project calls itself: `Heron` of `Heron 2.1 documentation`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from understudy.generate.base import Page
from understudy.generate.text import without_code

_SHARE = 0.4  # of at least three pages that must carry the name
_SAID = 0.1  # of the pages that must say it in their text
_READ = 400  # pages in which names are counted
_TRIED = 20  # names out of titles that are counted
_AROUND = re.compile(
    r"^(?:welcome to|the|official|about)\s+|"
    r"[\s,:–—-]+(?:documentation|docs|doc|manual|handbook|guides?|wiki|website|home|homepage|project|reference|help|book|"
    r"(?:user|user\'s|users|developer|admin|administrator|administration|reference|configuration|programmer\'s|starter|"
    r"management|online|official|technical|product) (?:documentation|docs|manual|guide|handbook|reference|site|help)|"
    r"(?:v|v\. ?|version |release )\d[\w.+~-]*|\(?v?\d+\.[\w.+~-]*\)?|\((?:v|version |release )\d[^)]*\)|"
    r"latest|stable|development|dev|main|master|current)$|[!?.:,]$",
    re.IGNORECASE,
)
NO_NAME = frozenset(
    """
    index introduction overview contents table readme home homepage about documentation docs doc welcome start started
    reference manual guide guides user users api apis getting quickstart features installation usage help main book
    tutorial tutorials developer developers website wiki blog untitled title my your our for with how what why to the
    page pages site project version release handbook appendix chapter section part preface module modules class file
    list notes prerequisites requirements configuration configuring settings options commands license licence
    contributing install installing setup
    """.split()  # noqa: SIM905
)
"""Words of titles that no product is called by."""
FIRST_PAGES = frozenset({"index", "readme", "home", "introduction", "intro", "overview", "about", "main"})
"""What the page is called on which a manual begins."""
_OF_MANUALS = frozenset(
    """
    library language command object configuration function method syntax error event query plugin type schema protocol
    programming programmer administration administrator security server client database system software technical
    """.split()  # noqa: SIM905
)
"""Words before `Reference` and `Guide` that say of what a part of a manual is, and are no product alone."""
_PART = re.compile(r"\s+(?:[|—–·»]|-|::)\s+|:\s+")


def site_product(pages: Sequence[Page]) -> str:
    """The name that two fifths of at least three pages carry as their site's, where a tenth say it; empty where none.

    The shorter name by which the pages call it in the middle of their text is taken before the longer (`Octave` of
    `GNU Octave`).
    """
    seen = Counter(name for page in pages for name in {*site_names(page.document.site)})
    firsts = Counter(next(site_names(page.document.site), "") for page in pages)
    enough = max(3, _SHARE * len(pages))
    found = [n for n, count in firsts.items() if n and count >= enough] or [n for n, c in seen.items() if c >= enough]
    texts = prose_of(pages) if found else []
    for name in sorted(found, key=lambda n: (-seen[n], n)):
        if said := _as_said(name, texts):
            return said
    return ""


_OF_A_MANUAL = re.compile(
    r"Introduction to .*|.* (?:Reference|Manual|Guide|Documentation|FAQ|Handbook|Frequently Asked Questions)$"
)


def manual_product(pages: Sequence[Page]) -> str:
    """The name in a page's title that is a manual's (`Heron Reference Manual`) or with which two fifths of the titles
    begin, where at least half of three pages or more say it; the one that most say, empty where none."""
    titles = [page.document.title for page in pages]
    names = {n for t in titles if _OF_A_MANUAL.match(t) for n in site_names(re.sub(r" Frequently .*| FAQ$", "", t))}
    begun = Counter(m[0] for t in titles if (m := re.match(r"[A-Z][\w.]*[A-Za-z](?=[: ])", t)))
    names |= {name for name, n in begun.items() if n >= max(3, _SHARE * len(pages)) and name.lower() not in NO_NAME}
    names = {n for n in names if n[:1].isupper() and " " not in n and n.lower().rstrip("s") not in _OF_MANUALS}
    texts = prose_of(pages) if names else []
    names = set(sorted(names, key=lambda n: (-sum(n in t for t in texts), n))[:_TRIED])
    said = {n: sum(_says(n, t, re.IGNORECASE) for t in texts) for n in names}
    inside = {n: sum(re.search(rf"(?<=[a-z,] ){re.escape(n)}(?![\w-])", t) is not None for t in texts) for n in names}
    things = {n: sum(re.search(rf"\b(?:an?|the|your|each|all|this) {re.escape(n.lower())}\b", t) is not None
                     for t in texts) for n in names}  # fmt: skip
    sure = [n for n, c in said.items() if 2 * c >= len(texts) and c > 2 * things[n] and 5 * inside[n] >= len(texts)]
    return min(sure, key=lambda n: (-said[n], n)) if len(pages) >= 3 and sure else ""


def site_names(site: str) -> Iterator[str]:
    """The names in what a site calls itself, without version and the words around: none in `Documentation`."""
    for part in _PART.split(site):
        name, before = part.strip(), ""
        while name != before:
            before, name = name, _AROUND.sub("", name).strip()
        telling = re.search(r"[A-Za-z]{2}", name) and not set(re.findall(r"[a-z']+", name.lower())) & NO_NAME
        if telling and 1 <= len(name.split()) <= 4 and len(name) <= 40 and not re.search(r"[<>{}\[\]/\\@|]", name):
            yield name


def _as_said(name: str, texts: Sequence[str]) -> str:
    """The name, or the word of it by which twice as many pages call it; empty where too few pages say either."""
    whole = _pages_with(name, texts, "")
    best, count = name, whole
    for word in name.split() if " " in name else ():
        alone = _pages_with(word, texts, name) if re.fullmatch(r"[A-Z][\w.]*[a-z][\w.]*", word) else 0
        common = _pages_with(word.lower(), texts, name)
        if alone > max(2 * whole, count) and alone > 2 * common:
            best, count = word, alone
    least = _SAID * len(texts)
    parts = (sum(_says(part, t, re.IGNORECASE) for t in texts) for part in re.findall(r"[^\W\d_]{2,}", name))
    return best if count >= least or all(n >= least for n in parts) else ""


def _says(name: str, text: str, how: int = 0) -> bool:
    """Whether a text holds a name as a word, in the parts of an identifier too."""
    return re.search(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", text, how) is not None


def _pages_with(name: str, texts: Sequence[str], without: str) -> int:
    """How many texts hold a name, spelled so, outside a longer one."""
    named = re.compile(rf"(?<![\w.-]){re.escape(name)}(?![\w-]|\.\w)")
    return sum(name in t and named.search(t.replace(without, " ") if without else t) is not None for t in texts)


def prose_of(pages: Sequence[Page]) -> list[str]:
    """The text of pages, at most `_READ` of them, evenly spaced, without blocks of code and addresses."""
    chosen = pages if len(pages) <= _READ else [pages[n * len(pages) // _READ] for n in range(_READ)]
    # A product's name is often written as code, so that code within a line stays.
    return [without_code(page.document.text, spans=False) for page in chosen]
