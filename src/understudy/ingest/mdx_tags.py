"""What the tags of MDX components say by themselves: labels, descriptions, code, files; and how far in what they hold
stands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from understudy.ingest import compose
from understudy.ingest.markdown_common import BREAK
from understudy.ingest.markdown_fences import fences

LABEL = re.compile(r"""\b(?:label|title|summary)=(?:"([^"]+)"|'([^']+)')""")
_DESCRIPTION = re.compile(r"""\b(?:description|subtitle)=(?:"([^"]+)"|'([^']+)')""")
_VALUE = re.compile(r"""\bvalue=(?:"([^"]+)"|'([^']+)')""")
_NAMED = re.compile(r"""\bname=(?:"([^"]+)"|'([^']+)')""")
_NAME = re.compile(r"</?([A-Z][\w.]*)")
_CODE = re.compile(r"(?:\w+\.)?(?:Code(?:Block|Snippet)?|Snippet)\Z")
_LITERAL = re.compile(
    r"""\bcode=(?:\{\s*`((?:[^`\\$]|\\.|\$(?!\{))*)`\s*\}|\{\s*(?:"([^"\n]*)"|'([^'\n]*)')\s*\}|"([^"]*)"|'([^']*)')""",
    re.DOTALL,
)
_LANGUAGE = re.compile(r"""\b(?:lang|language)=\{?["']([\w+#-]+)["']""")
_TABS = re.compile(r"(?:\w+\.)?\w*Tabs\Z")
_TAB = re.compile(r"(?:\w+\.)?(?:Tab|TabItem|TabPanel)\Z")
_ITEMS = re.compile(r"\b(?:items|values)=\{\s*\[(.*)\]\s*\}", re.DOTALL)
_ITEM = re.compile(r"""\{([^{}]*)\}|"([^"\n]*)"|'([^'\n]*)'""")
_FIELD = r"""\b%s\s*:\s*["']([^"'\n]*)["']"""
_MARKER = re.compile(r"[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+(?=\S)")


def name_of(part: re.Match[str]) -> str:
    """The name of a tag's component; empty for a fragment's."""
    found = _NAME.match(part["tag"])
    return found[1] if found else ""


def _said(pattern: re.Pattern[str], part: re.Match[str]) -> str:
    found = pattern.search(part["tag"])
    return next((g for g in found.groups() if g), "") if found else ""


def labels(tags: Iterable[re.Match[str]]) -> dict[int, str]:
    """The labels of panels that their tabs name, or their value, by the offsets of their tags."""
    found: dict[int, str] = {}
    stack: list[tuple[str, Mapping[str, str], list[str]]] = []  # open tabs: their labels by value, and in order
    for part in tags:
        name = name_of(part)
        if _TABS.match(name) and not part["self"]:
            if not part["close"]:
                stack.append((name, *_items(_said(_ITEMS, part))))
            elif any(name == opened for opened, *_ in stack):
                while stack.pop()[0] != name:
                    pass
        elif _TAB.match(name) and not part["close"] and not LABEL.search(part["tag"]):
            value = _said(_VALUE, part)
            _, by_value, in_order = stack[-1] if stack else ("", {}, [])
            next_one = in_order.pop(0) if in_order else ""
            found[part.start()] = by_value.get(value, value) or next_one
    return found


def _items(written: str) -> tuple[dict[str, str], list[str]]:
    """The labels that a list in an attribute names: strings, or objects with a label."""
    by_value: dict[str, str] = {}
    in_order: list[str] = []
    for made, *strings in _ITEM.findall(written):
        label = re.search(_FIELD % "label", made) if made else None
        value = re.search(_FIELD % "value", made) if made else None
        shown = label[1] if label else next(filter(None, strings), value[1] if value else "")
        in_order.append(shown)
        if value:
            by_value[value[1]] = shown
    return by_value, in_order


