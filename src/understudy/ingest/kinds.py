"""What kind of page a document is, by its structure: what it consists of, how its items are made and ordered.

Change logs, indexes, tables of contents, cross-references, licences, keyword lists and source listings hold words of
the subject and little that is worth a lesson; they are found in a search like every other page.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise

from understudy.normal import lowered

REFERENCE = "reference"
TUTORIAL = "tutorial"
CHANGE_LOG = "change log"
INDEX = "index"
CONTENTS = "table of contents"
CROSS_REFERENCE = "cross-reference table"
LICENCE = "licence"
KEYWORDS = "keyword list"
SOURCE = "source listing"
KINDS = (REFERENCE, TUTORIAL, CHANGE_LOG, INDEX, CONTENTS, CROSS_REFERENCE, LICENCE, KEYWORDS, SOURCE)
NOT_TAUGHT = frozenset(KINDS) - {REFERENCE, TUTORIAL}

_ITEM = re.compile(r"(?:[-*+]|\d{1,9}[.)])\s+")
_LINK = re.compile(r"\[([^\]\n]{1,500})\]\([^)\n]{0,1000}\)")  # bounded: what nothing closes is not looked for again
_MARKUP = re.compile(r"\*|`|\\|<[^>\n]{1,80}>|\]\([^)\n]{0,1000}\)|\[")  # by first letters, which is quick
_VERSION = re.compile(
    r"(?:[\w.+-]+\s+){0,3}?\[?v?\d+(?:\.\d+)+[\w.+-]*\]?(?:\s*[-–—:(]?\s*\(?[\w,./ -]{0,30}\d{2,4}[^)]{0,12}\)?)?"
    r"|\[?\d{4}-\d{2}-\d{2}\]?(?:\s*\(?v?[\d.]+\)?)?|\[?unreleased\]?(?:\s.{0,20})?"
    r"|(?:\d{1,2}\s+)?[A-Z][a-z]{2,8}\.?\s+(?:\d{1,2},?\s+)?\d{4}",
    re.IGNORECASE,
)
_SECTION_NUMBER = re.compile(r"\d+(?:\.\d+)*\.?$")
_BAR = re.compile(r"(?<!\\)\|")  # between cells of a table
_NAME = re.compile(r"\w+")  # with which what a row is about begins
_CHANGE = re.compile(
    r"(?:\W{0,3}[\w/.-]{1,40}\W{0,2}[:/]\s+)?(?:add|fix|remov|improv|updat|chang|enhanc|deprecat|drop|introduc|renam|support|mov|allow|avoid|bug"
    r"|correct|new\b|refactor|revert|bump|speed|optimi[sz]|increas|reduc|rework|replac|ensure|prevent|make|made|upgrad"
    r"|clean|document|extend|implement|cve-)",
    re.IGNORECASE,
)
_LOG_TITLE = re.compile(
    r"\bchange ?-?log\b|\brelease (?:notes?|history|log)\b|\bwhat['’]?s new\b"
    r"|\b(?:history of|list of) (?:changes|releases)\b|\b(?:change|revision|version) history\b"
    r"|^(?:changes|history|news)$|\breleases? \d+(?:\.\d+)|\bchanges (?:in|since|from|to) ",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d+\.\d+")
_A_RELEASE = re.compile(r"(?:[\w+-]+\s+){0,3}v?\d+(?:\.\d+){1,3}")  # `Heron 2.1.2`
_TUTORIAL = re.compile(
    r"\btutorials?\b|\bgetting[ -]started\b|\bquick ?-?start\b|\bwalk-?through\b|\bfirst steps\b|\bhow ?-?to\b"
    r"|\bin \d+ minutes\b",
    re.IGNORECASE,
)
_STEP = re.compile(r"(?:step|part|lesson|exercise)\s+\d+\b", re.IGNORECASE)
_YOU = re.compile(r"\b(?:you|your|you[’']ll|we[’']ll|let[’']?s|let us)\b")
_YOU_PARTS = ("you", "we’ll", "we'll", "let")  # each of these words has one
_KEYWORDS = re.compile(r"\bkey ?words\b|\breserved words\b", re.IGNORECASE)
_CROSS = re.compile(r"\bcross[ -]?ref|\bback ?-?links?\b|\btraceability\b|\w matrix$", re.IGNORECASE)
_INDEX = re.compile(r"\bindex\b", re.IGNORECASE)
_SOURCE = re.compile(r"\bsource(?: (?:code|file)\b|$)", re.IGNORECASE)
_LEGAL = tuple(
    (needs.split("|"), re.compile(p))
    for needs, p in (  # in lower case; a part without which nothing matches is looked for first, which takes no time
        ("permission", r"permission is hereby granted|permission to use, copy"),
        ("warrant", r"without warranty of any kind|as[ -]is\b.{0,40}\bwarrant"),
        ("merchantability", r"\bmerchantability\b"),
        ("fitness for", r"fitness for a particular purpose"),
        ("redistribut", r"redistributions? (?:in|of)|redistribute"),
        ("licensor|licensee", r"\blicensor\b|\blicensee\b"),
        ("in no event", r"in no event shall"),
        ("liab", r"liable (?:for|to) any|limitation of liability"),
        ("all copies", r"all copies or substantial"),
        ("terms and", r"terms and conditions"),
        ("derivative", r"\bderivative works?\b"),
        ("hereby", r"hereby grants?"),
        ("copyright", r"copyright (?:notice|holder)"),
        ("indemnif", r"\bindemnif"),
        ("this licen|this agreement", r"this (?:license|licence|agreement)"),
        ("public domain", r"public domain"),
    )
)
_FENCES = frozenset({"```", "~~~"})
_ALL_CODE = 0.9  # share of a page's words in code from which it holds little else
_SHORT = 8  # words of an entry in a list that only says what there is
_SMALL = 30  # words below which a page shows no structure


@dataclass(slots=True)
class _Shape:
    """What a page consists of, in words."""

    words: int = 0
    prose: int = 0
    table: int = 0
    code_blocks: int = 0
    code: int = 0
    linked: int = 0
    rows: list[str] = field(default_factory=list)  # of tables, as they are written
    headings: list[str] = field(default_factory=list)
    items: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)  # of items and prose
    labels: list[str] = field(default_factory=list)  # a line that is bold as a whole, or a term
    in_items: int = 0
    nested: bool = False  # whether a list stands within a list


def kind_of(text: str, title: str, doc_id: str = "", linked: float | None = None) -> str:
    """One of `KINDS`, for a page's Markdown, title and path.

    linked: the share of words within links, where the text does not show them (links within a site of HTML).
    """
    shape = _shape(text)
    if _is_bare_list(shape):
        return CONTENTS
    if shape.words < _SMALL:
        return REFERENCE
    if shape.code >= _ALL_CODE * shape.words and any(_SOURCE.search(name) for name in (title, *shape.headings[:1])):
        return SOURCE
    if linked is None:
        linked = shape.linked / shape.words
    small = lowered(text)
    if _is_licence(small, title, shape):
        return LICENCE
    if _is_change_log(title, shape):
        return CHANGE_LOG
    if linked >= 0.2 and not shape.code_blocks and _CROSS.search(title) and shape.prose < 0.2 * shape.words:
        return CROSS_REFERENCE
    if (linked >= 0.15 and _is_listing(shape)) or (linked >= 0.1 and _is_by_letters(title, shape)):
        return INDEX
    if linked >= 0.4 and shape.table >= 0.6 * shape.words and len(shape.rows) >= 15:
        return CROSS_REFERENCE
    if linked >= 0.5 and shape.code_blocks == 0 and len(shape.lines) >= 10:
        short = sum(len(line.split()) <= 10 for line in shape.lines)
        if short >= 0.8 * len(shape.lines):
            ordered = len(shape.lines) >= 20 and (_is_sorted(shape.items or shape.lines) or _has_letters(shape))
            return INDEX if ordered else CONTENTS
    if _is_keyword_list(title, shape):
        return KEYWORDS
    return TUTORIAL if _is_tutorial(small, f"{title} {doc_id.replace('/', ' ')}", shape) else REFERENCE


def _shape(text: str) -> _Shape:
    shape = _Shape()
    fence = ""
    code: list[str] = []
    for raw in text.split("\n"):
        line = raw.lstrip(" \t>")
        if not line:
            continue
        first = line[0]
        if first in "`~" and line[:3] in _FENCES:
            mark = line[:3]
            fence = ("" if mark == fence else fence) if fence else mark
            shape.code_blocks += fence == mark
            continue
        if fence:
            code.append(line)
            continue
        plain = _MARKUP.sub("", line)
        n = len(plain.split())
        shape.words += n
        if "](" in line:
            shape.linked += sum(len(m[1].split()) for m in _LINK.finditer(line))
        if first == "#":
            shape.headings.append(plain.lstrip("# ").strip())
        elif first == "|":
            shape.table += n
            if "---|" not in line:
                shape.rows.append(line)
        elif not first.isalpha() and (mark_of := _ITEM.match(line)) is not None:
            item = plain[mark_of.end() - (first == "*") :].strip()  # of all marks, only this one is markup too
            shape.items.append(item)
            shape.lines.append(item)
            shape.in_items += n
            shape.nested = shape.nested or raw[:2] == "  "
        else:
            shape.prose += n
            shape.lines.append(plain.strip(" :"))
            if n <= 8 and line.startswith(("**", "`")) and line.endswith(("**", "`")):
                shape.labels.append(plain.strip())
    shape.code = len(" ".join(code).split())
    shape.words += shape.code
    return shape


def _is_licence(small: str, title: str, shape: _Shape) -> bool:
    named = re.search(
        r"\blicen[cs]es?\b|\bcopying\b|\bcopyright\b|\beula\b|\bterms of\b|\bagreement\b", title, re.IGNORECASE
    )
    if named is None and shape.code_blocks > 1:
        return False
    hits = sum(any(part in small for part in needs) and p.search(small) is not None for needs, p in _LEGAL)
    dense = hits >= (4 if shape.words < 600 else 6) and hits * 400 >= shape.words
    return (dense and shape.code_blocks <= 1) or (named is not None and hits >= 2)


def _is_change_log(title: str, shape: _Shape) -> bool:
    heads = shape.headings or shape.labels
    versions = sum(
        bool(_VERSION.fullmatch(h)) and (not _SECTION_NUMBER.match(h) or len(heads) < 3 or "." in h) for h in heads
    )
    if versions >= 3 and versions >= 0.5 * len(heads):
        return True
    labels = sum(bool(_VERSION.fullmatch(i.rstrip(" :"))) for i in shape.labels)
    if labels >= 5 and labels >= 0.6 * len(shape.labels):
        return True
    changes = sum(_CHANGE.match(i) is not None for i in shape.items)
    many = len(shape.items) >= 5 and changes >= 0.4 * len(shape.items)
    if many and _A_RELEASE.fullmatch(title):
        return True
    named = sum(_LOG_TITLE.search(h) is not None and _NUMBER.search(h) is not None for h in heads)
    if _LOG_TITLE.search(title) and (versions + named >= 2 or many or _NUMBER.search(title)):
        return True
    return len(shape.items) >= 12 and changes >= 0.6 * len(shape.items) and shape.in_items >= 0.6 * shape.words


def _is_listing(shape: _Shape) -> bool:
    """Whether a page is one table of names in their order, with whose they are and what else is said of many of them:
    such as the members of a class, each of which has its own words elsewhere."""
    if shape.code_blocks or len(shape.headings) > 1 or shape.table < 0.3 * shape.words:
        return False
    rows = [row for row in ([cell.strip() for cell in _BAR.split(line)[1:-1]] for line in shape.rows) if any(row)]
    if len(rows) < 3 or len({len(row) for row in rows}) > 1 or len(rows[0]) < 2:
        return False
    names, owners, *others = zip(*rows, strict=True)
    repeated = len(set(owners)) <= 0.4 * len(rows) and all(len(set(column)) <= 0.7 * len(rows) for column in others)
    return repeated and _is_sorted([found[0] for name in names if (found := _NAME.search(name))], 0.7)


def _is_by_letters(title: str, shape: _Shape) -> bool:
    """Whether a page that calls itself an index has a letter above each part."""
    letters = [h for h in shape.headings if len(h) == 1]
    return _INDEX.search(title) is not None and len(letters) >= max(1, len(shape.headings) - 1) and _is_sorted(letters)


def _is_bare_list(shape: _Shape) -> bool:
    """Whether a page is lists within lists and labels above them, and no entry is a sentence."""
    told = len(shape.lines) - len(shape.items) - len(shape.labels)
    if not shape.nested or shape.headings or shape.rows or shape.code_blocks or told:
        return False
    return all(len(item.split()) <= _SHORT and not item.endswith((".", "!", "?")) for item in shape.items)


def _is_keyword_list(title: str, shape: _Shape) -> bool:
    """Many items of a word or two, with hardly a sentence about any."""
    single = [i for i in shape.items if len(i.split()) <= 2]
    if _KEYWORDS.search(title) and (len(single) >= 30 or (len(shape.rows) >= 60 and shape.table >= 0.8 * shape.words)):
        return True
    return (
        len(single) >= 30
        and len(single) >= 0.85 * len(shape.items)
        and sum(len(i.split()) for i in single) >= 0.3 * shape.words
        and shape.prose <= 4 * len(single)
        and shape.table < 0.3 * shape.words
    )


def _is_tutorial(small: str, title: str, shape: _Shape) -> bool:
    if _TUTORIAL.search(title) or sum(_STEP.match(h) is not None for h in shape.headings) >= 3:
        return True
    least = 0.025 * shape.words
    if shape.code_blocks < 3 or shape.prose < 150 or sum(map(small.count, _YOU_PARTS)) < least:
        return False
    return len(_YOU.findall(small)) >= least


def _is_sorted(items: list[str], least: float = 0.85) -> bool:
    keys = [re.sub(r"^\W+", "", i).casefold() for i in items]
    keys = [k for k in keys if k]
    return sum(a <= b for a, b in pairwise(keys)) >= least * (len(keys) - 1)


def _has_letters(shape: _Shape) -> bool:
    return sum(len(h) == 1 for h in [*shape.headings, *shape.labels]) >= 8
