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
from understudy.generate.extractive.owners import known_by_itself
from understudy.generate.extractive.pages_kept import claims_of
from understudy.generate.extractive.paraphrases import kind_of, option_of
from understudy.generate.extractive.precision import OFF
from understudy.generate.extractive.product import find_product
from understudy.normal import normal
from understudy.stage import RunContext

_CHANGES = re.compile(r"(?:Adds|Introduces|Implements|Extends|Makes it possible|Allows? (?:us|for)|Reworks|Changes)\b")
_OF_A_THING = re.compile(r" (?:of|for) (?:`|the ).*$")
_NAMES = 8  # of a page that tells changes, at least
_PAGES = 3  # that may say the same of a thing of theirs
_OWNERS = 3  # things of a page of which the same is asked, as that each is disabled by the same setting


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
        if self.product is None and not product and not corpus.small:
            own = [_of_its_page(claim) for claim in claims]
            if not any(claim.asked for claim in own):  # two manuals in one folder: better by their names than nothing
                own = [c if c.asked and known_by_itself(c.subject) else replace(c, asked=False) for c in claims]
            claims = own
            if self.ctx is not None:
                self.ctx.logger.warning(
                    "generate: what the documentation is about has no name that most pages say, so only what names its "
                    "program is asked; generate.product gives the name"
                )
        claims = list(_once(list(_without_changes(claims))))
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


def _without_changes(claims: Sequence[Claim]) -> Iterator[Claim]:
    """The claims; what a page says of changes is not asked: eight names or more, of which half `Adds ...`."""
    told: Counter[str] = Counter()
    added: Counter[str] = Counter()
    for claim in claims:
        if claim.form == "purpose":
            page = claim.location.document.doc_id
            told[page] += 1
            added[page] += bool(_CHANGES.match(claim.value))
    for claim in claims:
        page = claim.location.document.doc_id
        changes = told[page] >= _NAMES and 2 * added[page] >= told[page]
        yield replace(claim, asked=False) if changes else claim


def _once(claims: Sequence[Claim]) -> Iterator[Claim]:
    """The claims with what more than `_PAGES` pages say in the same words, as of an option that all commands have, on
    the first of them only, and what a page says of more than `_OWNERS` of its things, of the first ones."""
    sayings = [(claim.form, normal(claim.subject), normal(claim.value)) for claim in claims]
    pages: dict[tuple[str, str, str], dict[str, None]] = {}
    told: Counter[tuple[str, str, str, str]] = Counter()
    for claim, saying in zip(claims, sayings, strict=True):
        pages.setdefault(saying, {})[claim.location.document.doc_id] = None
    for claim, saying in zip(claims, sayings, strict=True):
        said, page = pages[saying], claim.location.document.doc_id
        if len(said) > _PAGES and page != next(iter(said)):
            continue
        of_things = page, claim.form, normal(_OF_A_THING.sub("", claim.subject)), saying[2]
        told[of_things] += 1
        if told[of_things] <= _OWNERS:
            yield claim


def _of_its_page(claim: Claim) -> Claim:
    """A claim of a documentation of which no product is known: its question names the page's program, or it speaks of a
    function of a prefix of its own (`heron_open()`); else it is not asked."""
    name = claim.subject
    if "()" in name and known_by_itself(name):
        return claim
    program = claim.location.program
    if not program:
        return replace(claim, asked=False)
    if claim.weak or re.search(r"`?\(\)| of (?:`|the )", name):
        return claim
    if not re.search(rf"(?<![\w-]){re.escape(program.split()[0])}(?![\w-])", name):
        return replace(claim, weak=True)
    return claim


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
