"""The structure of a Markdown text: its blocks in source order, each with the characters it stands on.

Used wherever text is cut (chunk) or read for its structure (the extractive teacher). CommonMark with tables,
definition lists (`Term`, then `: definition`) and admonitions (`:::note`, `!!! note`, a fenced `{note}`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.admon import admon_plugin
from mdit_py_plugins.container import container_plugin
from mdit_py_plugins.deflist import deflist_plugin

from understudy.normal import folded

Kind = Literal[
    "heading", "paragraph", "code", "table", "row", "list", "item", "definitions", "definition", "quote",
    "admonition", "html", "rule",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Block:
    """A block of a Markdown text.

    start, end: half-open character offsets; the slice runs from the start of the block's first line to the
        end of its last non-blank line, without the line break. line: the line of `start`, counted from 1.
    level: 1 to 6 for a heading, else 0.
    info: a fence's info string; an admonition's kind and title; a list's or item's marker (`-`, `1.`).
    content: of a heading, its title as plain text; of code, the code without fence and indentation; of a
        paragraph, its Markdown without quote marks and indentation; of an item, its first paragraph; of html,
        its source; else empty.
    cells: of a table's row; of a definition: the term, then its definitions. Markdown.
    heading_path: plain titles of the headings the block stands under; a heading's own path ends with itself.
    children: the blocks inside (rows of a table, header first; items of a list; ...).
    """

    kind: Kind
    start: int
    end: int
    line: int
    level: int = 0
    info: str = ""
    content: str = ""
    cells: tuple[str, ...] = ()
    heading_path: tuple[str, ...] = ()
    children: tuple[Block, ...] = ()

    @property
    def rows(self) -> tuple[tuple[str, ...], ...]:
        """The cells of a table's rows, header first; of a definition list, (term, definition, ...)."""
        return tuple(child.cells for child in self.children if child.cells)

    @property
    def language(self) -> str:
        """A fence's language, lower case; empty where none is given."""
        word = self.info.split(None, 1)[0] if self.kind == "code" and self.info.strip() else ""
        return re.split(r"[{,]", word, maxsplit=1)[0].lower()

    @property
    def title(self) -> str:
        """A heading's title, a fence's `title="..."`, or an admonition's title; empty where there is none."""
        if self.kind == "heading":
            return self.content
        if self.kind == "admonition":
            return self.info.partition(" ")[2]
        found = _TITLE.search(self.info) if self.kind == "code" else None
        return next((g for g in found.groups() if g), "") if found else ""


_TITLE = re.compile(r"""(?:title|caption|filename|file)=(?:"([^"]*)"|'([^']*)'|\{?([^\s"'{}]+))""")
_LINE_BREAK = re.compile(r"\r\n|\n|\r")
_HEADING_ID = re.compile(r"(?<!\s)\s*\{:?\s*(?:[#:.]|[\w-]+=)[^{}]*\}\s*$")  # `## Title {#anchor}`
_ALERT = re.compile(r"\[!(\w+)\][ \t]*([^\n]*)(?:\n|$)")  # `> [!NOTE]`
_ADMONITION = re.compile(r"\s*\{?\s*([\w-]+)\s*\}?\s*(?:\[(.*)\]|\"(.*)\"|(.*))$", re.DOTALL)
_DIRECTIVE = re.compile(r"\{(admonition|attention|caution|danger|error|hint|important|note|seealso|tip|warning)\}")


def _parser() -> MarkdownIt:
    markdown = MarkdownIt("commonmark").enable("table").disable(["inline", "text_join"])
    deflist_plugin(markdown)
    admon_plugin(markdown)
    container_plugin(markdown, "box", validate=lambda params, *_: bool(params.strip()))
    return markdown


_BLOCKS = _parser()  # inline text is left unparsed: cutting needs blocks only, and takes a third of the time
_INLINE = MarkdownIt("commonmark")


