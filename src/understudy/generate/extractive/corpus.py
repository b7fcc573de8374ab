"""What a whole documentation shows about its words: names, verbs, and the things it calls by a fixed name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from understudy.generate.base import Page
from understudy.generate.extractive.grammar import is_identifier, third_person
from understudy.generate.text import plain
from understudy.normal import normal

_CODE = re.compile(r"```.*?```|`[^`]*`|https?://\S+", re.DOTALL)
_VERB = re.compile(r"\b(?:to|can|will|must|should|may|cannot|does not|do not|not) ([a-z]{3,})\b")
_NOUN = re.compile(r"\b(?:the|a|an|this|each|every|any|no|these|its|their|all) ([a-z]{3,})\b")
_DEFINITE = re.compile(r"(?=\b[Tt]he ((?:[A-Za-z][\w-]* ){0,3}[a-z][\w-]*))")  # ahead only: one may begin in another
_FEW = 3


_MANY = 10  # documents from which on a question that names no product could be about anything


@dataclass(frozen=True, slots=True)
class Corpus:
    """product: what is documented, empty where no name stands out.

    verbs: third-person forms that are verbs in this text. names: words with a capital inside sentences, never in
    lower case. common: words in lower case. things: how many documents say `the X`, by `X` in normal form.
    titles: headings in normal form. pages: those in words, not in code, and titles of pages.
    """

    product: str = ""
    verbs: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    common: frozenset[str] = frozenset()
    things: Counter[str] = field(default_factory=Counter)
    titles: frozenset[str] = frozenset()
    pages: frozenset[str] = frozenset()
    documents: int = 1

    @property
    def small(self) -> bool:
        """Whether the documents are so few that what they list without a name above it is of the one product."""
        return self.documents < _MANY

    def is_specific(self, subject: str) -> bool:
        """Whether a noun phrase means one thing wherever it stands.

        True for identifiers and names, for generic phrases (`a column with TEXT affinity`, `foreign key actions`),
        and for `the X` where X is a heading or is called so in several documents.
        """
        if is_identifier(subject) or any(w in self.names for w in subject.replace("'s", "").split()):
            return True
        first, _, rest = subject.partition(" ")
        if not rest and subject[:1].isupper() and subject.lower() not in self.common:
            return True  # a name that only ever begins sentences
        if first.lower() != "the":
            return bool(rest)  # `a pack`, `foreign key actions`; a bare single word is too little
        inner = normal(rest)
        if inner in self.pages or (inner in self.titles and " " in inner):
            return True
        head = " ".join(inner.split(" of ")[0].split()[-3:])
        needed = max(2, min(_FEW, self.documents // 4)) if " " in head else max(2, self.documents // 4)
        return self.documents == 1 or self.things[head] >= needed

    def speaks_of(self, phrase: str) -> bool:
        """Whether `the X`, where X begins as the phrase (in normal form), is said in several documents."""
        inner = phrase.split()
        return self.documents == 1 or any(
            self.things[" ".join(inner[:n])] >= max(2, self.documents // 10) for n in (1, 2, 3)
        )


def read_corpus(pages: Sequence[Page], product: str) -> Corpus:
    """Statistics of all pages."""
    verbs: Counter[str] = Counter()
    nouns: Counter[str] = Counter()
    things: Counter[str] = Counter()
    inside: Counter[str] = Counter()
    lower: set[str] = set()
    titles: set[str] = set()
    for page in pages:
        text = _CODE.sub(" ` ", page.document.text)
        verbs.update(_VERB.findall(text))
        nouns.update(_NOUN.findall(text))
        inside.update(set(re.findall(r"(?<=[a-z,] )([A-Z][A-Za-z0-9]+)\b", text)))
        lower.update(re.findall(r"\b[a-z]+\b", text))
        said: set[str] = set()
        for match in _DEFINITE.finditer(text):
            tokens = normal(match[1]).split()
            said |= {" ".join(tokens[:n]) for n in range(1, len(tokens) + 1)}
        things.update(said)
        titles |= {normal(plain(h)) for h in re.findall(r"^#{1,6} +(.+?)#*$", page.document.text, re.MULTILINE)}
        titles.add(normal(page.document.title))
    third = {third_person(v): v for v, n in verbs.items() if n > 1}
    sure = {t for t, v in third.items() if not nouns[t] and nouns[v] * 2 < verbs[v]}
    names = {w for w in inside if w.lower() not in lower}
    in_words = re.compile(r"^#{1,6} +([^`\n]+?) *#*$", re.MULTILINE)  # a heading in code names a parameter of its page
    of_pages = {normal(page.document.title) for page in pages}
    of_pages |= {normal(plain(h)) for page in pages for h in in_words.findall(page.document.text)}
    return Corpus(
        product,
        frozenset(sure),
        frozenset(names),
        frozenset(lower),
        things,
        frozenset(titles),
        frozenset(of_pages),
        len(pages),
    )
