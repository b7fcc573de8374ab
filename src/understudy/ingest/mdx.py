"""MDX becomes Markdown: imports, exports, components and comments are blanked; every line keeps its number.

A component's `label` or `title` stays as bold text (`<TabItem label="Linux">` → `**Linux**`), one that frames a note
(`<Note>`, `<Aside type="tip">`) becomes a box, `{"text"}` is text, and what is indented inside a component moves left,
since MDX has no indented code. What single tags say (code, cards, trees of files, labels of tabs) is in `mdx_tags`.
"""

from __future__ import annotations

import functools
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import replace

from understudy.ingest import front_matter
from understudy.ingest.base import Page, Source
from understudy.ingest.box_names import BOX, GENERIC
from understudy.ingest.markdown_common import BREAK, common
from understudy.ingest.mdx_statements import statement_end
from understudy.ingest.mdx_tags import LABEL, Tree, code_block, described, labels, name_of
from understudy.ingest.mdx_tags import dedent as _dedent

_ESM = re.compile(
    r"""^(?P<import>import\s+(?:[\w*{}\s,$]+?\sfrom\s+)?(?:"[^"\n]+"|'[^'\n]+')[ \t]*;?[ \t]*(?://[^\n]*)?$)
      | ^export\s+(?:const|let|var|default|function|async|class|\{|\*)""",
    re.MULTILINE | re.VERBOSE,
)
# The value of an attribute; brackets in a template need not close, and what was taken for one stays one.
_VALUE = r"""(?:"[^"]*"|'[^']*'|(?>\{\s*`(?:[^`\\]|\\.)*`\s*\}|\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}))"""
_ATTRIBUTE = rf"""(?:[\w:.-]+(?:={_VALUE})?|\{{\s*\.\.\.[^{{}}]*\}})"""
_TEXT_BELOW = re.compile(r"[ \t]*\n[ \t]*[^\s<`~]")
# A line below which a block begins: a heading, a rule, a statement, a fence, tags, a comment's end.
_NO_PARAGRAPH = re.compile(
    r"#{1,6}\s|import\s|export\s|(?:\*{3,}|-{3,}|={3,}|_{3,})\Z|`{3}|~{3}|</?[A-Za-z>].*>\Z|/?>\Z|.*\*/\}\Z"
)
_PARTS = re.compile(
    rf"""(?P<fence>^[ \t]*(?P<marks>`{{3,}}|~{{3,}})[^\n]*(?:.*?^[ \t]*(?P=marks)[`~]*[ \t]*$|.*))
  | (?P<code>(?<!`)(?P<ticks>`+)(?!`)(?:(?!\n[ \t]*\n).)+?(?<!`)(?P=ticks)(?!`))
  | (?P<comment>\{{/\*.*?(?:\*/\}}|\Z))
  | (?P<condition>\{{!?[\w$.]{{1,100}}[^{{}}`\n]{{0,200}}&&\s*<[A-Z][^{{}}]{{0,500}}/>\s*\}})
  | (?<!=)(?P<string>\{{[ \t]*(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`$\\\n]*`)[ \t]*\}})
  | (?P<tag><(?P<close>/?)(?:[A-Z][\w.]*(?:\s+{_ATTRIBUTE})*\s*(?P<self>/?))?>)""",
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)
_BEGINS = re.compile(r"``*|~~~~*|\{(?=[/ \t\"'`!\w$.])|<(?=[/>A-Z])")  # a part, where no blanks stand before its fence
_ESCAPED = re.compile(r"\\([^\w\s])")
_SPECIAL = re.compile(r"[&<>*_`\[\]|]")  # what Markdown and HTML would read as marks
_OF_CODE = re.compile(r"(?<=[^`\s])\{:\.?[\w-]+\}(?=`+\Z)")  # the language at the end of inline code
_TYPE = re.compile(
    r"""\b(?:type|kind|variant|status|intent|severity|emoji)=(?:"([\w-]+)"|'([\w-]+)'|\{["']([\w-]+)["']\})"""
)


def read(source: Source) -> Page:
    """The text as Markdown, below the front matter."""
    page = front_matter.split(source.text())
    text = blank(page.text)
    body = text.lstrip("\n")
    first_line = page.first_line + len(text) - len(body)
    return common(replace(page, text=body, first_line=first_line))


def is_used(text: str) -> bool:
    """Whether a file that calls itself Markdown imports components."""
    return any(found["import"] for found, _ in _statements(text))


def blank(text: str) -> str:
    """The text without what only MDX understands, line by line."""
    return _components(_without_statements(text.replace(BREAK, " ")))


def _statements(text: str) -> Iterator[tuple[re.Match[str], int]]:
    """The imports and exports that begin a block outside of code and tags, each with its end."""
    if ("import" not in text and "export" not in text) or _ESM.search(text) is None:
        return
    spans = _spans(text)
    last = 0
    for found in _ESM.finditer(text):
        start = found.start()
        index = bisect_right(spans, (start, len(text))) - 1
        outside = index < 0 or spans[index][1] <= start
        if start >= last and outside and _begins_block(text, start, last):
            last = found.end() if found["import"] else statement_end(text, start)
            yield found, last


