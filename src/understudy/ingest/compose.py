"""Writes Markdown from parts: what the converters of this room share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from understudy.ingest.places import MARK, OPEN, unmarked
from understudy.normal import folded

_MARK = re.compile(MARK)
_LINE_START = re.compile(
    rf"^((?:[^\S\n]|{MARK})*+)"
    r"(#{1,6}(?=\s|\Z)|[-+*>](?=\s|\Z)|\d{1,9}(?=[.)](?:\s|\Z))|:::|~~~|```|!!!|:(?=\s)|---|===|\|)",
    re.M,
)
# Each way by its first letter: so it is looked for at those alone.
_ANYWHERE = re.compile(r"\*|\\|<(?=[A-Za-z/!?]|\Z)|_(?<![^\W_]_)|_(?![^\W_])|`|\[(?=[^\]]{0,400}\]\()|&(?=#?\w{1,40};)")


_UP = str.maketrans("0123456789+-−=()ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿⁱ")
_DOWN = str.maketrans("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎")
_RAISED = re.compile(r"[0-9+\-−=()ni]{1,12}")
_LOWERED = re.compile(r"[0-9+\-−=()]{1,12}")


def shifted(text: str, up: bool) -> str:
    """A number above or below the line: `x<sup>2</sup>` is x², not x2. Empty where there are no such characters."""
    fits, table = (_RAISED, _UP) if up else (_LOWERED, _DOWN)
    return text.translate(table) if fits.fullmatch(text) else ""


def escape(text: str) -> str:
    """Plain text so that Markdown shows it as it is. Identifiers such as `cont_batching` stay untouched."""
    return _ANYWHERE.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    return f"\\{found[0]}"


def unescape(text: str) -> str:
    """What `escape` was given."""
    return re.sub(r"\\(?=[^\w\s])", "", text)


def split_places(text: str) -> tuple[str, str]:
    """The marks of places in a text, and the text without them."""
    if OPEN not in text:
        return "", text
    return "".join(m[0] for m in _MARK.finditer(text)), unmarked(text)


def paragraph(text: str) -> str:
    """Inline Markdown as a paragraph: one that begins like a heading or list is escaped."""

    def guard(found: re.Match[str]) -> str:
        mark = found[2]
        return f"{found[1]}{mark}\\" if mark.isdigit() else f"{found[1]}\\{mark}"

    text = text.strip()
    if "\n" not in text and _LINE_START.match(text) is None:
        return text  # most paragraphs; a search would look for a line's start everywhere
    return _LINE_START.sub(guard, text)


def heading(level: int, text: str) -> str:
    """An ATX heading of level 1 to 6, on one line."""
    title = folded(text)
    if title.endswith("#"):
        title = re.sub(r"(?:(?<=\s)|^)(?=#+$)", r"\\", title)
    return f"{'#' * min(6, max(1, level))} {title}" if title else ""


def code_span(text: str) -> str:
    """Text between as many backticks as it needs."""
    return code_line(folded(text))


def code_line(text: str) -> str:
    """One line between as many backticks as it needs; every blank is kept."""
    if not text:
        return ""
    marks = _fence(text, "`", 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{marks}{pad}{text}{pad}{marks}"


def code_block(code: str, language: str = "", title: str = "") -> str:
    """A fenced block; blank lines around the code are dropped."""
    body = code.rstrip()
    body = re.sub(r"\A(?:[ \t]*\n)+", "", body)
    if not body:
        return ""
    marks = _fence(body, "`", 3)
    info = f'{language} title="{title}"'.strip() if title else language
    return f"{marks}{info}\n{body}\n{marks}"


def table(rows: Sequence[Sequence[str]]) -> str:
    """A pipe table; the first row is the header. Line breaks in cells become spaces."""
    width = max((len(row) for row in rows), default=0)
    if not width:
        return ""
    lines = ["| " + " | ".join(_cell(c) for c in [*row, *[""] * (width - len(row))]) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * width, *lines[1:]])


def bullets(items: Iterable[str], start: int | None = None) -> str:
    """A list of items, each Markdown of one or more blocks; numbered from `start` where it is given."""
    lines: list[str] = []
    for number, item in enumerate(i.strip("\n") for i in items):
        mark = "- " if start is None else f"{start + number}. "
        lines.append(mark + indent(item, " " * len(mark)).lstrip(" "))
    return "\n".join(lines)


def cell_list(items: Iterable[str], numbered: bool = False) -> str:
    """A list within a cell, on one line: as HTML, which pipe tables take, and readable where tags are dropped."""
    found = [item for item in items if item]
    ended = [i if n == len(found) or i[-1] in ".;,:!?" else f"{i};" for n, i in enumerate(found, 1)]
    inside = " ".join(f"<li>{item}</li>" for item in ended)
    tag = "ol" if numbered else "ul"
    return f"<{tag}>{inside}</{tag}>" if inside else ""


def definition(terms: Sequence[str], body: str) -> str:
    """A term (several are joined by commas) and what it means; a comment stands where nothing is said of it."""
    term = folded(", ".join(t.strip() for t in terms if t.strip()))
    if not term:
        return body
    term = paragraph(term)
    return f"{term}\n: {indent(body.strip(), '  ').lstrip() or '<!-- -->'}"


def admonition(kind: str, title: str, body: str) -> str:
    """A box such as a note or a warning."""
    inner = max((len(m) for m in re.findall(r"^:{3,}", body, re.MULTILINE)), default=2)
    marks = ":" * (inner + 1)
    return f"{marks}{kind}{f'[{title}]' if title else ''}\n\n{body.strip()}\n\n{marks}"


def quote(body: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in body.strip().split("\n"))


def join(blocks: Iterable[str]) -> str:
    """Blocks with one blank line between them."""
    return "\n\n".join(b.strip("\n") for b in blocks if b.strip())


def indent(text: str, by: str) -> str:
    return "\n".join(by + line if line.strip() else "" for line in text.split("\n"))


def _cell(text: str) -> str:
    text = text.strip()
    text = re.sub(r"\s*\n\s*", " ", text) if "\n" in text else text
    return re.sub(r"(?<!\\)\|", r"\\|", text) if "|" in text else text


def _fence(text: str, mark: str, least: int) -> str:
    if mark * least not in text:
        return mark * least
    longest = max((len(run) for run in re.findall(f"{mark}+", text)), default=0)
    return mark * (max(least, longest + 1) if longest >= least else least)
