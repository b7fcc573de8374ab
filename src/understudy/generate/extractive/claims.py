"""Claims: what a piece of text states, before it is known how to ask for it without ambiguity."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from understudy.generate.extractive.corpus import Corpus
from understudy.generate.extractive.lexicon import ACRONYMS
from understudy.generate.extractive.owners import (
    in_code,
    is_kind,
    is_label,
    known_by_itself,
    named_program,
    thing,
    topic,
    typed_command,
    unnumbered,
)
from understudy.types import Document

_PROGRAM = re.compile(
    r"([a-z][\w.+-]*|[A-Z][A-Z ]{2,30}[A-Z]|\w*[a-z]\w*_\w+)(?: ?\(\d\w*\))?(?:(?: (?:-{1,3}|—|–|:)|:) .*)?"
)


_NO_PROGRAM = re.compile(r"\b(?:HOWTO|README|TODO|GUIDE)$|\(7\w*\)")


@dataclass(frozen=True, slots=True)
class Location:
    """Where a claim stands: the document and the headings above it, outermost first.

    names: words of the document that are written with a capital in the middle of a sentence.
    common: words of the document that are written in lower case.
    corpus: what the whole documentation shows about its words.
    """

    document: Document
    headings: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()
    common: frozenset[str] = frozenset()
    corpus: Corpus = field(default_factory=Corpus)

    @property
    def title(self) -> str:
        return unnumbered(self.document.title) or (self.headings[0] if self.headings else self.document.doc_id)

    @property
    def program(self) -> str:
        """The program or module that the page is about, where the title is its name: `git-push(1)`, `ALTER TABLE`; with
        its subcommand where the section is about one."""
        for heading in [*reversed(self.headings), self.title]:
            if command := typed_command(heading, self.document.text) or named_program(heading, self.title):
                return command
        match = _PROGRAM.fullmatch(self.title)
        if match is None or _NO_PROGRAM.search(self.title) or is_label(self.title):
            return ""
        if self.title.rpartition(" ")[2] in ACRONYMS:
            return ""  # `HTTP` is no program
        named = re.compile(rf"`?({re.escape(match[1])}(?: [a-z][\w-]*)+)")
        below = next((found for h in reversed(self.headings) if (found := named.match(h))), None)
        return below[1] if below else match[1]  # `tool sub` under a heading of that name

    @property
    def is_file(self) -> bool:
        """Whether the page is about a file, so that its options are settings: `keel.conf(5)`."""
        return bool(re.search(r"\(5\w*\)|\w\.(?:conf|cfg|ini|toml|ya?ml|json)\b", self.title))

    def owner_of(self, part: str) -> str:
        """The innermost heading in code that does not name the part itself, as code; empty without one."""
        for heading in reversed(self.headings):
            if owner := in_code(heading, part):
                return owner
            if not in_code(heading, ""):
                return ""
        return ""

    def thing_of(self, part: str) -> str:
        """The class, function or component that has a part: `` `Relay()` ``, `the relay plugin`; empty where unsure."""
        return thing(self.headings, self.title, self.document.text, self.corpus.product, part)

    def placed(self, name: str, noun: str, spaced: bool = False) -> str | None:
        """What a question must add to a listed name for it to be one thing: ` of the relay plugin`, or nothing, where
        the name is long enough or the program is named anyway. None where nobody says whose it is.

        noun: what the list calls its entries. spaced: whether it writes nearly all names with the part before the dot.
        """
        section = self._in_brackets
        if self.program and "()" not in name:
            return section or self._part_of_program
        if section:
            return None if self._topic is None else f"{section}{self._topic}"
        if _NUMBERED.fullmatch(name):
            return ""
        whole, part = known_by_itself(name), noun.split()[-1] in _PARTS
        if whole and (not part or name.count(".") > 1 or (spaced and "." in name)):
            return (self._topic or "") if noun in _OF_ONE and re.match(r"[a-z]+[A-Z]", name) else ""
        if owner := self.thing_of(name):
            return f" of {owner}"
        several = re.search(r"[a-z][_.-][a-z]|[a-z][A-Z]|[A-Z]_[A-Z]", name)
        where = " ".join([self.title, *self.headings])
        if not part and re.match(r"(?!-)(?:[\w.~-]*/|[\w-]+ \w)", name):
            return ""  # a path, a command, a message
        of_settings = all(is_label(h) or _CONFIGURES.search(h) for h in (self.title, *self.headings))
        listed = (noun not in _OF_MANY and not part) or (noun == "option" and of_settings)
        listed = listed or (noun == "parameter" and _CONFIGURES.search(where) is not None)
        dotted = "." in name and (not part or re.search(r"\w\.\w+[._-]\w|\w[_-]\w+\.\w", name))
        if dotted or (several and listed and not name.startswith("-")):
            return self._topic
        flag = name.startswith("-") and len(name.split()[0]) > 3
        above = [h for h in (self.title, *self.headings) if not (self.corpus.small and h == self.title)]
        whole_page = all(is_label(heading) for heading in above)
        return "" if flag and (whole_page or _OF_ALL.search(where)) else None

    @property
    def _in_brackets(self) -> str:
        """The section of a configuration file that a heading names, as code; empty without one."""
        for heading in reversed(self.headings):
            if match := re.match(r"\[([\w.-]+)\]", heading):
                written = re.search(rf"\[((?-i:[A-Z]){re.escape(match[1][1:])})\]", self.document.text, re.IGNORECASE)
                return f" of the `[{written[1] if written else match[1]}]` section"
        return ""

    @property
    def _part_of_program(self) -> str:
        """The part of a program that a section of its page is about: ` of the log statement`; empty without one."""
        words = self.section.split()
        whole = len(words) not in (2, 3) or is_label(self.section) or is_kind(self.section) or not is_kind(words[-1])
        return "" if whole or words[-1].lower().endswith("s") else f" of the {self.section.lower()}"

    @property
    def _topic(self) -> str | None:
        """What a question adds to a name of two parts: the topic that the page is about, ` for federation`; nothing
        where the page is about settings of the whole; None where its title is no topic."""
        above = [unnumbered(h) for h in (self.title, *self.headings) if not h.startswith("[")][:2]
        if self.corpus.small or all(
            is_label(h) or is_kind(h) or _CONFIGURES.search(h) or h == self.corpus.product for h in above
        ):
            return ""
        found = topic(self.title, self.document.text, self.corpus.product)
        article = "the " if is_kind(found.rpartition(" ")[2]) and not found.endswith("s") else ""
        return f" for {article}{found}" if found else None

    @property
    def section(self) -> str:
        """The innermost heading that is not the page's title; empty at the top of a page."""
        below = [h for h in self.headings if h and h != self.title]
        return below[-1] if below else ""


