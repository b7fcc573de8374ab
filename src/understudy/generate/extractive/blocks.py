"""One pass over the blocks of a page: each becomes claims, with the heading and the introduction it stands under."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from understudy.generate.base import Page
from understudy.generate.extractive.claims import Claim, Location
from understudy.generate.extractive.code import code_claims, goal_of
from understudy.generate.extractive.corpus import Corpus
from understudy.generate.extractive.headed import headed_claims, lined_claims
from understudy.generate.extractive.links import link_targets, without_link_marks
from understudy.generate.extractive.lists import (
    definition_claims,
    faq_claim,
    item_claims,
    list_claims,
    option_rows,
    procedure_claims,
    step_title,
)
from understudy.generate.extractive.owners import unnumbered
from understudy.generate.extractive.prose import named, prose_claims
from understudy.generate.extractive.tables import table_claims
from understudy.generate.text import clip, plain, sentences
from understudy.outline import Block, parse

_NO_FACTS = re.compile(
    r"(?:see also|copyright|licen[cs]e|authors?|credits|acknowledge?ments?|thanks|references?|bibliography|"
    r"further reading|"
    r"change ?log|changes|history|release notes|what'?s new.*|new features.*|bug ?fixes.*|examples?|exercises|synopsis|"
    r"(?:table of )?contents|index|related.*|next steps|feedback|contribut\w+|reporting bugs|.*\bexamples?|"
    r".*\b(?:vs\.?|versus|compar(?:ed|ison|ing)|migrat(?:e|ing|ion) from) .*|"
    r"changes (?:in|since|from|to) .*|.*\bdeprecat.*)",
    re.IGNORECASE,
)
_NO_FACT_PAGES = re.compile(
    r"(?:.*\b(?:release notes?|change ?log|changes in|what'?s new|news)\b.*|(?:the )?(?:alphabetical |general |module |"
    r"function |complete )?(?:index|contents|table of contents|search|site ?map|glossary index)|"
    r".*\bmigrat(?:e|ing|ion)\b.*|.*\b(?:vs|versus|compar(?:ed|ison|ing)|alternatives)\b.*|"
    r"(?:appendix \w+\. )?(?:release|version) \d[\d.]*.*|[A-Z]\.\d+(?:\.\d+)*\. release \d.*)",
    re.IGNORECASE,
)
_FACT_KINDS = frozenset(
    {"", "page", "manual", "reference", "guide", "tutorial", "article", "concept", "howto", "faq", "text"}
)
_SUMMARY = re.compile(r"<summary>(.*?)</summary>", re.DOTALL | re.IGNORECASE)
_SUBJECT_INTRO = re.compile(
    r"^(?:settings|options|values|configuration|properties|parameters|defaults) (?:of|for) (.{2,60}):$", re.IGNORECASE
)
_LEAD = re.compile(r"[\s>]*(?:(?:[-*+]|\d{1,3}[.)])\s+)?[\s>]*")
_EXAMPLE = re.compile(r"\b(?:examples?|suppose|imagine|consider|illustrat\w+|sample)\b", re.IGNORECASE)
_BY_EXAMPLE = re.compile(
    r"(?:^|[.!?]\s+|[(])(?:For example|For instance|As an example|Suppose|Imagine|Consider (?:the|an?)|Let's|Let us|"
    r"Assume|Say,?) |\b(?:this|the following|following|next|above|below|our|simple|an) examples?\b|"
    r"\bexamples? (?:above|below|shows?)\b",
)
_ENTRY = 8  # blocks behind a heading in which an entry that it names is told
_LESSON = re.compile(r"\b(?:tutorial|walk-?through|your first|by example|part \d+)\b", re.IGNORECASE)
_ANSWER_CHARACTERS = 420
_GOES_ON = frozenset({"list", "code", "table", "definitions"})


def states_facts(page: Page) -> bool:
    """Whether a page is of a kind that states facts: no change log, index, table of contents or list of links."""
    kind = str(getattr(page.document, "kind", "") or page.document.metadata.get("kind", "") or "")
    blog = re.search(r"(?:^|/)(?:blog|posts|news)/", page.document.doc_id)
    return kind.lower() in _FACT_KINDS and not blog and not _NO_FACT_PAGES.fullmatch(page.document.title.strip())


def page_claims(page: Page, corpus: Corpus) -> Iterator[Claim]:
    """Everything a page states, in the order of the text; nothing for a page of a kind that states no facts."""
    if not states_facts(page):
        return
    targets = link_targets(page.document.text)
    for claim in _Walk(page, corpus).claims(parse(page.document.text)):
        cleaned = without_link_marks(claim, targets)
        if cleaned is not None and not ("``" in f"{cleaned.subject} {cleaned.answer}" and "```" not in cleaned.answer):
            yield cleaned


class _Walk:
    """One pass over the blocks of a page, remembering the heading, the introduction and the steps seen."""

    def __init__(self, page: Page, corpus: Corpus) -> None:
        self.page = page
        self.corpus = corpus
        self.lesson = bool(_LESSON.search(page.document.title))
        self.by_example = False  # whether the section has begun to speak of an example
        self.text = page.document.text
        self.told = ""
        self.steps: list[tuple[str, int, int]] = []
        self.steps_location = Location(page.document)
        self.step = ""
        self.names, self.common = page_words(self.text)

    def location(self, headings: tuple[str, ...]) -> Location:
        headings = tuple(map(unnumbered, headings))
        return Location(self.page.document, headings, self.names, self.common, self.corpus)

    def claims(self, blocks: Sequence[Block], label: str = "", nested: bool = False) -> Iterator[Claim]:
        before: Block | None = None
        for i, block in enumerate(blocks):
            location = self.location(block.heading_path)
            if block.kind == "heading":
                yield from self._heading(block, blocks[i + 1 : i + 1 + _ENTRY], location)
            elif any(_NO_FACTS.fullmatch(heading.strip()) for heading in block.heading_path):
                pass
            elif block.kind == "paragraph":
                yield from self._paragraph(block, location)
                yield from lined_claims(block, blocks[i + 1 : i + 1 + _ENTRY], self.text, location)
            elif block.kind == "code" and not self.lesson:
                yield from code_claims(block, self.text, before, label, location, self.told, self.step)
            elif block.kind == "table" and not (before and _EXAMPLE.search(before.content)):
                yield from table_claims(block, self.text, location)
                yield from option_rows(block, location)
            elif block.kind == "definitions":
                yield from definition_claims(block, self.text, location, self.told)
            elif block.kind == "list":
                yield from self._list(block, before, location)
            elif block.kind == "admonition":
                yield from self.claims(block.children, nested=True)
            elif block.kind == "html":
                yield from self._html(block, blocks[i + 1 : i + 3], location)
            before = block
        if not nested:
            yield from self._flush()

    def _heading(self, block: Block, after: Sequence[Block], location: Location) -> Iterator[Claim]:
        self.by_example = False
        step = step_title(block.title)
        if step and step[0] == len(self.steps) + 1:
            self._add_step(step[1], block, block.heading_path[:-1])
        elif self.steps and (step or len(block.heading_path) <= len(self.steps_location.headings) + 1):
            yield from self._flush()
        self.step = ""
        title = plain(block.title)
        self.told = ""
        if title.endswith("?"):
            yield from self._answer(title, after, location)
        elif len(block.heading_path) == 1 and not self.text.startswith("##", block.start):
            return  # the page's own
        elif not self.lesson and not any(_NO_FACTS.fullmatch(h.strip()) for h in block.heading_path):
            yield from headed_claims(block, after, self.text, location)

    def _paragraph(self, block: Block, location: Location) -> Iterator[Claim]:
        flat = plain(block.content)
        told = _SUBJECT_INTRO.match(flat)
        if told:
            self.told = named(told.group(1), location)
        step = step_title(block.content) if block.content.startswith("**") else None
        if step and step[0] == len(self.steps) + 1:
            self._add_step(step[1], block, block.heading_path)
            self.step = clip(plain(step[1]))
            return
        start, end = self._content(block)
        self.by_example = self.by_example or bool(_BY_EXAMPLE.search(self.text[start:end]))
        if not (self.lesson or self.by_example):
            yield from prose_claims(self.text[start:end], start, location, self.told)

    def _content(self, block: Block) -> tuple[int, int]:
        lead = _LEAD.match(self.text, block.start, block.end)
        return (lead.end() if lead else block.start), block.end

    def _list(self, block: Block, before: Block | None, location: Location) -> Iterator[Claim]:
        ordered = block.info[:1].isdigit()
        intro = before if before is not None and before.kind == "paragraph" else None
        if ordered:
            titles = [(child.content, *self._content(child.children[0])) for child in block.children if child.children]
            goal, _ = goal_of(
                "", plain(intro.content) if intro else "", location.section or location.title, location.names
            )
            if len(titles) == len(block.children):
                yield from procedure_claims(titles, goal, location)
        else:
            yield from list_claims(block, intro, self.text, location)
        for item in block.children:
            yield from item_claims(item, self.text, location, self.told)
            if not item.children:
                continue
            first = item.children[0]
            title = plain(first.content).rstrip(":") if first.content.rstrip("* ").endswith(":") else ""
            rest = item.children[1:] if first.kind == "paragraph" else item.children
            yield from self.claims(rest, title if first.kind == "paragraph" else "", nested=True)

    def _html(self, block: Block, after: Sequence[Block], location: Location) -> Iterator[Claim]:
        summary = _SUMMARY.search(block.content)
        if summary:
            yield from self._answer(summary.group(1), after, location)

    def _answer(self, question: str, after: Sequence[Block], location: Location) -> Iterator[Claim]:
        """The paragraph that follows a question, where it is whole: no list, example or table goes on with it."""
        if not after or after[0].kind != "paragraph" or (len(after) > 1 and after[1].kind in _GOES_ON):
            return
        start, end = self._content(after[0])
        stop = max((start + close for _, close in sentences(self.text[start:end])), default=start)
        if stop - start > _ANSWER_CHARACTERS:
            return
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
            goal, _ = goal_of("", "", location.section or location.title, location.names)
            yield from procedure_claims(steps, goal, location)


def page_words(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """Words with a capital inside a sentence of prose (names), and words in lower case (common nouns)."""
    prose = re.sub(r"```.*?```|^#.*$|`[^`]*`|\]\([^)]*\)", " ", text, flags=re.DOTALL | re.MULTILINE)
    return frozenset(re.findall(r"(?<=[a-z,] )([A-Z]\w*)", prose)), frozenset(re.findall(r"\b[a-z]+\b", prose))
