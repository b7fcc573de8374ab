"""Manual pages that a page shows in `<pre>` as a terminal would: their print becomes headings, paragraphs and lists.

What stands at the left edge is a section, what is indented less than the text a subsection. A line with deeper ones
right below it is a term with what is said of it, and so is one whose text goes on where the line below begins.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from understudy.ingest.html_node import CODE, HEADINGS, WORD, Node

_BOLD = HEADINGS | {"b", "strong"}
_MARKED = _BOLD | {"i", "em", "u", "var", "code", "tt", "kbd", "samp"}
_NAMED = re.compile(r"[ \t]+\S[^\n]{0,200}? (?:-|–|—|−) \S")  # `name - what it does`
_FIRST = r"(?:NAME|NOM|NOMBRE|NOME|BEZEICHNUNG|NAAM|NAZWA|NAVN|NAMN|ИМЯ|НАЗВА|名前|名称|이름)"  # of sections
_IS_FIRST = re.compile(rf"\s*{_FIRST}\s*", re.IGNORECASE)
_SECTION = re.compile(rf"^{_FIRST}[ \t]*\n(?:[ \t]*\n)?{_NAMED.pattern}", re.MULTILINE)
_EDGE = re.compile(r"(?:.*\s{3,}|\s*)[\w.:+-]+\(\w{1,8}\)\s*$")  # the first and the last line: `TOOL(8)      TOOL(8)`
_BULLET = re.compile(r"[o*+•·‣–—-]$")
_NUMBER = re.compile(r"\(?(\d{1,3})[.)]$")
_HYPHENED = re.compile(r"(?<![^\W\d_])([^\W\d_]{1,40})[-‐]\n[ ]*([^\W\d_]{1,40})")
_MOST = 0.7  # share of a page's text that is nearly all of it
_DEEPEST = 8  # blocks within each other; what is deeper stays code
_NESTED = 16  # elements around a piece of text; those further inside are left out
_SUBSECTION = 5  # columns from which nothing is the name of a subsection
_TERM = 40  # columns from which what is said of a term begins on a line of its own
_LONG = 60  # columns that a line has at least to tell the width of the print
_NAME = 4  # lines that tell a manual page's name and what it is about
_LINE = 300  # characters of a line that is looked at whole
_SLACK = 4  # columns by which a line may be too short


_Pieces = list[tuple[str, tuple[Node, ...]]]
"""Pieces of text, each with the elements it stands in, the outermost first."""


@dataclass(slots=True)
class _Line:
    """A line of print."""

    pieces: _Pieces
    text: str

    @property
    def indent(self) -> int:
        return len(self.text) - len(self.text.lstrip())

    def part(self, start: int, end: int | None = None) -> _Pieces:
        """The pieces between two columns."""
        found: _Pieces = []
        at = 0
        for text, chain in self.pieces:
            cut = text[max(0, start - at) : None if end is None else max(0, end - at)]
            if cut:
                found.append((cut, chain))
            at += len(text)
        return found

    def is_bold(self) -> bool:
        said = [chain for text, chain in self.pieces if not text.isspace()]
        return bool(said) and all(any(node.tag in _BOLD for node in chain) for chain in said)

    def begins_marked(self) -> bool:
        """Whether the first word is set off, or is an option."""
        first = next((chain for text, chain in self.pieces if not text.isspace()), ())
        return any(node.tag in _MARKED for node in first) or self.text.lstrip()[:1] == "-"


def with_manual_pages(order: list[Node]) -> list[Node]:
    """The nodes of a page in order, each manual page in print a part of the page like any other."""
    found = [(node, _text_of(node)) for node in order if node.tag in CODE]
    named = [(node, text) for node, text in found if _SECTION.search(text)]
    most = _MOST * sum(len(node.text) for node in order) if named else 0.0
    printed = [(node, _without_edges(_lines(node)), len(text) >= most) for node, text in named]
    read = [(node, lines) for node, lines, alone in printed if _is_manual(lines, alone)]
    if not read and len(found) > 1 and any(_is_name(text) for _, text in found):
        read = _sections([node for node, _ in found])
    if not read:
        return order
    reader = _Reader([line for _, lines in read for line in lines])
    for node, lines in read:
        node.tag, node.attributes = "div", {k: v for k, v in node.attributes.items() if k == "id"}
        node.kids = []
        _put(node, reader.page(lines))
    return list(order[0].walk())


def _text_of(node: Node) -> str:
    """The text of code, where what stands in headings is on lines of its own."""
    return "".join("\n" if part.tag in HEADINGS else part.text for part in node.walk())


def _is_name(text: str) -> bool:
    """Whether a text tells a manual page's name and what it is about, and nothing else."""
    lines = text.strip("\n").split("\n", _NAME)
    return len(lines) <= _NAME and _NAMED.match(lines[0]) is not None


