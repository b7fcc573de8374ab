"""MDX becomes Markdown: imports, exports, components and comments are blanked; every line keeps its number.

A component's `label` or `title` stays as bold text (`<TabItem label="Linux">` → `**Linux**`), and what is
indented inside a component moves left, since MDX has no indented code.
"""

from __future__ import annotations

import re

from understudy.ingest import front_matter
from understudy.ingest.base import Page, Source

_ESM = r"""(?P<esm>
    ^import\s+(?:[\w*{}\s,$]+?\sfrom\s+)?(?:"[^"\n]+"|'[^'\n]+')[ \t]*;?[ \t]*$
  | ^export\s+(?:const|let|var|default|function|async|class)\b(?:(?!\n[ \t]*\n).)*
)"""
_ATTRIBUTE = r"""(?:[\w:.-]+(?:=(?:"[^"]*"|'[^']*'|\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}))?|\{\s*\.\.\.[^{}]*\})"""
_PARTS = re.compile(
    rf"""(?P<fence>^[ \t]*(?P<marks>`{{3,}}|~{{3,}})[^\n]*(?:.*?^[ \t]*(?P=marks)[`~]*[ \t]*$|.*))
  | (?P<code>(?P<ticks>`+)(?!`)(?:(?!\n[ \t]*\n).)+?(?<!`)(?P=ticks)(?!`))
  | (?P<comment>\{{/\*.*?\*/\}})
  | {_ESM}
  | (?P<tag><(?P<close>/?)(?:[A-Z][\w.]*(?:\s+{_ATTRIBUTE})*\s*(?P<self>/?))?>)""",
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)
_LABEL = re.compile(r"""\b(?:label|title|summary)=(?:"([^"]+)"|'([^']+)')""")


def read(source: Source) -> Page:
    """The text as Markdown, below the front matter."""
    page = front_matter.split(source.text())
    return Page(blank(page.text), page.title, page.first_line, page.metadata)


def is_used(text: str) -> bool:
    """Whether a file that calls itself Markdown imports components."""
    return any(part["esm"] for part in _PARTS.finditer(text))


def blank(text: str) -> str:
    """The text without what only MDX understands, line by line."""
    depth_changes: dict[int, int] = {}
    line, last = 0, 0

    def replace(part: re.Match[str]) -> str:
        nonlocal line, last
        if part["fence"] or part["code"]:
            return part[0]
        breaks = "\n" * part[0].count("\n")
        if part["tag"]:
            line += text.count("\n", last, part.start())
            last = part.start()
            if not part["self"]:
                at = line + (0 if part["close"] else len(breaks))
                depth_changes[at] = depth_changes.get(at, 0) + (-1 if part["close"] else 1)
            label = _LABEL.search(part["tag"])
            if label:
                return f"**{label[1] or label[2]}**{breaks}"
        return breaks

    blanked = _PARTS.sub(replace, text)
    return _dedent(blanked, depth_changes) if depth_changes else blanked


def _dedent(text: str, depth_changes: dict[int, int]) -> str:
    """Move what stands inside components left by the indentation of its first line."""
    lines = text.split("\n")
    depth = 0
    margin: int | None = None
    for number, line in enumerate(lines):
        change = depth_changes.get(number, 0)
        if change:
            margin = None
        indent = len(line) - len(line.lstrip(" \t"))
        if (depth > 0 or change > 0) and line.strip():
            if margin is None and not change:
                margin = indent
            lines[number] = line[min(indent, indent if change else margin or 0) :]
        depth = max(0, depth + change)
    return "\n".join(lines)