_PARTS = frozenset(
    {"argument", "attribute", "column", "field", "flag", "key", "keyword", "limit", "parameter", "property", "value"}
)
"""What one thing of several has: to be asked for with its owner, however long its name."""
_OF_ONE = frozenset({"argument", "field", "key", "option", "parameter", "property"})
"""What a topic has, so that `maxIdleConns` is asked for with it, long as the name is."""
_OF_MANY = frozenset({"parameter", "option", "one", "function", "method", "variant", "member"})
_CONFIGURES = re.compile(r"config|settings?\b|options?\b|server|connection|environment", re.IGNORECASE)
"""What a product has many lists of; of anything else a name of two parts is enough."""
_NUMBERED = re.compile(r"[A-Z]{1,5}-?\d{3,}")
"""A code that one product has once."""
_OF_ALL = re.compile(r"\b(?:common|global|general|command[- ]line|CLI)\b", re.IGNORECASE)
_PART = re.compile(
    r"(?:the )?(?:\w+ )?`?[\w.<>*-]+`? (?:keyword )?(?P<n>argument|parameter|keyword|field|key|column|attribute|"
    r"property|option|setting|flag|"
    r"mode|clause|modifier|value|subcommand|subdirective|method|variable|part)s?",
    re.IGNORECASE,
)


def part_of(subject: str) -> str:
    """What a subject is a part of something as: `argument` of `` the `select` argument ``; empty where it is whole.

    A name with a dot or of several words in one (`Form.is_valid`, `max_batch_size`) says itself whose it is.
    """
    match = _PART.fullmatch(subject)
    return match["n"].lower() if match and not re.search(r"\w\.\w|\w_\w+_\w|\(", subject) else ""


@dataclass(frozen=True, slots=True)
class Claim:
    """`form` says which paraphrases fit (see paraphrases.py); the other fields fill them.

    start, end: the quote in `document.text`. weak: the subject means something only on its page.
    answer: what a pair answers where that is more than the value. words: further template fields.
    asked: whether it is clear enough to be asked for; else its value serves as a wrong option only.
    """

    form: str
    subject: str
    attribute: str
    value: str
    start: int
    end: int
    location: Location
    type: str = ""
    weak: bool = False
    answer: str = ""
    words: Mapping[str, str] = field(default_factory=dict)
    asked: bool = True