def parse(text: str) -> tuple[Block, ...]:
    """The top-level blocks of a Markdown text, in source order.

    Blank lines and link reference definitions belong to no block.
    """
    return _Reader(text).blocks(_BLOCKS.parse(text))


def walk(blocks: Sequence[Block]) -> Iterator[Block]:
    """All blocks and their descendants, in source order, parents before their children."""
    for block in blocks:
        yield block
        yield from walk(block.children)


def plain(markdown: str) -> str:
    """Inline Markdown as plain text: no emphasis, link targets, backticks or tags; images by their text."""
    return folded(_plain(_INLINE.parseInline(markdown)[0].children or []))


def _plain(tokens: Sequence[Token]) -> str:
    parts: list[str] = []
    for token in tokens:
        if token.type == "image":
            parts.append(_plain(token.children or []))
        elif token.type in ("softbreak", "hardbreak"):
            parts.append(" ")
        elif token.type != "html_inline":
            parts.append(token.content)
    return "".join(parts)


class _Reader:
    """Turns markdown-it's flat token stream into blocks with character offsets."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts = [0, *(m.end() for m in _LINE_BREAK.finditer(text))]
        self.path: list[tuple[int, str]] = []

    def blocks(self, tokens: Sequence[Token], first: int = 0, nested: bool = False) -> tuple[Block, ...]:
        """Blocks of a run of sibling tokens whose line numbers count from line `first` (0 is the first)."""
        found: list[Block] = []
        index = 0
        while index < len(tokens):
            close = _closing(tokens, index)
            block = self.block(tokens[index], tokens[index + 1 : close], first, nested)
            if block is not None:
                found.append(block)
            index = close + 1
        return tuple(found)

    def block(self, token: Token, inner: Sequence[Token], first: int, nested: bool) -> Block | None:
        if token.map is None:
            return None
        begin, stop = token.map[0] + first, token.map[1] + first
        path = tuple(title for _, title in self.path)
        match token.type:
            case "heading_open":
                title = plain(_HEADING_ID.sub("", inner[0].content))
                level = int(token.tag[1])
                if not nested:  # a heading inside a list or a quote does not open a section
                    self.path = [*(p for p in self.path if p[0] < level), (level, title)]
                    path = tuple(t for _, t in self.path)
                return self.make("heading", begin, stop, level=level, content=title, heading_path=path)
            case "paragraph_open":
                return self.make("paragraph", begin, stop, content=inner[0].content, heading_path=path)
            case "fence" if _DIRECTIVE.match(token.info):
                children = self.blocks(_BLOCKS.parse(token.content), begin + 1, True)
                return self.make(
                    "admonition",
                    begin,
                    stop,
                    info=_admonition(token.info),
                    heading_path=path,
                    children=children,
                )
            case "fence" | "code_block":
                info, code = token.info.strip(), token.content
                return self.make("code", begin, stop, info=info, content=code, heading_path=path)
            case "html_block":
                return self.make("html", begin, stop, content=token.content.rstrip(), heading_path=path)
            case "hr":
                return self.make("rule", begin, stop, heading_path=path)
            case "table_open":
                return self.make("table", begin, stop, heading_path=path, children=self.rows(inner, first, path))
            case "dl_open":
                return self.make("definitions", begin, stop, heading_path=path, children=self.terms(inner, first, path))
            case "bullet_list_open" | "ordered_list_open":
                children = self.blocks(inner, first, True)
                marker = children[0].info if children else token.markup
                return self.make("list", begin, stop, info=marker, heading_path=path, children=children)
            case "list_item_open":
                children = self.blocks(inner, first, True)
                content = children[0].content if children and children[0].kind == "paragraph" else ""
                marker = token.info + token.markup
                return self.make(
                    "item", begin, stop, info=marker, content=content, heading_path=path, children=children
                )
            case "blockquote_open":
                children = self.blocks(inner, first, True)
                alert = _ALERT.match(children[0].content) if children and children[0].kind == "paragraph" else None
                if alert is None:
                    return self.make("quote", begin, stop, heading_path=path, children=children)
                said = replace(children[0], content=children[0].content[alert.end() :])
                children = (*([said] if said.content else []), *children[1:])
                info = f"{alert[1].lower()} {alert[2].strip()}".strip()
                return self.make("admonition", begin, stop, info=info, heading_path=path, children=children)
            case "admonition_open":
                body = [t for t in inner if not t.type.startswith("admonition_title")]
                shown = int(body[0].type == "inline") if body else 0  # the title's own inline token
                children = self.blocks(body[shown:], first, True)
                info = _admonition(token.info)
                return self.make("admonition", begin, stop, info=info, heading_path=path, children=children)
            case "container_box_open":
                children = self.blocks(inner, first, True)
                stop = min(stop + 1, len(self.starts))  # the closing line is not in the token's map
                info = _admonition(token.info)
                return self.make("admonition", begin, stop, info=info, heading_path=path, children=children)
            case _:
                return None

    def rows(self, inner: Sequence[Token], first: int, path: tuple[str, ...]) -> tuple[Block, ...]:
        """The rows of a table, in one pass: some have a hundred thousand."""
        found: list[Block] = []
        cells: list[str] = []
        begin = stop = 0
        for token in inner:
            if token.type == "tr_open":
                cells, (begin, stop) = [], token.map or (0, 0)
            elif token.type == "inline":
                cells.append(token.content)
            elif token.type == "tr_close":
                found.append(self.make("row", begin + first, stop + first, cells=tuple(cells), heading_path=path))
        return tuple(found)

    def terms(self, inner: Sequence[Token], first: int, path: tuple[str, ...]) -> tuple[Block, ...]:
        """One `definition` a term: its cells are the term and the first paragraph of each definition."""
        found: list[Block] = []
        opens = [i for i, t in enumerate(inner) if t.type == "dt_open" and t.level == inner[0].level]
        for at, index in enumerate(opens):
            close = opens[at + 1] if at + 1 < len(opens) else len(inner)
            group = inner[index:close]
            children: list[Block] = []
            stop = begin = (inner[index].map or [0, 0])[0]
            for i, token in enumerate(group):
                if token.type == "dd_open" and token.level == inner[0].level and token.map:
                    stop = token.map[1]
                    children += self.blocks(group[i + 1 : _closing(group, i)], first, True)
            texts = tuple(c.content for c in children if c.kind == "paragraph")
            cells = (group[1].content, *texts)
            found.append(
                self.make(
                    "definition",
                    begin + first,
                    stop + first,
                    cells=cells,
                    heading_path=path,
                    children=tuple(children),
                )
            )
        return tuple(found)

    def make(self, kind: Kind, begin: int, stop: int, **fields: object) -> Block:
        """A block over lines begin to stop (half-open, from 0), trailing blank lines left out."""
        start = self.starts[begin]
        stop = max(stop, begin + 1)
        raw_end = self.starts[stop] if stop < len(self.starts) else len(self.text)
        end = start + len(self.text[start:raw_end].rstrip())
        return Block(kind, start, end, begin + 1, **fields)  # type: ignore[arg-type]


def _closing(tokens: Sequence[Token], index: int) -> int:
    """Index of the token that closes the one at `index`; itself where it opens nothing."""
    if tokens[index].nesting != 1:
        return index
    depth = 0
    for at in range(index, len(tokens)):
        depth += tokens[at].nesting
        if depth == 0:
            return at
    return len(tokens) - 1


def _admonition(info: str) -> str:
    """`kind title` from `note[Title]`, `note "Title"`, `{note} Title` or `note Title`."""
    found = _ADMONITION.match(info)
    if found is None:
        return info.strip()
    title = next((g for g in found.groups()[1:] if g), "")
    return f"{found[1].lower()} {title.strip()}".strip()
