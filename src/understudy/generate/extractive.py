"""The teacher without a model: reads what a page states from its structure, offline and always the same."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from understudy.generate.base import Coverage, Page, Taught
from understudy.generate.claims import Claim, Place
from understudy.generate.commands import code_claims
from understudy.generate.sentences import is_subject, named, prose_claims
from understudy.generate.settle import settle
from understudy.generate.structure import (
    definition_claims,
    faq_claim,
    item_claims,
    link_claims,
    list_claims,
    step_claims,
    step_title,
    table_claims,
)
from understudy.generate.text import clip, normal, plain, sentences, words
from understudy.outline import Block, parse

_GENERIC = re.compile(
    r"^(?:options?|command[- ]line options|parameters?|settings?|configuration|overview|summary|reference|usage|"
    r"examples?|"
    r"introduction|notes?|details?|errors?|error codes|http api|endpoints?|requests?|api|troubleshooting|table of .*|"
    r"at a glance|comparison|features?|installation|prerequisites|requirements|see also|links|why .*|how to .*|"
    r"step .*|\d.*|"
    r".* (?:settings|options|parameters|api|example|request|response))$",
    re.IGNORECASE,
)
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
_SUMMARY = re.compile(r"<summary>(.*?)</summary>", re.DOTALL | re.IGNORECASE)
_SUBJECT_INTRO = re.compile(
    r"^(?:settings|options|values|configuration|properties|parameters|defaults) (?:of|for) (.{2,60}):$", re.IGNORECASE
)
_LEAD = re.compile(r"[\s>]*(?:(?:[-*+]|\d{1,3}[.)])\s+)?[\s>]*")
_ANSWER_CHARACTERS = 420


class ExtractiveTeacher:
    """Reads tables, definition lists, options, steps, commands and sentences; asks nothing that is ambiguous.

    product: the name that questions mention where a subject alone could be anything's; found by itself if None.
    """

    name = "extractive"

    def __init__(self, product: str | None = None) -> None:
        self.product = product

    def teach(self, pages: Sequence[Page]) -> Taught:
        """Facts of all pages in the order of the text; the same input always gives the same facts."""
        product = find_product(pages) if self.product is None else self.product
        claims = [claim for page in pages for claim in page_claims(page)]
        facts, lost = settle(claims, {p.document.doc_id: p for p in pages}, product)
        per_chunk = Counter(fact.chunk_id for fact in facts)
        outcomes = {
            chunk.chunk_id: Coverage(chunk.chunk_id, chunk.doc_id, "accepted", facts=per_chunk[chunk.chunk_id])
            if per_chunk[chunk.chunk_id]
            else Coverage(chunk.chunk_id, chunk.doc_id, "rejected", lost.get(chunk.chunk_id, "no statement found"))
            for page in pages
            for chunk in page.chunks
        }
        return Taught(tuple(facts), outcomes, dict(Counter(lost.values())))


def find_product(pages: Sequence[Page]) -> str:
    """The name most documents speak of: capitalised inside sentences, in at least half of two or more documents."""
    seen: Counter[str] = Counter()
    for page in pages:
        text = re.sub(r"```.*?```|`[^`]*`|https?://\S+", " ", page.document.text, flags=re.DOTALL)
        inside = set(re.findall(r"(?<=[a-z,] )([A-Z][a-z]+(?:[A-Z][a-z]+)*)\b", text))
        title = set(re.findall(r"\b[A-Z][a-z]+\b", page.document.title)) & inside
        lower = set(re.findall(r"\b[a-z]+\b", text))
        seen.update({w for w in inside | title if w.lower() not in lower and w not in _NOT_PRODUCTS})
    if not seen:
        return ""
    name, count = max(seen.items(), key=lambda item: (item[1], item[0]))
    return name if count >= max(2, len(pages) / 2) else ""


def page_claims(page: Page) -> Iterator[Claim]:
    """Everything a page states, in the order of the text."""
    yield from _Walk(page).claims(parse(page.document.text))


class _Walk:
    """One pass over the blocks of a page, remembering the heading, the introduction and the steps seen."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.text = page.document.text
        self.subject = ""
        self.steps: list[tuple[str, int, int]] = []
        self.steps_place = Place(page.document)
        self.step = ""
        self.names, self.common = page_words(self.text)

    def place(self, headings: tuple[str, ...]) -> Place:
        return Place(self.page.document, headings, self.names, self.common)

    def claims(self, blocks: Sequence[Block], label: str = "", nested: bool = False) -> Iterator[Claim]:
        before: Block | None = None
        for i, block in enumerate(blocks):
            place = self.place(block.heading_path)
            if block.kind == "heading":
                yield from self._heading(block, blocks[i + 1 :], place)
            elif block.kind == "paragraph":
                yield from self._paragraph(block, place)
            elif block.kind == "code":
                yield from code_claims(block, self.text, before, label, place, self.subject, self.step)
            elif block.kind == "table":
                yield from table_claims(block, self.text, place)
            elif block.kind == "definitions":
                yield from definition_claims(block, self.text, place, self.subject)
            elif block.kind == "list":
                yield from self._list(block, before, place)
            elif block.kind in ("quote", "admonition"):
                yield from self.claims(block.children, nested=True)
            elif block.kind == "html":
                yield from self._html(block, blocks[i + 1 :], place)
            before = block
        if not nested:
            yield from self._flush()

    def _heading(self, block: Block, after: Sequence[Block], place: Place) -> Iterator[Claim]:
        step = step_title(block.title)
        if step and step[0] == len(self.steps) + 1:
            self._add_step(step[1], block, block.heading_path[:-1])
        elif self.steps and (step or len(block.heading_path) <= len(self.steps_place.headings) + 1):
            yield from self._flush()
        self.step = ""
        title = plain(block.title)
        self.subject = ""
        if not _GENERIC.match(title) and is_subject(title) and len(words(title)) <= 5 and not title.endswith("?"):
            self.subject = section_subject(title, place)
        if title.endswith("?"):
            yield from self._answer(title, after, place)

    def _paragraph(self, block: Block, place: Place) -> Iterator[Claim]:
        flat = plain(block.content)
        told = _SUBJECT_INTRO.match(flat)
        if told:
            self.subject = named(told.group(1), place)
        step = step_title(block.content) if block.content.startswith("**") else None
        if step and step[0] == len(self.steps) + 1:
            self._add_step(step[1], block, block.heading_path)
            self.step = clip(plain(step[1]))
            return
        start, end = self._content(block)
        yield from link_claims(self.text[start:end], start, place)
        known = {normal(h) for h in (*place.headings, place.title)} | {normal(self.subject.removeprefix("the "))}
        yield from prose_claims(self.text[start:end], start, place, frozenset(known), self.subject)

    def _content(self, block: Block) -> tuple[int, int]:
        lead = _LEAD.match(self.text, block.start, block.end)
        return (lead.end() if lead else block.start), block.end

    def _list(self, block: Block, before: Block | None, place: Place) -> Iterator[Claim]:
        ordered = block.info[:1].isdigit()
        intro = before if before is not None and before.kind == "paragraph" else None
        if not ordered:
            yield from list_claims(block, intro, self.text, place)
        elif (
            len(block.children) > 1
            and not any(c.content.startswith("**") for c in block.children)
            and (place.section or intro is not None)
        ):
            titles = [(child.content, *self._content(child.children[0])) for child in block.children if child.children]
            if len(titles) == len(block.children):
                yield from step_claims(titles, f'"{place.section or place.title}"', place)
        for item in block.children:
            found = list(item_claims(item, self.text, place, self.subject))
            yield from found
            if not item.children:
                continue
            first, rest = item.children[0], item.children
            if first.kind == "paragraph":
                rest = item.children[1:]
                if not found:
                    yield from self._paragraph(first, place)
            title = (
                plain(first.content).rstrip(":")
                if first.kind == "paragraph" and first.content.rstrip("* ").endswith(":")
                else ""
            )
            yield from self.claims(rest, title, nested=True)

    def _html(self, block: Block, after: Sequence[Block], place: Place) -> Iterator[Claim]:
        summary = _SUMMARY.search(block.content)
        if summary:
            yield from self._answer(summary.group(1), after, place)

    def _answer(self, question: str, after: Sequence[Block], place: Place) -> Iterator[Claim]:
        """The first sentences of the paragraph that follows a question."""
        if not after or after[0].kind != "paragraph":
            return
        start, end = self._content(after[0])
        stop = start
        for _, close in sentences(self.text[start:end]):
            if close > _ANSWER_CHARACTERS:
                break
            stop = start + close
        claim = faq_claim(question, self.text[start:stop], start, stop, place) if stop > start else None
        if claim is not None and not claim.value.endswith(":"):
            yield claim

    def _add_step(self, title: str, block: Block, headings: tuple[str, ...]) -> None:
        if not self.steps:
            self.steps_place = self.place(headings)
        self.steps.append((title, *self._content(block)))

    def _flush(self) -> Iterator[Claim]:
        steps, self.steps = self.steps, []
        if len(steps) > 1:
            place = self.steps_place
            yield from step_claims(steps, f'"{place.section or place.title}"', place)


def page_words(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """Words with a capital inside a sentence of prose (names), and words in lower case (common nouns)."""
    prose = re.sub(r"```.*?```|^#.*$|`[^`]*`|\]\([^)]*\)", " ", text, flags=re.DOTALL | re.MULTILINE)
    return frozenset(re.findall(r"(?<=[a-z,] )([A-Z]\w*)", prose)), frozenset(re.findall(r"\b[a-z]+\b", prose))


def section_subject(title: str, place: Place) -> str:
    """A heading as the subject of a question: `Relay daemon` is a common noun, `Tavimor Relay` a name."""
    parts = title.split()
    if len(parts) > 1 and all(p.islower() for p in parts[1:]) and parts[0].lower() not in ("the", "a", "an"):
        return f"the {title[:1].lower()}{title[1:]}"
    return named(title, place)