def described(part: re.Match[str], label: str, alone: bool) -> str:
    """The label or title of a component in bold, and what its `description` says of it."""
    said = [LABEL.search(part["tag"]), _DESCRIPTION.search(part["tag"])]
    title, description = (found[1] or found[2] if found else "" for found in said)
    words = [f"**{title or label}**" if title or label else "", " ".join(description.split())]
    return (BREAK * 2 if alone else " ").join(filter(None, words))


def code_block(part: re.Match[str]) -> str:
    """The fenced block of a component that is given its code, on as many lines as its tag; empty for others."""
    found = _LITERAL.search(part["tag"]) if part["self"] and _CODE.match(name_of(part)) else None
    if found is None:
        return ""
    code = next((g for g in found.groups() if g), "")
    code = re.sub(r"\\([`\\$])", r"\1", code) if found[1] else code
    block = compose.code_block(code, _said(_LANGUAGE, part), _said(LABEL, part))
    if not block:
        return ""
    opening, _, rest = block.partition("\n")
    inside, _, closing = rest.rpartition("\n")
    above = "\n" * part["tag"].count("\n", 0, found.start())
    below = "\n" * max(0, part["tag"].count("\n") - len(above) - inside.count("\n"))
    return f"{above}{opening}{BREAK}{inside}{BREAK}{closing}{below}"


class Tree:
    """The files that a tree of components shows, each with the folders it stands in."""

    def __init__(self) -> None:
        self.folders: list[str] = []

    def said(self, part: re.Match[str]) -> str:
        """The item of a list that a file's or folder's tag becomes; empty for other tags."""
        kind = name_of(part).rpartition(".")[2]
        if kind == "Folder" and part["close"]:
            del self.folders[-1:]
            return ""
        name = _said(_NAMED, part)
        if kind not in ("File", "Folder") or not name:
            return ""
        path = "/".join([*self.folders, name])
        if kind == "Folder" and not part["self"]:
            self.folders.append(name)
        return f"- {compose.code_span(path + '/' * (kind == 'Folder'))}"


@dataclass
class _Level:
    """An open component: the column of what it holds, and how far in its first line stands in the source."""

    base: int
    margin: int | None = None
    fresh: bool = True  # a component within it has just ended


def dedent(text: str, depth_changes: Mapping[int, int]) -> str:
    """Move what stands inside components left by the indentation of its first line, as far as the item of a list that
    the component stands in."""
    lines = text.split("\n")
    levels: list[_Level] = []
    columns: list[int] = []  # where the text of each open item of a list stands
    code = fences("\n".join(lines).replace(BREAK, "\n").split("\n"))
    for number, line in enumerate(lines):
        in_code, *_ = [next(code).inside for _ in range(1 + line.count(BREAK))]
        change = depth_changes.get(number, 0)
        indent = len(line) - len(line.lstrip(" \t"))
        level = levels[-1] if levels else None
        rest, base = line, 0  # what is left of the line, and in which column
        if level is not None:
            if level.margin is None and not change and line.strip():
                level.margin = indent
            rest, base = line[indent if level.margin is None else min(indent, level.margin) :], level.base
            if level.fresh and not change and line.strip():
                level.fresh = False
                if not columns or base + _blanks(rest) < columns[-1]:
                    level.margin, rest = indent, line[indent:]
        column = base + _blanks(rest)
        if line.strip() and not in_code:
            while columns and column < columns[-1]:
                columns.pop()
        inside = columns[-1] if columns else 0
        if change and (level is not None or change > 0):
            column = base = inside if column >= inside else 0
            rest = line[indent:]
        if line.strip() and (level is not None or change > 0):
            lines[number] = (BREAK + " " * base).join((" " * base + rest).split(BREAK))
        if not in_code and (item := _MARKER.match(lines[number])):
            columns.append(len(item[0].expandtabs(4)))
        for _ in range(change):
            levels.append(_Level(column))
        for _ in range(-change):
            if levels:
                levels.pop()
        if change < 0 and levels:
            levels[-1].fresh = True
    return "\n".join(lines)


def _blanks(line: str) -> int:
    """How far in a line stands."""
    return len(line[: len(line) - len(line.lstrip(" \t"))].expandtabs(4))
