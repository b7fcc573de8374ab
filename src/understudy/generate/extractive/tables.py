"""Claims of tables: each cell beside the cell that names its row, where the header is a header."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from understudy.generate.extractive.claims import Claim, Location
from understudy.generate.extractive.descriptions import describe
from understudy.generate.extractive.grammar import BASE_VERBS, is_identifier, points_away
from understudy.generate.extractive.lexicon import (
    DEFAULT_COLUMN,
    DESCRIBES,
    IDENTIFIES,
    IMPERATIVE,
    NEEDED,
    NOUNS,
    NOUNS_TOO,
    REQUIRED_COLUMN,
    TYPE_COLUMN,
)
from understudy.generate.text import bare, clip, lower_first, plain
from understudy.generate.values import PRECISE, value_type
from understudy.normal import words
from understudy.outline import Block

_EMPTY = frozenset({"", "-", "–", "—", "n/a", "N/A", "✓", "✗", "none", "None", "?", "..."})
_SAMPLE = re.compile(r"(?:test|foo|bar|baz|example|sample|dummy|demo|hello)(?![a-z])")  # data of an example
_GONE = re.compile(r"\W*(?:deprecated|obsolete|removed)\b.{0,30}", re.IGNORECASE)
_NO_DEFAULT = NEEDED | {"(none)", "varies", "unset", "unspecified"}
_HELP = re.compile(
    r"(?:Prints?|Shows?|Displays?|Outputs?) (?:an? |the |this |out )?(?:\w+ )?(?:(?:usage|help)\b|"
    r"version(?: information| number| string)?(?: and exits?)?\.?$)",
    re.IGNORECASE,
)
_HOW = re.compile(r"(?:how|whether|when|where|what|which)\b", re.IGNORECASE)
_DOES_NOTHING = frozenset(
    {"metric", "column", "field", "event", "status", "type", "key", "attribute", "value", "header"}
)
_NAVIGATION = frozenset({"prev", "previous", "next", "up", "home", "top", "index", "contents", "back"})
_NO_NOUNS = frozenset(
    {"one", "example", "input", "expression", "query", "output", "syntax", "feature", "case", "scenario"}
)
_DESCRIBED = frozenset(NOUNS) | frozenset(
    """
    function class module package program macro directive statement operator keyword hook signal object tag interface
    subcommand message warning symbol component service plugin extension middleware rule role permission state level
    mode format type
    """.split()  # noqa: SIM905
)
"""What a row is described as; of a platform or a site a row tells what others do there."""
_PARTS = frozenset(
    {"column", "field", "argument", "parameter", "key", "attribute", "property", "flag", "option", "name"}
)
_OWNED = frozenset({"column", "field", "argument", "key", "attribute", "property"})
"""What one asks of only with the name of the thing that has it."""
_CAN_BE_SET = frozenset({
    "argument", "attribute", "environment variable", "field", "flag", "key", "option", "parameter", "property",
    "setting", "variable",
})  # fmt: skip
_WHOLE = frozenset(
    {"shortcut", "concept", "term", "tool", "page", "component", "part", "item", "one", "product", "service"}
)
"""What has a name of its own, with a capital."""
_ASKED_OF = frozenset(
    """
    address capacity code colour color command cost delay duration encoding extension frequency host interval length
    level licence license limit maximum memory minimum path period permission platform port precedence prefix priority
    protocol range rate ratio release resolution schedule scheme scope shortcut size state status suffix symbol syntax
    target threshold time timeout token unit url user version volume weight width
    """.split()  # noqa: SIM905
)
"""Columns of which one asks `What is the ... of ...?`; of a `name`, a `type` or a `group` nobody does."""
_OF_PLACES = frozenset(
    {"file", "folder", "directory", "path", "page", "route", "tool", "concept", "code", "header", "key"}
)
"""What a heading is often about without its entries being such."""
_NAME_HEADERS = frozenset(NOUNS) | IDENTIFIES
_REMARK = re.compile(
    r"\s*\((?:new|added|since|available|deprecated|optional|required|default)\b[^()]*\)$", re.IGNORECASE
)
_ENVIRONMENT = re.compile(r"env(?:ironment)?(?: var(?:iable)?)?")


def table_claims(table: Block, text: str, location: Location) -> Iterator[Claim]:
    """One claim a cell; none of a table whose first row is data, or whose rows are not named by a column."""
    rows = [row for row in table.children if row.cells]
    header = [plain(cell).strip() for cell in rows[0].cells] if rows else []
    body = [row for row in rows[1:] if len(row.cells) == len(header)]
    if not body or not is_header(header, [[plain(c).strip() for c in row.cells] for row in body]):
        return
    lower = [h.lower() for h in header]
    column = _naming_column(lower, [r.cells for r in body])
    if column is None:
        return
    noun = noun_of(lower[column], location)
    names = [bare(plain(row.cells[column])) for row in body]
    numbered = value_type(names[0]) in ("number", "code")
    numbered = numbered or 2 * sum(bool(re.fullmatch(r"[A-Z]{1,2}\d[\d-]*", n)) for n in names) > len(names)
    if numbered and noun not in ("code", "error code", "status", "port", "error", "event", "exit status"):
        return
    spaced = sum("." in name for name in names) > 0.8 * len(names)
    for row in body:
        name = plain(row.cells[column]).strip()
        name = _REMARK.sub("", name).rstrip("\\*")
        if noun == "environment variable":
            name = name.partition(", ")[0]  # what follows are its older names
        if (
            not name
            or name in _EMPTY
            or bare(name)[:1] == "<"
            or not words(name)
            or "``" in name
            or name.count('"') % 2
            or bare(name).endswith(("...", "_"))
            or sum(c.isdigit() for c in name) > 8
            or any(_SAMPLE.match(bare(plain(cell)).lower()) or _GONE.fullmatch(plain(cell)) for cell in row.cells)
            or not (is_identifier(name) or name[:1].isupper() or " " not in name)
        ):
            continue  # `less than` is no name
        called = "option" if re.match(r"`?--?[a-zA-Z]", name) else noun
        subject = _row_subject(name, called)
        if not location.program and (
            re.fullmatch(r"[-\d.:]+", bare(name)) or (value_type(bare(name)) == "flag" and len(name.split()[0]) < 3)
        ):
            continue  # `-c` and byte 12: of which command, of which file?
        weak = bool(location.program)
        place = location.placed(bare(name), noun, spaced)
        if place is None and (noun not in _WHOLE or not bare(name)[:1].isupper()):
            continue  # whose?
        subject = f"{subject}{place or ''}"
        for i, cell in enumerate(row.cells):
            value = plain(cell).strip()
            if i != column and value not in _EMPTY and lower[i]:
                found = _cell(subject, called, lower[i], value, row.start, row.end, location)
                yield from (replace(claim, weak=True) for claim in found) if weak else found


def is_header(header: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names columns: short, different words, unlike the data below."""
    names = [h for h in header if h]
    if len(names) < 2 or len({h.lower() for h in names}) < len(names) or any(h.lower() in _NAVIGATION for h in names):
        return False
    if any(len(h.split()) > 5 or h.endswith((":", ".", ",")) or "`" in h or re.search(r"\d", h) for h in names):
        return False
    if any(h == row[i] for i, h in enumerate(header) if h for row in body):
        return False
    return len(body) > 1 or all(h.lower() in _NAME_HEADERS | DESCRIBES | DEFAULT_COLUMN | TYPE_COLUMN for h in names)


