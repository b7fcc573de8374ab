"""The name of what is documented: what questions mention where a subject alone could be anything's."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from understudy.generate.base import Page
from understudy.generate.extractive.lexicon import ACRONYMS
from understudy.generate.extractive.self_named import self_named_product
from understudy.generate.extractive.site_names import FIRST_PAGES, NO_NAME, manual_product, site_product
from understudy.generate.text import plain, without_code

_NOT_PRODUCTS = frozenset(
    """
    Markdown Python Linux Windows Mac Docker Java Rust English Unicode Debian Ubuntu Git Node
    Page Manual Section Table Figure Chapter Appendix Note Example
    January February March April May June July August October December
    """.split()  # noqa: SIM905
)


def find_product(pages: Sequence[Page]) -> str:
    """The name that the site or project gives itself; else in the first page's title or a manual's; else that most
    documents speak of; else the program that pages show typed."""
    if named := site_product(pages):
        return named
    read = [_Read(page, without_code(page.document.text)) for page in pages]
    if named := _titled_product(read) or self_named_product(pages) or manual_product(pages):
        return named
    finders = (_named_product, _described_product, _typed_product, _acting_product)
    return next((name for find in finders if (name := find(read))), "")


class _Read(NamedTuple):
    """A page, and its text without its code and addresses."""

    page: Page
    prose: str

    @property
    def text(self) -> str:
        return self.page.document.text


def _most(seen: Counter[str]) -> tuple[tuple[str, int], tuple[str, int]]:
    """The two names that most pages show, with how many; an empty one with 0 where there are fewer."""
    first, second, *_ = *sorted(seen.items(), key=lambda item: (-item[1], item[0])), ("", 0), ("", 0)
    return first, second


_ACTS = re.compile(
    r"(?<![\w-])([A-Z][A-Z0-9]{2,}) (?:is|will|supports|uses|provides|can|has|allows|requires|does|should|must)\b"
)


def _acting_product(pages: Sequence[_Read]) -> str:
    """A name in capitals that half of at least five pages hold and a quarter begin to say something of, no other a
    third as often; empty where none."""
    (name, count), (_, second) = _most(Counter(w for p in pages for w in set(_ACTS.findall(p.prose)) - ACRONYMS))
    spoken = sum(bool(name) and name in page.text for page in pages)
    sure = len(pages) >= 5 and 4 * count >= len(pages) and 2 * spoken >= len(pages) and count >= 3 * second
    return name if sure else ""


_DESCRIBED = re.compile(
    r"(?<=[a-z,] )[A-Z][A-Za-z]+ (?:framework|engine|server|platform|toolkit|library|database|client|"
    r"compiler|shell|browser)\b"
)


def _described_product(pages: Sequence[_Read]) -> str:
    """A name with what it is a name of (`REST framework`) that more than half of at least five pages speak of."""
    (name, count), _ = _most(Counter(name for page in pages for name in set(_DESCRIBED.findall(page.prose))))
    return name if len(pages) >= 5 and 2 * count > len(pages) else ""


_PROSE = 300  # characters: a stub says nothing of what the documentation is about


def _named_product(pages: Sequence[_Read]) -> str:
    """The name most documents speak of: capitalised inside sentences, in at least half of two or more documents, in two
    fifths, where no other is in more than 55 % as many, or in a quarter, where no other is in a third as many."""
    pages = [page for page in pages if len(page.prose) > _PROSE] or pages
    seen: Counter[str] = Counter()
    commands = frozenset(name for page in pages for name in _TYPED.findall(page.text))
    for page in pages:
        inside = Counter(
            re.findall(r"(?<=[a-z,] )([A-Z][A-Za-z]*[a-z][A-Za-z]*|[A-Z]{3,})\b(?!(?: [A-Z][\w-]+){0,2} <)", page.prose)
        )
        # `vite` is typed, Vite is the product; in `celery.app` and `-p celery` it is no word at all
        lower = Counter(re.findall(r"(?<![\w.:/@-])[a-z]+(?![\w:/@-]|\.\w)", page.prose))
        told = {w for w, n in inside.items() if n > (1 if w.lower() in commands else 2) * lower[w.lower()]}
        seen.update(told - _NOT_PRODUCTS - ACRONYMS)
    if not seen:
        return ""
    (name, count), *others = sorted(seen.items(), key=lambda item: (-item[1], item[0]))
    next_best = next((n for other, n in others if not other.startswith(name)), 0)  # a `Relayfile` is the relay's
    alone = count >= len(pages) / 4 and count >= 3 * next_best
    alone = alone or (count >= 0.4 * len(pages) and count >= 1.8 * next_best)
    if not (count >= max(2, len(pages) / 2) or (alone and count > 4)):
        return ""
    return (_described_product(pages) if name.isupper() else "") or name


_AROUND = re.compile(
    r"^(?:welcome to|introduction to|introducing|about|getting started with|get started with|what is|overview of|the) |"
    r" (?:documentation|docs|manual|user guide|user\'s guide|reference|reference manual|guide|overview|introduction|"
    r"\d[\d.]*)$|[!?.]$",
    re.IGNORECASE,
)


def _titled_product(pages: Sequence[_Read]) -> str:
    """What the title of a first page names, where at least a third of at least five pages name it too."""
    best, share = "", 0
    titles = [read.page.document.title for read in pages]
    for name in _titled([read.page for read in pages]):
        if sum(title.endswith(f" {name}") for title in titles) > _TAILS:
            continue  # `Pond Input Plugin`, `Lake Input Plugin`
        named = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.IGNORECASE)
        said = Counter(m.group() == name for p in pages for m in named.finditer(p.prose))
        count = sum(bool(named.search(page.text)) for page in pages)
        if count > share and said[True] >= said[False]:
            best, share = name, count
    return best if len(pages) >= 5 and 3 * share >= len(pages) else ""


_TAILS = 4  # titles that may end with the product's name after another word


def _titled(pages: Sequence[Page]) -> Iterator[str]:
    """The names in the titles of first pages, of those that stand highest."""
    first = [p for p in pages if PurePosixPath(p.document.doc_id).stem.lower() in FIRST_PAGES | {"book"}]
    depth = min((len(PurePosixPath(p.document.doc_id).parts) for p in first), default=0)
    for page in first:
        if len(PurePosixPath(page.document.doc_id).parts) > depth:
            continue
        name = plain(page.document.title).strip()
        for _ in range(3):
            name = _AROUND.sub("", name).strip()
        placeholder = name.isupper() and "_" in name  # `SITE_NAME`, to be filled in
        if (
            1 <= len(name.split()) <= 4
            and name[:1].isupper()
            and not placeholder
            and not set(name.lower().split()) & NO_NAME
        ):
            yield name
            if len(name.split()) > 2 and name.partition(" ")[2][:1].isupper():
                yield name.partition(" ")[2]  # `Django REST framework` is called `REST framework`


_TYPED = re.compile(r"^(?:```|~~~) *(?:bash|sh|shell|console|zsh)[^\n]*\n[ \t]*(?:\$ +)?([a-z][\w-]*)", re.MULTILINE)


def _typed_product(pages: Sequence[_Read]) -> str:
    """A program that more than half of at least ten pages both name in their prose and show typed, or two fifths,
    where no other is in a third as many; empty where none."""
    seen: Counter[str] = Counter()
    for page in pages:
        typed = set(_TYPED.findall(page.text))
        prose = set(re.findall(r"(?<![\w-])[a-z][\w-]*", page.prose))
        seen.update({w for w in typed & prose if w.capitalize() not in _NOT_PRODUCTS})
    (name, count), (_, second) = _most(seen)
    often = 2 * count > len(pages) or (5 * count >= 2 * len(pages) and count >= 3 * second)
    return name if len(pages) >= 10 and often else ""
