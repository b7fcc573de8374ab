"""One pass over the blocks of a page: each becomes claims, with the heading and the introduction it stands under."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from understudy.generate.base import Page
from understudy.generate.extractive.claims import Claim, Location
from understudy.generate.extractive.code import code_claims
from understudy.generate.extractive.lists import (
    definition_claims,
    faq_claim,
    item_claims,
    link_claims,
    list_claims,
    step_claims,
    step_title,
)
from understudy.generate.extractive.prose import is_subject, named, prose_claims
from understudy.generate.extractive.tables import table_claims
from understudy.generate.text import clip, plain, sentences
from understudy.normal import normal, words
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
_SUMMARY = re.compile(r"<summary>(.*?)</summary>", re.DOTALL | re.IGNORECASE)
_SUBJECT_INTRO = re.compile(
    r"^(?:settings|options|values|configuration|properties|parameters|defaults) (?:of|for) (.{2,60}):$", re.IGNORECASE
)
_LEAD = re.compile(r"[\s>]*(?:(?:[-*+]|\d{1,3}[.)])\s+)?[\s>]*")
_ANSWER_CHARACTERS = 420


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
        self.steps_location = Location(page.document)
        self.step = ""
        self.names, self.common = page_words(self.text)

    def location(self, headings: tuple[str, ...]) -> Location:
        return Location(self.page.document, headings, self.names, self.common)

    def claims(self, blocks: Sequence[Block], label: str = "", nested: bool = False) -> Iterator[Claim]:
        before: Block | None = None
        for i, block in enumerate(blocks):
            location = self.location(block.heading_path)
            if block.kind == "heading":
                yield from self._heading(block, blocks[i + 1 :], location)
            elif block.kind == "paragraph":
                yield from self._paragraph(block, location)
            elif block.kind == "code":
                yield from code_claims(block, self.text, before, label, location, self.subject, self.step)
            elif block.kind == "table":
                yield from table_claims(block, self.text, location)
            elif block.kind == "definitions":
                yield from definition_claims(block, self.text, location, self.subject)
            elif block.kind == "list":
                yield from self._list(block, before, location)
            elif block.kind in ("quote", "admonition"):
                yield from self.claims(block.children, nested=True)
            elif block.kind == "html":
                yield from self._html(block, blocks[i + 1 :], location)
            before = block
        if not nested:
            yield from self._flush()

    def _heading(self, block: Block, after: Sequence[Block], location: Location) -> Iterator[Claim]:
        step = step_title(block.title)
        if step and step[0] == len(self.steps) + 1:
            self._add_step(step[1], block, block.heading_path[:-1])
        elif self.steps and (step or len(block.heading_path) <= len(self.steps_location.headings) + 1):
            yield from self._flush()
        self.step = ""
        title = plain(block.title)
        self.subject = ""
        if not _GENERIC.match(title) and is_subject(title) and len(words(title)) <= 5 and not title.endswith("?"):
            self.subject = section_subject(title, location)
        if title.endswith("?"):
            yield from self._answer(title, after, location)

    def _paragraph(self, block: Block, location: Location) -> Iterator[Claim]:
        flat = plain(block.content)
        told = _SUBJECT_INTRO.match(flat)
        if told:
            self.subject = named(told.group(1), location)
        step = step_title(block.content) if block.content.startswith("**") else None
        if step and step[0] == len(self.steps) + 1:
            self._add_step(step[1], block, block.heading_path)
            self.step = clip(plain(step[1]))
            return
        start, end = self._content(block)
        yield from link_claims(self.text[start:end], start, location)
        known = {normal(h) for h in (*location.headings, location.title)} | {normal(self.subject.removeprefix("the "))}
        yield from prose_claims(self.text[start:end], start, location, frozenset(known), self.subject)

    def _content(self, block: Block) -> tuple[int, int]:
        lead = _LEAD.match(self.text, block.start, block.end)
        return (lead.end() if lead else block.start), block.end

    def _list(self, block: Block, before: Block | None, location: Location) -> Iterator[Claim]:
        ordered = block.info[:1].isdigit()
        intro = before if before is not None and before.kind == "paragraph" else None
        if not ordered:
            yield from list_claims(block, intro, self.text, location)
        elif (
            len(block.children) > 1
            and not any(c.content.startswith("**") for c in block.children)
            and (location.section or intro is not None)
        ):
            titles = [(child.content, *self._content(child.children[0])) for child in block.children if child.children]
            if len(titles) == len(block.children):
                yield from step_claims(titles, f'"{location.section or location.title}"', location)
        for item in block.children:
            found = list(item_claims(item, self.text, location, self.subject))
            yield from found
            if not item.children:
                continue
            first, rest = item.children[0], item.children
            if first.kind == "paragraph":
                rest = item.children[1:]
                if not found:
                    yield from self._paragraph(first, location)
            title = (
                plain(first.content).rstrip(":")
                if first.kind == "paragraph" and first.content.rstrip("* ").endswith(":")
                else ""
            )
            yield from self.claims(rest, title, nested=True)

    def _html(self, block: Block, after: Sequence[Block], location: Location) -> Iterator[Claim]:
        summary = _SUMMARY.search(block.content)
        if summary:
            yield from self._answer(summary.group(1), after, location)

    def _answer(self, question: str, after: Sequence[Block], location: Location) -> Iterator[Claim]:
        """The first sentences of the paragraph that follows a question."""
        if not after or after[0].kind != "paragraph":
            return
        start, end = self._content(after[0])
        stop = start
        for _, close in sentences(self.text[start:end]):
            if close > _ANSWER_CHARACTERS:
                break
            stop = start + close
        claim = faq_claim(question, self.text[start:stop], start, stop, location) if stop > start else None
        if claim is not None and not claim.value.endswith(":"):
            yield claim

    def _add_step(self, title: str, block: Block, headings: tuple[str, ...]) -> None:
        if not self.steps:
            self.steps_location = self.location(headings)
        self.steps.append((title, *self._content(block)))

    def _flush(self) -> Iterator[Claim]:
        steps, self.steps = self.steps, []
        if len(steps) > 1:
            location = self.steps_location
            yield from step_claims(steps, f'"{location.section or location.title}"', location)


def page_words(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """Words with a capital inside a sentence of prose (names), and words in lower case (common nouns)."""
    prose = re.sub(r"```.*?```|^#.*$|`[^`]*`|\]\([^)]*\)", " ", text, flags=re.DOTALL | re.MULTILINE)
    return frozenset(re.findall(r"(?<=[a-z,] )([A-Z]\w*)", prose)), frozenset(re.findall(r"\b[a-z]+\b", prose))


def section_subject(title: str, location: Location) -> str:
    """A heading as the subject of a question: `Relay daemon` is a common noun, `Tavimor Relay` a name."""
    parts = title.split()
    if len(parts) > 1 and all(p.islower() for p in parts[1:]) and parts[0].lower() not in ("the", "a", "an"):
        return f"the {title[:1].lower()}{title[1:]}"
    return named(title, location)
