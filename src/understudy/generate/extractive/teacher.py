"""The teacher without a model: reads what a page states from its structure, offline and always the same."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from understudy.generate.base import Coverage, Option, Page, Taught
from understudy.generate.extractive.claims import Claim
from understudy.generate.extractive.corpus import read_corpus
from understudy.generate.extractive.disambiguate import disambiguate
from understudy.generate.extractive.examined import sort_of
from understudy.generate.extractive.pages_kept import claims_of
from understudy.generate.extractive.paraphrases import kind_of, option_of
from understudy.generate.extractive.precision import OFF
from understudy.normal import normal
from understudy.stage import RunContext

_NOT_PRODUCTS = frozenset(
    (
        "Markdown",
        "Python",
        "Linux",
        "Windows",
        "Mac",
        "Docker",
        "Java",
        "Rust",
        "English",
        "Unicode",
        "Debian",
        "Ubuntu",
    )
) | {"January", "February", "March", "April", "May", "June", "July", "August", "October", "December", "Git", "Node"}


class ExtractiveTeacher:
    """Reads tables, definition lists, options, steps, commands and sentences; asks nothing that is ambiguous.

    product: the name that questions mention where a subject alone could be anything's; found by itself if None.
    ctx: where pages are read, and what a page states is found again under the teacher's version; None: every page is
        read here.
    extra: kinds of claim that are asked for although their measured precision is low (see `precision.py`).
    """

    name = "extractive"

    def __init__(
        self, product: str | None = None, extra: Sequence[str] = (), *, ctx: RunContext | None = None, version: int = 0
    ) -> None:
        self.product = product
        self.ctx = ctx
        self.version = version
        self.off = OFF - set(extra)

    def teach(self, pages: Sequence[Page]) -> Taught:
        """Facts of all pages in the order of the text; the same input always gives the same facts."""
        product = find_product(pages) if self.product is None else self.product
        corpus = read_corpus(pages, product)
        claims = list(claims_of(pages, corpus, self.version, self.ctx))
        by_id = {page.document.doc_id: page for page in pages}
        claims = [replace(c, asked=False) if kind_of(c) in self.off else c for c in claims]
        facts, lost = disambiguate([claim for claim in claims if claim.asked], by_id, product)
        options = tuple(spare_options([claim for claim in claims if not claim.asked], by_id))
        per_chunk = Counter(fact.chunk_id for fact in facts)
        outcomes = {
            chunk.chunk_id: Coverage(chunk.chunk_id, chunk.doc_id, "accepted", facts=per_chunk[chunk.chunk_id])
            if per_chunk[chunk.chunk_id]
            else Coverage(chunk.chunk_id, chunk.doc_id, "rejected", lost.get(chunk.chunk_id, "no statement found"))
            for page in pages
            for chunk in page.chunks
        }
        return Taught(tuple(facts), outcomes, dict(Counter(lost.values())), options)


def spare_options(claims: Sequence[Claim], pages: Mapping[str, Page]) -> Iterator[Option]:
    """Options of what was read but is not asked for."""
    for claim in claims:
        document = claim.location.document
        chunk = pages[document.doc_id].chunk_at(claim.start, claim.end)
        if chunk is not None and claim.type:
            quote = document.text[claim.start : claim.end]
            about = normal(claim.subject or claim.words.get("goal", ""))
            text = option_of(claim)
            yield Option(text, sort_of(claim), chunk.chunk_id, document.doc_id, quote, claim.form, about)


def find_product(pages: Sequence[Page]) -> str:
    """The name most documents speak of: capitalised inside sentences, in at least half of two or more documents, in two
    fifths, where no other is in half as many, or in a quarter, where no other is in a third as many."""
    seen: Counter[str] = Counter()
    for page in pages:
        text = _without_code(page)
        inside = Counter(re.findall(r"(?<=[a-z,] )([A-Z][A-Za-z]*[a-z][A-Za-z]*)\b", text))
        lower = Counter(re.findall(r"\b[a-z]+\b", text))  # `vite` is typed, Vite is the product
        seen.update({w for w, n in inside.items() if n > 3 * lower[w.lower()] and w not in _NOT_PRODUCTS})
    if not seen:
        return _typed_product(pages)
    (name, count), *others = sorted(seen.items(), key=lambda item: (-item[1], item[0]))
    next_best = others[0][1] if others else 0
    alone = count >= len(pages) / 4 and count >= 3 * next_best
    alone = alone or (count >= 0.4 * len(pages) and count >= 2 * next_best)
    return name if count >= max(2, len(pages) / 2) or (alone and count > 4) else _typed_product(pages)


def _without_code(page: Page) -> str:
    """A page's text without its code and addresses."""
    return re.sub(r"```.*?```|`[^`]*`|https?://\S+", " ", page.document.text, flags=re.DOTALL)


_TYPED = re.compile(r"^(?:```|~~~) *(?:bash|sh|shell|console|zsh)[^\n]*\n[ \t]*(?:\$ +)?([a-z][\w-]*)", re.MULTILINE)


def _typed_product(pages: Sequence[Page]) -> str:
    """A program that more than half of at least ten pages both name in their prose and show typed; empty where none."""
    seen: Counter[str] = Counter()
    for page in pages:
        typed = set(_TYPED.findall(page.document.text))
        prose = set(re.findall(r"(?<![\w-])[a-z][\w-]*", _without_code(page)))
        seen.update({w for w in typed & prose if w.capitalize() not in _NOT_PRODUCTS})
    name, count = next(iter(seen.most_common(1)), ("", 0))
    return name if len(pages) >= 10 and 2 * count > len(pages) else ""
