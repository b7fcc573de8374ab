"""Claims of tables: each cell beside the cell that names its row."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from understudy.generate.extractive.claims import Claim, Location
from understudy.generate.extractive.lexicon import (
    DEFAULT_COLUMN,
    DESCRIBES,
    IDENTIFIES,
    NOUNS,
    REQUIRED_COLUMN,
    TYPE_COLUMN,
    VERBS,
)
from understudy.generate.extractive.prose import base_form
from understudy.generate.text import bare, lower_first, plain
from understudy.generate.values import PRECISE, value_type
from understudy.outline import Block

_NOUN_HEADER = re.compile(
    r"(?!(?:what|how|when|where|why|who|which|is|can|in|on|for|to)\b)"
    r"[a-z][\w -]*?(?<!s)(?:ss|us|is)?|.*\b(?:number|list|count) of .*"
)


def table_claims(table: Block, text: str, location: Location) -> Iterator[Claim]:
    """One claim a cell beside the cell that names the row."""
    rows = [row for row in table.children if row.cells]
    if len(rows) < 2:
        return
    header = [plain(cell).strip() for cell in rows[0].cells]
    lower = [h.lower() for h in header]
    column = _naming_column(lower, [r.cells for r in rows[1:]])
    if column is None:
        return
    noun = noun_of(lower[column], location)
    for row in rows[1:]:
        if len(row.cells) != len(header) or not row.cells[column].strip():
            continue
        subject = _row_subject(plain(row.cells[column]), noun)
        for i, cell in enumerate(row.cells):
            value = plain(cell)
            if i == column or not value or value in ("-", "–", "—", "n/a", "N/A", "✓", "✗") or not header[i]:
                continue
            yield from _cell(subject, noun, lower[i], value, row.start, row.end, location)


def _naming_column(header: list[str], rows: Sequence[tuple[str, ...]]) -> int | None:
    """The column whose cells name the rows: a known noun, or the first whose cells all differ."""
    for i, name in enumerate(header):
        values = [plain(r[i]) for r in rows if i < len(r)]
        if name in ("path", "endpoint", "url", "route") and len(set(values)) == len(values):
            return i
    for i, name in enumerate(header):
        values = [plain(r[i]) for r in rows if i < len(r)]
        if (
            len(set(values)) == len(values)
            and name not in DESCRIBES | DEFAULT_COLUMN | TYPE_COLUMN
            and all(len(v) < 60 for v in values)
        ):
            return i
    return None


def noun_of(name: str, location: Location) -> str:
    single = name[:-1] if name.endswith("s") and not name.endswith("ss") else name
    if single in NOUNS:
        return "error code" if single == "code" and "error" in location.section.lower() else single
    if single == "path":
        return "endpoint"
    where = f"{location.section} {location.title}".lower()
    for noun in sorted(NOUNS, key=len, reverse=True):
        if single in IDENTIFIES and re.search(rf"\b{noun}s?\b", where):
            return noun
    return single if single and single not in IDENTIFIES and len(single.split()) <= 2 else "one"


def _row_subject(name: str, noun: str) -> str:
    code = "`" in name
    if noun == "one" or noun in name.lower():
        return f"the {lower_first(name)}" if not code and _common(name) else name
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
    if column in DEFAULT_COLUMN:
        yield Claim(
            "default", subject, "default", bare(value), start, end, location, value_type(value), words={"n": noun}
        )
    elif column in TYPE_COLUMN:
        yield Claim("type", subject, "type", bare(value), start, end, location, "data type")
    elif column in REQUIRED_COLUMN:
        yes = value.lower().startswith(("y", "true", "req"))
        yield Claim("required", subject, "required", "Yes" if yes else "No", start, end, location, "boolean")
    elif column in DESCRIBES and noun in ("error", "error code", "code", "status"):
        yield Claim("meaning", subject, "meaning", value, start, end, location, "description", words={"n": noun})
    elif column in DESCRIBES:
        yield Claim("purpose", subject, "purpose", value, start, end, location, "description", words={"n": noun})
    elif column == "method" and value.isupper():
        yield Claim("method", subject, "method", value, start, end, location, "method")
    elif len(column.split()) <= 6:
        kind = value_type(value, column)
        shown = bare(value) if kind in PRECISE else value
        if column in VERBS:
            verb = {"n": noun, "base": base_form(column)}
            yield Claim("object", subject, column, shown, start, end, location, kind, words=verb)
            return
        if not _NOUN_HEADER.fullmatch(column):
            yield Claim("cell", subject, column, shown, start, end, location, kind, words={"n": noun})
            return
        yield Claim("attribute", subject, column, shown, start, end, location, kind, words={"n": noun})
