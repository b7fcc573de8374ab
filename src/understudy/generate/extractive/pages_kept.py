"""What pages state, kept by content: a page is read again where it, or what it asked of the corpus, has changed.

A page is read in the light of all the others: which words are verbs here, which are names, what is called by a fixed
name. What was asked of the corpus while a page was read is kept with its claims, each with the answer; where the
corpus now gives every one of these answers, reading the page anew would go the same way.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterator, Sequence
from typing import cast

from understudy.artifact import digest_json
from understudy.engine import map_kept
from understudy.generate.base import Page
from understudy.generate.extractive.blocks import page_claims, page_words
from understudy.generate.extractive.claims import Claim, Location
from understudy.generate.extractive.corpus import Corpus
from understudy.kept import Kept
from understudy.stage import RunContext

_FIELDS = ("form", "subject", "attribute", "value", "start", "end", "type", "weak", "answer", "words", "asked")
_SETS = ("verbs", "common", "titles", "pages")
_AT_ONCE = 32  # pages read together


class Witness:
    """A corpus that notes what it is asked, and what it says."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self.product = corpus.product
        self.said: dict[tuple[str, str], bool] = {}
        self.verbs, self.common, self.titles, self.pages = (_Noted(self, name) for name in _SETS)

    def is_specific(self, subject: str) -> bool:
        return self.ask("is_specific", subject)

    def speaks_of(self, phrase: str) -> bool:
        return self.ask("speaks_of", phrase)

    @property
    def small(self) -> bool:
        return self.ask("small", "")

    def ask(self, what: str, of: str) -> bool:
        if (what, of) not in self.said:
            self.said[what, of] = _answer(self._corpus, what, of)
        return self.said[what, of]


class _Noted(Container[str]):
    def __init__(self, witness: Witness, name: str) -> None:
        self._witness, self._name = witness, name

    def __contains__(self, word: object) -> bool:
        return self._witness.ask(self._name, str(word))


def _answer(corpus: Corpus, what: str, of: str) -> bool:
    if what in _SETS:
        return of in getattr(corpus, what)
    if what == "small":
        return corpus.small
    return corpus.is_specific(of) if what == "is_specific" else corpus.speaks_of(of)


def claims_of(pages: Sequence[Page], corpus: Corpus, version: int, ctx: RunContext | None) -> Iterator[Claim]:
    """The claims of all pages in the order of the text, as `page_claims` reads them. version: of the teacher.

    ctx: where pages are read and what they state is kept; None: here, and nothing is kept.
    """
    if ctx is None:
        for page in pages:
            yield from page_claims(page, corpus)
        return
    read = map_kept(
        _read_all,
        pages,
        ctx,
        shared=lambda some: None,
        key=lambda page: _key(page, corpus.product, version),
        kept=Kept(ctx.root, "claims"),
        at_once=_AT_ONCE,
        name="pages",
        common=corpus,
        fits=lambda page, value: _holds(value, corpus),
    )
    for number, (page, value) in enumerate(read):
        yield from _claims(value, page, corpus)
        if number % _AT_ONCE == 0:
            ctx.progress("pages read", number, len(pages))


def _read_all(shard: tuple[None, list[Page]], corpus: Corpus) -> list[tuple[bytes, bool]]:
    """A shard of the work: what each page states, with what it asked of the corpus, as JSON."""
    found = []
    for page in shard[1]:
        witness = Witness(corpus)
        found.append((_written(list(page_claims(page, cast(Corpus, witness))), witness), True))
    return found


def _key(page: Page, product: str, version: int) -> str:
    document = page.document
    kind = [document.kind, str(document.metadata.get("kind", "") or "")]
    return digest_json([version, product, document.doc_id, document.title, kind, document.text])


def _written(claims: Sequence[Claim], witness: Witness) -> bytes:
    rows = [[list(c.location.headings), {n: getattr(c, n) for n in _FIELDS}] for c in claims]
    said = [[what, of, answer] for (what, of), answer in witness.said.items()]
    return json.dumps({"said": said, "claims": rows}, default=dict).encode("utf-8", "surrogatepass")


def _holds(value: bytes, corpus: Corpus) -> bool:
    """Whether the corpus still gives every answer that it gave while the page was read."""
    return all(_answer(corpus, what, of) == answer for what, of, answer in json.loads(value)["said"])


def _claims(value: bytes, page: Page, corpus: Corpus) -> Iterator[Claim]:
    """The claims of a page from what is kept of it."""
    names, common = page_words(page.document.text)
    for headings, fields in json.loads(value)["claims"]:
        yield Claim(**fields, location=Location(page.document, tuple(headings), names, common, corpus))