def _is_manual(lines: list[_Line], alone: bool) -> bool:
    """Whether lines are the print of a manual page. alone: whether they are all of a page; else what they show may be
    what a program says of itself, which has no bold names of sections."""
    heads = [n for n, line in enumerate(lines) if line.text and not line.indent]
    if len(heads) < 2 or not all(lines[n].is_bold() or (alone and lines[n].text.isupper()) for n in heads):
        return False
    return _IS_FIRST.fullmatch(lines[heads[0]].text) is not None and not any(x.text for x in lines[: heads[0]])


def _sections(found: list[Node]) -> list[tuple[Node, list[_Line]]]:
    """The code of a page that has a section in each block, below its heading, the first of them the name; and the
    blocks that only hold the first or the last line of the print, without it."""
    sections: list[tuple[Node, list[_Line]]] = []
    edges: list[tuple[Node, list[_Line]]] = []
    below = _below_headings(found)
    for node in found:
        lines = _lines(node)
        full = [line for line in lines if line.text]
        if len(full) == 1 and len(full[0].text) < _LINE and _EDGE.match(full[0].text):
            edges.append((node, []))
        elif (
            id(node) in below
            and all(line.indent for line in full)
            and (sections or (_IS_FIRST.fullmatch(below[id(node)]) and full and _NAMED.match(full[0].text)))
        ):
            sections.append((node, lines))
    return [*sections, *edges] if len(sections) >= 2 else []


def _below_headings(found: list[Node]) -> dict[int, str]:
    """Those of some nodes that stand right below a heading, with it."""
    below: dict[int, str] = {}
    for parent in {id(node.parent): node.parent for node in found if node.parent is not None}.values():
        kids = [kid for kid in parent.kids if kid.tag or not kid.text.isspace()]
        below.update((id(kid), above.plain()) for above, kid in itertools.pairwise(kids) if above.tag in HEADINGS)
    return below


def _lines(pre: Node) -> list[_Line]:
    lines: list[_Pieces] = [[]]
    width = 0
    anchors: tuple[Node, ...] = ()  # elements that only name the place of what follows
    stack: list[tuple[Node, tuple[Node, ...]] | None] = [(kid, ()) for kid in reversed(pre.kids)]

    def end() -> None:
        nonlocal width
        lines.append([])
        width = 0

    while stack:
        top = stack.pop()
        if top is None or top[0].tag == "br" or (top[0].block and lines[-1]):
            end()
        if top is None:
            continue
        node, chain = top
        for n, text in enumerate((node.text if not node.tag else node.get("alt")).split("\n")):
            if n:
                end()
            for part in re.split(r"(\t)", text.replace("\xa0", " ").replace("\r", "")):
                shown = " " * (8 - width % 8) if part == "\t" else part
                if shown:
                    above, anchors = (anchors, ()) if shown.strip() else ((), anchors)
                    lines[-1].append((shown, (*above, *chain)))
                    width += len(shown)
        if node.block:
            stack.append(None)
        if node.tag == "a" and not node.kids:
            anchors = (*anchors, node)
        inner = (*chain, node) if len(chain) < _NESTED else chain
        stack += [(kid, inner) for kid in reversed(node.kids)]
    return [_Line(pieces, "".join(text for text, _ in pieces).rstrip()) for pieces in lines]


def _without_edges(lines: list[_Line]) -> list[_Line]:
    """The lines without those at the top and the bottom that only name the page."""
    full = [n for n, line in enumerate(lines) if line.text]
    for n in (full[:1] + full[-1:]) if len(full) > 2 else []:
        if len(lines[n].text) < _LINE and _EDGE.match(lines[n].text):
            lines[n] = _Line([], "")
    return lines