@functools.lru_cache(maxsize=1)  # asked whether it is used, then for what it is
def _spans(text: str) -> list[tuple[int, int]]:
    """Where code, comments and tags stand."""
    return [p.span() for p in _parts(text) if not p["string"]]


def _begins_block(text: str, start: int, last: int) -> bool:
    """Whether the line at `start` goes on no paragraph; last: where the statement before it ended."""
    above = text[max(last, text.rfind("\n", 0, max(0, start - 1)) + 1) : start].strip()
    return not above or _NO_PARAGRAPH.match(above) is not None


def _parts(text: str) -> Iterator[re.Match[str]]:
    """What `_PARTS` finds, tried only where a part may begin: at few characters of a page."""
    at = 0
    while begins := _BEGINS.search(text, at):
        start, at = begins.span()
        line = start
        while line and text[line - 1] in " \t" and at - start > 2:
            line -= 1
        part = _PARTS.match(text, start if line and text[line - 1] != "\n" else line)
        if part:
            yield part
            at = part.end()


def _without_statements(text: str) -> str:
    parts: list[str] = []
    last = 0
    for found, end in _statements(text):
        parts += [text[last : found.start()], "\n" * text.count("\n", found.start(), end)]
        last = end
    return "".join([*parts, text[last:]])


def _components(text: str) -> str:
    depth_changes: dict[int, int] = {}
    line, last = 0, 0
    parts = list(_parts(text))
    tags = [part for part in parts if part["tag"]]
    boxes = _boxes(text, tags)
    named = labels(tags)
    tree = Tree()

    def replaced(part: re.Match[str]) -> str:
        nonlocal line, last
        if part["fence"]:
            return part[0]
        if part["code"]:
            return _OF_CODE.sub("", part[0]) if "{:" in part[0] else part[0]
        if part["string"]:
            return _SPECIAL.sub(
                lambda mark: f"&#{ord(mark[0])};", _ESCAPED.sub(r"\1", part["string"][1:-1].strip()[1:-1])
            )
        breaks = "\n" * part[0].count("\n")
        if not part["tag"]:
            return breaks
        line += text.count("\n", last, part.start())
        last = part.start()
        if not part["self"]:
            at = line + (0 if part["close"] else len(breaks))
            depth_changes[at] = depth_changes.get(at, 0) + (-1 if part["close"] else 1)
        if part.start() in boxes:
            return boxes[part.start()] + breaks
        if said := tree.said(part):
            return said + breaks
        before, below = _beside(text, part)
        alone = not before and not below
        if alone and (block := code_block(part)):
            return block
        label = described(part, named.get(part.start(), ""), alone)
        if label and not before and not part["self"]:  # a label is a paragraph of its own
            if below.endswith(f"</{name_of(part)}>"):
                label += BREAK * 2
            elif alone and _TEXT_BELOW.match(text, part.end()):
                label += BREAK
        return label + breaks

    made: list[str] = []
    end = 0
    for part in parts:
        made += (text[end : part.start()], replaced(part))
        end = part.end()
    blanked = "".join([*made, text[end:]])
    return _dedent(blanked, depth_changes) if depth_changes else blanked


def _boxes(text: str, parts: Iterable[re.Match[str]]) -> dict[int, str]:
    """The marks of components that frame a note, by the offsets of their tags; an outer box has more colons."""
    marks: dict[int, str] = {}
    stack: list[tuple[re.Match[str], int]] = []  # open components, and the deepest box inside so far
    for part in parts:
        if part["self"]:
            continue
        if not part["close"]:
            stack.append((part, 0))
            continue
        name = part["tag"].strip("</> \n\t")
        at = next((i for i in range(len(stack) - 1, -1, -1) if name_of(stack[i][0]) == name), None)
        if at is None:
            continue
        opened, height = stack[at][0], max(h for _, h in stack[at:])
        del stack[at:]
        before, below = _beside(text, opened)
        above, after = _beside(text, part)
        if BOX.match(name) and not before and not after:
            height += 1
            colons = ":" * (2 + height)
            marks[opened.start()] = colons + _kind(opened) + (BREAK if below else "")
            marks[part.start()] = (BREAK if above else "") + colons
        if stack:
            stack[-1] = (stack[-1][0], max(stack[-1][1], height))
    return marks


def _beside(text: str, part: re.Match[str]) -> tuple[str, str]:
    """What stands before and behind a tag on its lines."""
    before = text[text.rfind("\n", 0, part.start()) + 1 : part.start()]
    end = text.find("\n", part.end())
    return before.strip(), text[part.end() : end if end >= 0 else len(text)].strip()


def _kind(opened: re.Match[str]) -> str:
    name = name_of(opened).lower()
    said = _TYPE.search(opened["tag"])
    kind = next((g for g in said.groups() if g), "note").lower() if said else name
    label = LABEL.search(opened["tag"])
    kind = "note" if kind in GENERIC - {"hint", "notice"} else kind
    return f"{kind}[{label[1] or label[2]}]" if label else kind