def _naming_column(header: list[str], rows: Sequence[tuple[str, ...]]) -> int | None:
    """The column whose cells name the rows: a known noun, or the first column if its cells all differ."""
    columns = [[plain(r[i]) for r in rows] for i in range(len(header))]
    for i, name in enumerate(header):
        if name in ("path", "endpoint", "url", "route") and len(set(columns[i])) == len(rows):
            return i
    for i, name in enumerate(header):
        single = _single(name)
        if (single in NOUNS or single in IDENTIFIES or i == 0) and name not in DESCRIBES | DEFAULT_COLUMN | TYPE_COLUMN:
            cells = columns[i]
            alone = len(set(cells)) == len(cells) and all(len(v) < 60 and v.count(" ") < 5 for v in cells)
            return i if alone and re.fullmatch(r"[a-z]+(?: [a-z]+)?", name) else None
    return None


def noun_of(name: str, location: Location) -> str:
    """What the rows or entries are called: by the header's own word, else by a heading; `one` where nobody says."""
    single = _single(name).removesuffix(" name").removeprefix("cli ").removeprefix("config ")
    if _ENVIRONMENT.fullmatch(single):
        return "environment variable"
    if single in NOUNS:
        return "error code" if single == "code" and "error" in location.section.lower() else single
    if single == "path":
        return "endpoint"
    for where in (location.section.lower(), location.title.lower()):
        for noun in sorted(NOUNS, key=len, reverse=True):
            if (
                noun not in _OF_PLACES
                and (noun in _CAN_BE_SET or noun == "metric" or where == f"{noun}s")
                and single in IDENTIFIES
                and re.search(rf"\b{noun[:-1] + 'ies' if noun.endswith('y') else noun + 's'}\b", where)
            ):
                return noun
    return single if single and single not in IDENTIFIES and len(single.split()) <= 2 else "one"