class _Reader:
    """Reads the print of one page. width: where its lines end. base: where its text begins."""

    def __init__(self, lines: list[_Line]) -> None:
        text = "\n".join(line.text for line in lines)
        self.words = set(re.findall(r"[^\W\d_]+", _HYPHENED.sub(" ", text).lower()))
        lengths = Counter(len(line.text) for line in lines if len(line.text) >= _LONG)
        common, n = lengths.most_common(1)[0] if lengths else (_LONG, 0)
        self.width = common if 5 * n >= lengths.total() else max((k for k in lengths if k <= 80), default=common)
        self.columns = sorted({line.indent for line in lines if line.text and line.indent})
        subsections = {id(line) for line, below in _pairs(lines) if _is_subsection(line, below)}
        self.base = min((x.indent for x in lines if x.text and x.indent and id(x) not in subsections), default=0)

    def page(self, lines: list[_Line]) -> list[Node]:
        out: list[Node] = []
        body: list[_Line] = []
        for line in lines:
            if line.text and line.indent < self.base:
                out += self.blocks(body, 0)
                bare = [(text, tuple(n for n in chain if n.tag not in _BOLD)) for text, chain in line.part(line.indent)]
                out.append(_element("h3" if line.indent else "h2", bare))
                body = []
            else:
                body.append(line)
        return out + self.blocks(body, 0)

    def blocks(self, lines: list[_Line], depth: int) -> list[Node]:
        """The blocks of lines that begin at one column or further right."""
        out: list[Node] = []
        base = min((line.indent for line in lines if line.text), default=0)
        column = 0  # where what is said of the last term began
        i = 0
        while i < len(lines):
            line = lines[i]
            if not line.text:
                i += 1
                continue
            if line.indent > base:
                j = _end(lines, i, base)
                out += self.deeper(lines[i:j], depth)
                i, column = j, 0
                continue
            column = self.column(lines, i, base, column)
            if column:
                j = _end(lines, i + 1, base)
                told = _Line([(" " * column, ()), *line.part(column)], " " * column + line.text[column:])
                self.entry(out, [line.part(base, column)], [told, *lines[i + 1 : j]], depth)
                i = j
                continue
            j = i + 1
            while j < len(lines) and lines[j].text and lines[j].indent == base and not self.column(lines, j, base, 0):
                j += 1
            run, k = lines[i:j], _end(lines, j, base)
            if j < k and lines[j].text and self.are_terms(run, lines[j:k]):
                self.entry(out, [term.part(base) for term in run], lines[j:k], depth)
                i, column = k, lines[j].indent
            else:
                out.append(self.paragraph(run))
                i = j
        return out

    def deeper(self, lines: list[_Line], depth: int) -> list[Node]:
        """Lines that are indented and belong to no term: prose, or else code."""
        return self.blocks(lines, depth + 1) if depth < _DEEPEST and self.is_prose(lines) else [_code(lines)]

    def entry(self, out: list[Node], terms: list[_Pieces], body: list[_Line], depth: int) -> None:
        """Add a term with what is said of it to the list above, or a new one."""
        said = "".join(text for text, _ in terms[0]).strip()
        number = _NUMBER.match(said)
        tag = "ul" if _BULLET.match(said) else "ol" if number else "dl"
        if not out or out[-1].tag != tag:
            out.append(Node(tag, {"start": number[1]} if number else {}, None))
        told = Node("dd" if tag == "dl" else "li", {}, None)
        _put(told, self.blocks(body, depth + 1) if depth < _DEEPEST else [_code(body)])
        _put(out[-1], [*([_element("dt", term) for term in terms] if tag == "dl" else []), told])

    def column(self, lines: list[_Line], i: int, base: int, before: int) -> int:
        """Where what is said of a term on the same line begins; 0 where the line is none. before: where it last did."""
        line = lines[i]
        below = lines[i + 1] if i + 1 < len(lines) and lines[i + 1].text else None
        goes_on = below is not None and below.indent > base
        for column in [below.indent] if below is not None and goes_on else self.columns:
            if not base + 1 < column < min(base + _TERM, len(line.text)) or line.text[column - 1] != " ":
                continue
            apart = goes_on or line.text[column - 2] == " " or column == before
            if apart and line.text[column] != " " and _is_term(line.part(base, column)):
                return column
        return 0

    def are_terms(self, run: list[_Line], told: list[_Line]) -> bool:
        return all(line.begins_marked() for line in run) or (len(run) == 1 and self.is_prose(told))

    def is_prose(self, lines: Sequence[_Line]) -> bool:
        """Whether a line ends because the next word had no room."""
        return any(
            a.text and b.text and a.indent == b.indent and len(a.text) + 1 + len(b.text.split()[0]) > self.width
            for a, b in _pairs(lines)
        ) or (len(lines) == 1 and _is_sentence(lines[0].text.split()))

    def paragraph(self, lines: list[_Line]) -> Node:
        """Lines as one paragraph: words that were parted are whole again, and where a line ends early it does so."""
        node = Node("p", {}, None)
        pieces: _Pieces = []
        for n, line in enumerate(lines):
            own = line.part(line.indent)
            below = lines[n + 1] if n + 1 < len(lines) else None
            parted = _HYPHENED.search(f"{line.text}\n{below.text}") if below is not None else None
            if below is None or parted is not None:
                while own and own[-1][0].isspace():
                    own.pop()
                if parted is not None and not self.words.issuperset((parted[1].lower(), parted[2].lower())):
                    own[-1] = (own[-1][0].rstrip()[:-1], own[-1][1])
                elif own:
                    own[-1] = (own[-1][0].rstrip(), own[-1][1])
                pieces += own
            elif len(line.text) + 1 + len(below.text.split()[0]) + _SLACK <= self.width:
                _write(node, [*pieces, *own])
                _put(node, [Node("br", {}, None)])
                pieces = []
            else:
                pieces += [*own, (" ", ())]
        _write(node, pieces)
        return node


