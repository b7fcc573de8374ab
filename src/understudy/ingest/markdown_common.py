"""What site generators add to Markdown, in Markdown that everybody reads: for `markdown` and `mdx` alike.

Content tabs (`=== "Linux"`) become their label and content, attribute lists go, footnotes become a numbered list,
`<details>` become boxes, HTML tables become pipe tables; shortcodes are read by `shortcodes`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from understudy.ingest import html_in_markdown, markdown_details, markdown_inline, shortcodes
from understudy.ingest.base import Page, Skipped
from understudy.ingest.markdown_fences import FENCE, fences
from understudy.normal import lowered

BREAK = "\x1d"  # a line break that is none of the source, where another reader has added a line
_HEADING = re.compile(
    r"^(?P<text> {0,3}#{1,6}[ \t].*?)[ \t]*\{:?[ \t]*(?:[#.]|[\w-]+=|(?:data|aria)-)[^{}\n]*\}[ \t#]*$"
)
_TAB = re.compile(r'^(?P<indent>[ ]*)===[!+]{0,2}[ \t]+(?:"(?P<double>[^"\n]*)"|\'(?P<single>[^\'\n]*)\')[ \t]*$')
_BOX = re.compile(r"^ *(?:!!!|\?\?\?\+?)[ \t]+\S")
_COMMENT = re.compile(r"^\s*<!--.*-->\s*$")
_MEANING = re.compile(r"^ {0,3}:(?: {1,3}|\t)(?=\S)")
_LISTED = re.compile(r"^[ \t]*(?:[-*+]|\d{1,9}[.)]|\[|!\[)[ \t\[]?")
_ADDED = re.compile(r"\{|===|!!!|\?\?\?|\[\^|<!--|\[[ xX]\]|#!")  # one of these stands in what is changed below
# Of what is changed, everything has one of these: a page without any is not looked at line by line.
_ON_PAGE = tuple(
    re.compile(p)
    for p in (
        r"===[!+]{0,2}[ \t]+[\"']", r"!!!", r"\?\?\?", r"\[\^", r"<!--", r"\][ \t](?<=\[[ xX]\].)", r"`#!",
        r"\{:?[ \t]*(?:[.#:]|[\w:-]+=|data-|aria-)", r"<table\b", r"<details\b",
        r"\{\{[<%]|\{%", BREAK,
    )
)  # fmt: skip
_LONGEST = 2_000  # characters of a line that can be a heading or a label
_INFO = re.compile(r"^(?P<before>\s*)(?P<name>[\w+#.-]*)[ \t]*\{(?P<list>[ \t]*[.#:][^{}]*)\}[ \t]*$")
_LANGUAGE = re.compile(r"\.([\w+#-]+)")
_PAIR = re.compile(r"""[\w-]+=(?:"[^"]*"|'[^']*'|[^\s"']+)""")


def common(page: Page) -> Page:
    """A page with what site generators add to Markdown in plain Markdown; MDX is read before."""
    text = lowered(page.text)
    if not any(pattern.search(text) for pattern in _ON_PAGE):
        return page
    numbered = [(n, s) for n, line in enumerate(page.text.split("\n"), page.first_line) for s in line.split(BREAK)]
    if "{%" in text or "{{<" in text:
        numbered, left_out = shortcodes.plain(numbered, page.first_line > 1)
        page = replace(page, skipped=(*page.skipped, *_noted(left_out)))
    lines = list(_lines(numbered))
    if "<details" in text:
        lines = markdown_details.boxes(lines)
    return html_in_markdown.tables(page, lines) if "<table" in text else html_in_markdown.numbered(page, lines)


def _noted(left_out: Counter[str]) -> Iterator[Skipped]:
    if count := sum(left_out.values()):
        names = ", ".join(f"{n} × {name}" for name, n in left_out.most_common(5))
        yield Skipped("", "shortcodes", f"{count} are not carried out: {names}")


def _lines(numbered: Sequence[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Line number and line, with tabs, footnotes and attribute lists resolved; what tabs hold moves left, and what is
    said of a term that only a comment names."""
    lines = [line for _, line in numbered]
    notes: dict[str, int] = {}
    if "[^" in "\n".join(lines):
        notes = markdown_inline.numbers(line for line, inside, *_ in fences(lines) if not inside)
    open_tabs: list[int] = []  # how far in the label of each open tab stands
    boxes: list[int] = []  # how far in each open box that is written by its indentation stands
    in_comment = False  # whether the last line with text was a comment
    blank = False  # whether the line above is
    search = _ADDED.search
    for (number, _), (line, inside, opens, cut) in zip(numbered, fences(lines), strict=True):
        if not (open_tabs or boxes or in_comment or opens) and (inside or search(line) is None):
            blank = not line or line.isspace()  # most lines: nothing is open, and nothing of all this begins
            yield number, line
            continue
        indent = len(line) - len(line.lstrip(" "))
        if line and not line.isspace():
            if cut and open_tabs:
                yield number, cut  # what moves left no longer ends with its tab
            while open_tabs and indent < open_tabs[-1] + 4:
                open_tabs.pop()
            while boxes and indent < boxes[-1] + 4:
                boxes.pop()
            blank = False
        elif blank and boxes:  # two blank lines do not end a box, and blanks in a line say so to every reader
            indent = max(indent, boxes[-1] + 4 + 4 * sum(tab > boxes[-1] for tab in open_tabs))
            line, blank = " " * indent, False
        else:
            blank = True
        shift = min(4 * len(open_tabs), indent) if open_tabs else 0
        line = line[shift:]
        if opens:
            line = _fence(line)
        elif not inside and len(line) < _LONGEST:
            tab = _TAB.match(line) if "===" in line else None
            meaning = _MEANING.match(line) if in_comment else None
            if ("!!!" in line or "???" in line) and _BOX.match(line):
                boxes.append(indent)
            if tab:
                open_tabs.append(indent)
                line = f"{tab['indent']}**{tab['double'] or tab['single'] or ''}**"
            elif meaning:
                open_tabs.append(indent)
                line = line[meaning.end() :]
            elif indent - shift < 4 or _LISTED.match(line):
                heading = _HEADING.match(line) if "{" in line else None
                line = heading["text"] if heading else line
                noted = markdown_inline.footnote(line, notes) if notes and "[^" in line else None
                line = markdown_inline.plain(line if noted is None else noted, notes)
        if line.strip():
            in_comment = not inside and "<!--" in line and _COMMENT.match(line) is not None
        yield number, line


def _fence(line: str) -> str:
    """A fence's opening line with `{ .py title="a" }` written as `py title="a"`."""
    found = FENCE.match(line)
    info = _INFO.match(found["info"]) if found and len(line) < _LONGEST else None
    if found is None or info is None:
        return line
    language = info["name"] or next(iter(_LANGUAGE.findall(info["list"])), "")
    words = " ".join([language, *_PAIR.findall(info["list"])]).strip()
    return f"{line[: found.end('marks')]}{words}"