def _single(name: str) -> str:
    return name[:-1] if name.endswith("s") and not name.endswith(("ss", "us")) else name


def _row_subject(name: str, noun: str) -> str:
    code = "`" in name
    if noun == "one" or noun in name.lower():
        return f"the {lower_first(name)}" if not code and _common(name) else name
    if noun in _PARTS and not code and name.islower() and name.isalpha():
        return f"the {noun} `{name}`"
    if code or noun in ("shortcut", "error code", "code") or value_type(name) not in PRECISE:
        return f"the {noun} {name}"
    return f"the {noun} `{name}`"


def _common(name: str) -> bool:
    """`Relay daemon` is a common noun; `Tavimor Relay` and `Relay` may be names."""
    parts = name.split()
    return len(parts) > 1 and all(p.islower() for p in parts[1:])


def _cell(
    subject: str, noun: str, column: str, value: str, start: int, end: int, location: Location
) -> Iterator[Claim]:
    said = {"n": noun}
    if column in DEFAULT_COLUMN:
        kind = value_type(value)
        known = kind in PRECISE or len(value.split()) == 1
        if known and value.lower() not in _NO_DEFAULT and (kind != "boolean" or noun in _CAN_BE_SET):
            yield Claim("default", subject, "default", bare(value), start, end, location, kind, words=said)
    elif column in TYPE_COLUMN:
        if len(value.split()) <= 3 and (noun not in _OWNED | {"one"} or " of `" in subject or location.program):
            yield Claim("type", subject, "type", bare(value), start, end, location, "data type")
    elif column in REQUIRED_COLUMN:
        if value.lower() in ("yes", "no", "true", "false", "required", "optional"):
            yes = value.lower() in ("yes", "true", "required")
            yield Claim("required", subject, "required", "Yes" if yes else "No", start, end, location, "boolean")
    elif column in DESCRIBES or column == "meaning":
        yield from described(subject, noun, value, start, end, location, row=True)
    elif column == "method" and value.isupper():
        yield Claim("method", subject, "method", value, start, end, location, "method")
    elif (
        column.split()[-1] in _ASKED_OF
        and len(column.split()) <= 2
        and noun not in _NO_NOUNS
        and " " not in noun.removeprefix("environment ")
    ):
        kind = value_type(value, column)
        if kind != "boolean" and (kind in PRECISE or len(value.split()) <= 3):
            shown = bare(value) if kind in PRECISE else value
            yield Claim("attribute", subject, column, shown, start, end, location, kind, words=said)


def described(
    subject: str, noun: str, value: str, start: int, end: int, location: Location, row: bool = False, weak: bool = False
) -> Iterator[Claim]:
    """A claim of what a thing does, is or means, by the form of its description.

    row: a table's row; its cell describes by position, so that a form which is not known is still a description.
    """
    if _HELP.match(value):
        return  # everybody knows
    found = describe(value, noun == "option")
    if found is not None and found.style == "is" and noun not in _CAN_BE_SET and _HOW.match(found.head):
        return  # `how often it looks` is not what a function is
    if found is not None and found.style == "does" and noun in _DOES_NOTHING and value.split()[0].lower() in BASE_VERBS:
        return  # `import operations` of a metric are operations
    if noun in ("error", "error code", "code", "status", "exit status"):
        first = value.split()[0].lower()
        told = first in (IMPERATIVE | BASE_VERBS) - NOUNS_TOO  # what to do about it
        if len(value.split()) > 1 and not (
            points_away(value) or told or value.endswith((":", "...")) or value[0] == "("
        ):
            meaning = clip(value)
            yield Claim(
                "meaning", subject, "meaning", meaning, start, end, location, "description", weak, words={"n": noun}
            )
    elif found is not None and (not row or noun in _DESCRIBED):
        form = "purpose" if found.style != "is" else "term"
        extra = {"n": noun, "head": found.head, "style": found.style}
        yield Claim(form, subject, "purpose", found.text, start, end, location, "description", weak, words=extra)