def _pairs(lines: Sequence[_Line]) -> list[tuple[_Line, _Line]]:
    return list(itertools.pairwise(lines))


def _is_sentence(words: list[str]) -> bool:
    return len(words) >= 4 and words[0][0].isupper() and words[-1][-1] == "."


def _is_subsection(line: _Line, below: _Line) -> bool:
    return 0 < line.indent < _SUBSECTION and line.is_bold() and below.indent > line.indent


def _is_term(pieces: _Pieces) -> bool:
    """Whether all words are set off, or it is an option, a bullet or a number."""
    said = "".join(text for text, _ in pieces).strip()
    if not said or said[0] == "-" or _BULLET.match(said) or _NUMBER.match(said):
        return bool(said)
    plain = "".join(text for text, chain in pieces if not any(node.tag in _MARKED for node in chain))
    return re.search(r"\w", plain) is None


def _end(lines: list[_Line], start: int, base: int) -> int:
    """Where lines that are indented further than a column end, blank ones below them left aside."""
    end = start
    for n in range(start, len(lines)):
        if lines[n].text and lines[n].indent <= base:
            break
        if lines[n].text:
            end = n + 1
    return end


def _code(lines: list[_Line]) -> Node:
    least = min((line.indent for line in lines if line.text), default=0)
    node = Node("pre", {}, None)
    _put(node, [_text("\n".join(line.text[least:] for line in lines))])
    return node


def _element(tag: str, pieces: _Pieces) -> Node:
    node = Node(tag, {}, None)
    _write(node, pieces)
    return node


def _write(node: Node, pieces: Iterable[tuple[str, tuple[Node, ...]]]) -> None:
    """Put pieces of text into a node, within elements like those they stood in."""
    sources: list[Node] = []
    opened = [node]
    for text, chain in pieces:
        same = 0
        while same < min(len(sources), len(chain)) and sources[same] is chain[same]:
            same += 1
        del sources[same:], opened[same + 1 :]
        for source in chain[same:]:
            inner = Node(source.tag, source.attributes, None)
            _put(opened[-1], [inner])
            sources.append(source)
            opened.append(inner)
        _put(opened[-1], [_text(text)])


def _text(text: str) -> Node:
    node = Node("", {}, None, text)
    node.words = len(WORD.findall(text))
    return node


def _put(node: Node, kids: list[Node]) -> None:
    for kid in kids:
        kid.parent = node
    node.kids += kids
