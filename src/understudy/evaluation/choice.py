"""Which sentences of the passages answer a question, by what can be seen without a language model.

A sentence is worth what it holds of the question's telling words, itself, in the headings above it and in its
neighbours, whether it has what such a question asks for (a number, a reason, a condition, a name), and how near its
meaning is to the question's, where the index has an embedding model. docs/benchmark.md says how the weights were found
and what they are worth.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, replace
from itertools import pairwise

from understudy.evaluation.lexical import STOP, content, stem_of, words
from understudy.evaluation.sentences import Sentence, sentences
from understudy.evaluation.support import Support, Topic
from understudy.types import Chunk

_FEWEST = 3  # words of a sentence that could be an answer
_LONGEST = 500  # characters of one
_CANDIDATES = 24
_WEIGHED = 64  # sentences of which it is looked how near they are
_CLOSE = 8.0  # what it is worth to mean the same as the question
_ENDS = (".", "!", "?", ":", ";")
_HEADED = 0.5  # what a word in the heading counts of one in the sentence, for being about the question at all
_FITS = 0.8  # what the kind of thing asked for is worth
_WEIGHTS = {
    "own": 3.5,  # share of the question's telling words in the sentence
    "related": 3.0,  # in another form
    "heading": 2.8,  # in the headings above it alone
    "near": 1.6,  # in the sentences beside it alone
    "order": 1.4,  # share of the question's neighbouring words that stand together
    "first": 0.8,  # the sentence begins with what is asked about
    "rank": 1.6,  # its passage is the best; half of it for the second
    "asks": -2.6,  # it is a question itself
    "announces": -1.2,  # it ends with a colon, and what follows is not in this passage
    "code": -1.0,  # where the question is not how to do something
    "bare": -1.0,  # no sentence: it ends without a mark, as the entries of a list of contents do
    "cut": -1.5,  # its passage begins or ends within it, or it goes on from one that is not there
}
_KINDS = {
    "number": r"\bhow (?:many|much|long|large|big|often|far|old|fast|deep|high|small|wide|heavy|tall|hot)\b"
    r"|\b(?:number|maximum|minimum|limit|size|length|version|port|value|date|year|rate|percentage|temperature)\b",
    "why": r"^why\b|\breason\b|\bpurpose\b|\bwhat for\b",
    "when": r"^(?:since |until )?when\b",
    "how": r"^how (?:do|can|could|should|would|to|must|does one|is it possible)\b",
    "yes": r"^(?:is|are|was|were|can|could|does|do|did|should|will|would|may|must|has|have)\b",
    "define": r"^what (?:is|are)\b|\bmean\b|\bstand for\b",
    "happens": r"\bwhat (?:happens|if)\b",
    "where": r"^where\b",
    "default": r"\bdefault\b",
}
_MARKS = {
    "digit": r"(?<![\w.])\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twice|half|zero)\b",
    "because": r"\b(?:because|since|so that|therefore|thus|hence|due to|in order|so as|avoid|prevents?|reason|purpose|"
    r"allows?|ensures?)\b",
    "condition": r"\b(?:when|whenever|if|after|before|while|until|once|unless|during|at the (?:start|end|time))\b",
    "act": r"\b(?:use|using|run|set|call|invoke|add|enable|disable|specify|compile|open|create|type|select|click|"
    r"choose|press|pass|write|put|include|install|turn|execute|issue|can be|must be|by \w+ing)\b",
    "name": r"`[^`]+`|\b\w+_\w+\b|\b\w+\(|\b[A-Z]{3,}\b|\*\*[^*]+\*\*|--?[a-z]\w+|\"[^\"]+\"",
    "modal": r"\b(?:not|no|never|cannot|may|must|can|always|only|should|required?|optional|allowed|possible|supports?|"
    r"supported)\b|n't\b",
    "omitted": r"\b(?:defaults?|unless|otherwise|omitted|normally)\b",
    "place": r"\b(?:in|under|inside|into|at|from|located|stored|directory|folder|file)\b",
    "is": r"^[\"'(*`_]*(?:an? |the )?[^,.;:]{2,40}? (?:is|are|means|refers to|consists? of|was|were)\b|^[^.]{2,30}:",
}
_FOR = (
    ("number", "digit"), ("why", "because"), ("when", "condition"), ("how", "act"), ("how", "name"), ("yes", "modal"),
    ("define", "is"), ("happens", "condition"), ("where", "place"), ("default", "omitted"),
)  # fmt: skip
_KIND = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in _KINDS.items()}
_MARK = {name: re.compile(pattern, re.IGNORECASE if name != "name" else 0) for name, pattern in _MARKS.items()}


CloseTo = Callable[[Sequence[str]], Sequence[float] | None]
"""How near texts are to a question (`types.Closeness`); None where there is no embedding model."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence that could answer. value: how well, beside the others. share of the question it holds: `support`,
    whose sentence has what is told before it as well; text: the sentence without. close: how near it is, if known.
    """

    support: Support
    value: float
    text: str = ""
    close: float | None = None


def candidates(
    topic: Topic, question: str, chunks: Sequence[Chunk], close_to: CloseTo | None = None
) -> list[Candidate]:
    """Sentences that could answer a question, the best first; without an embedding model those that share a word.

    A support's share: of the question's telling words, weighted by how rare they are; a heading's count for half.
    chunks: the passages to tell from, best first. close_to: how near texts are to the question.
    """
    asked = _Asked(question, topic.weight)
    found: dict[str, tuple[Candidate, str]] = {}
    for rank, chunk in enumerate(chunks):
        parts = sentences(chunk.text)
        stems = [content(part.text) for part in parts]
        above = content(chunk.breadcrumb)
        for k, part in enumerate(parts):
            text = _with_announced(parts, k)
            told = replace(part, text=text).whole
            if part.kind == "heading" or told in found or len(text.split()) < _FEWEST or len(told) > _LONGEST:
                continue
            beside = set().union(*stems[max(0, k - 1) : k], *stems[k + 1 : k + 2])
            own = stems[k] if text == part.text else content(text)
            value, share = asked.weigh(replace(part, text=text), own, above | content(part.heading), beside, rank)
            headed = f"{part.heading or (chunk.title, *chunk.heading_path)[-1]}: {text}"
            found[told] = Candidate(Support(told, chunk, share), value, text), headed
    ranked = sorted(found.values(), key=lambda c: -c[0].value)
    best = ranked[:_WEIGHED]
    nearness = close_to([headed for _, headed in best]) if best and close_to is not None else None
    if nearness is None:
        return [c for c, _ in ranked if c.support.share > 0][:_CANDIDATES]
    closer = [replace(c, value=c.value + _CLOSE * x, close=x) for (c, _), x in zip(best, nearness, strict=True)]
    return sorted(closer, key=lambda c: -c.value)[:_CANDIDATES]


def _with_announced(parts: Sequence[Sentence], place: int) -> str:
    """A sentence; one that ends with a colon goes on with the code, the entries or the sentence that it announces."""
    text = parts[place].text
    if not _announces(text) or parts[place].kind == "heading":
        return text
    kind = ""
    for part in parts[place + 1 :]:
        if (kind and part.kind != kind) or len(text) + len(part.text) >= _LONGEST:
            break
        if part.kind == "heading":
            break
        text = f"{text}\n{part.text}"
        kind = part.kind
        if kind in ("prose", "code"):
            break
    return text


def _announces(text: str) -> bool:
    return text.rstrip("*_ ").endswith(":")


class _Asked:
    """A question's telling words in their order, with their weights, and what it asks for."""

    def __init__(self, text: str, weight: Callable[[str], float]) -> None:
        self.order = list(dict.fromkeys(stem_of(w) for w in words(text) if w not in STOP))
        self.weights = {stem: weight(stem) for stem in self.order}
        self.total = sum(self.weights.values())
        self.kinds = {name for name, pattern in _KIND.items() if pattern.search(text.strip())}
        self.marks = [_MARK[mark] for kind, mark in _FOR if kind in self.kinds]

    def held(self, stems: Set[str]) -> float:
        """The share of the telling words' weight that stands among stems."""
        return sum(w for stem, w in self.weights.items() if stem in stems) / self.total if self.total else 0.0

    def related(self, stems: Set[str]) -> set[str]:
        """The telling words that stand there in no form but a related one (`enforced`, `enforcement`)."""
        missing = [stem for stem in self.order if stem not in stems]
        return {stem for stem in missing if any(_related(stem, there) for there in stems)}

    def weigh(self, part: Sentence, own: Set[str], above: Set[str], beside: Set[str], rank: int) -> tuple[float, float]:
        """A sentence's value, and the share of the question that it holds."""
        share, headed = self.held(own), self.held(own | above)
        related = self.related(own)
        worded = self.held(own | related)  # each word of the question counts once, where it stands nearest
        titled = self.held(own | related | above)
        text = part.text
        at = {stem: k for k, stem in reversed(list(enumerate(stem_of(w) for w in words(text) if w not in STOP)))}
        pairs = list(pairwise(self.order))
        met = sum(a in at and b in at and 0 < at[b] - at[a] <= 3 for a, b in pairs)
        begins = min((at[stem] for stem in self.order if stem in at), default=None)
        seen = {
            "own": share,
            "related": worded - share,
            "heading": titled - worded,
            "near": self.held(own | related | above | beside) - titled,
            "order": met / len(pairs) if pairs else 0.0,
            "first": 1 / (1 + begins) if begins is not None else 0.0,
            "rank": 1 / (1 + rank),
            "asks": text.rstrip("\"')*_ ").endswith("?"),
            "announces": _announces(text),
            "bare": part.kind in ("prose", "item") and not part.cut and text.rstrip("\"')]*_` ")[-1:] not in _ENDS,
            "cut": part.cut,
            "code": part.kind == "code" and "how" not in self.kinds,
        }
        fits = sum(bool(mark.search(text)) for mark in self.marks)
        value = sum(_WEIGHTS[name] * amount for name, amount in seen.items()) + _FITS * fits
        return value, share + _HEADED * (headed - share)


def _related(one: str, other: str) -> bool:
    """Whether two words begin alike but for an ending."""
    short = max(4, min(len(one), len(other)) - 1)
    return min(len(one), len(other)) >= 4 and one[:short] == other[:short] and abs(len(one) - len(other)) <= 5
