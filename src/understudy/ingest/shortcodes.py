"""Shortcodes in Markdown: `{{< note >}}` of Hugo, `{% hint %}` of GitBook, Liquid and Markdoc, in plain Markdown.

Boxes become boxes, panels of tabs stand under their label, highlighted text is code. Of other pairs the content stays;
single ones are left out and counted. In code they stay as they are written.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from understudy.ingest.box_names import BOX, GENERIC
from understudy.ingest.markdown_fences import fences

Numbered = tuple[int, str]  # a line of the source and its text

_LONGEST = 4_000  # characters of a line that is looked through
_DEEPEST = 40  # pairs that are open at once
_KINDS = ("style", "type", "context", "kind", "color", "level", "intent")
_DETAILS = frozenset({"details", "expand", "collapse", "spoiler"})
_PANELS = frozenset({"tab", "tabitem", "tab-item", "codetab", "tabpanel"})
_TITLES = ("title", "label", "header", "name", "summary", "tabname")
_CODE = frozenset({"highlight", "code", "code-toggle", "codeblock", "sourcecode"})
_RAW = frozenset({"raw", "verbatim"})
_NOT_SHOWN = frozenset({"comment", "content-ref"})  # with all that they hold
_FRAMES = frozenset({"tabs", "tabpane", "codetabs", "steps", "step", "stepper", "columns", "column"})  # nothing is lost
_ALWAYS = _PANELS | _CODE | _RAW | _NOT_SHOWN | _FRAMES | _DETAILS | {"embed", "include", "file"}
_PARAMETERS = (
    r"(?:[^\"'`{}<>%]{1,300}+|\"(?:[^\"\\]|\\.){0,1000}+\"|'(?:[^'\\]|\\.){0,1000}+'|`[^`]{0,1000}+`"
    r"|[<>%](?![%>]?\})){0,60}?"
)
_TAG = re.compile(
    rf"\{{\{{[<%]-?\s*(?P<hugo>/?\s*\w{_PARAMETERS})[>%]\}}\}}|\{{%-?\s*(?P<liquid>/?\s*\w{_PARAMETERS})%\}}", re.DOTALL
)
_ESCAPED = re.compile(r"(\{\{[<%]|\{%)/\*(.{0,300}?)\*/([>%]\}\}|%\})")  # one that the page shows: `{{</* note */>}}`
_NAME = re.compile(r"(?P<close>/?)\s*(?P<name>[\w./-]*\w)")
_PARAMETER = re.compile(r"""(?:([\w-]+)\s*=\s*)?(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|`([^`]*)`|([^\s"'`(),=]+))""")
_SPAN = re.compile(r"(?<!`)(`+)(?!`)(?:.+?)(?<!`)\1(?!`)")
_PREFIX = re.compile(r"[ \t]*(?:>[ \t]?)*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?")
_ITEM = re.compile(r"[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+")
_FENCE = re.compile(r"^[ \t]*(?:`{3,}|~{3,})[^`\n]*$", re.MULTILINE)
_LINK = re.compile(r"\]\(\s*\Z")


@dataclass
class _Tag:
    """A shortcode's tag: where it stands, and what it becomes.

    mark: the line that it becomes; None where it is passed over within its line, `text` in its place.
    """

    start: int
    end: int
    name: str
    closes: bool
    single: bool
    liquid: bool
    words: list[str] = field(default_factory=list)
    named: Mapping[str, str] = field(default_factory=dict)
    mark: str | None = None
    text: str = ""

    def first(self, *names: str) -> str:
        return next((self.named[name] for name in names if self.named.get(name)), "")


def plain(numbered: Sequence[Numbered], in_front: bool) -> tuple[list[Numbered], Counter[str]]:
    """The lines without shortcodes, and the shortcodes that were left out, counted by name.

    in_front: whether the page has front matter: without it `{% … %}` is a template's only where its name is known.
    """
    page = _Page([line for _, line in numbered], in_front)
    page.read()
    return [(numbered[place][0], line) for place, line in page.written()], page.left_out


class _Page:
    def __init__(self, lines: Sequence[str], in_front: bool) -> None:
        self.lines = lines
        self.text = "\n".join(lines)
        self.in_front = in_front
        self.starts = [0]
        for line in lines:
            self.starts.append(self.starts[-1] + len(line) + 1)
        self.code = _code(lines)
        self.tags: list[_Tag] = []  # in order, those that change the page
        self.left_out: Counter[str] = Counter()
        self.endless: set[str] = set()  # ends that do not come any more

    def line_of(self, offset: int) -> int:
        return bisect_right(self.starts, offset) - 1

    def read(self) -> None:
        """Find the tags, pair them and say what each becomes."""
        opened: list[tuple[_Tag, int]] = []  # and the most colons of a box inside
        at = 0
        while found := _TAG.search(self.text, at):
            at = found.end()
            tag = self.tag(found)
            if tag is None:
                continue
            self.tags.append(tag)
            if tag.closes:
                place = next((i for i in range(len(opened) - 1, -1, -1) if _same(opened[i][0], tag)), None)
                if place is not None:
                    inner = max(height for _, height in opened[place:])
                    for alone, _ in opened[place + 1 :]:
                        self.alone(alone)
                    begun = opened[place][0]
                    del opened[place:]
                    height = self.pair(begun, tag, inner)
                    if opened:
                        opened[-1] = (opened[-1][0], max(opened[-1][1], height))
            elif tag.name in _CODE | _RAW | _NOT_SHOWN and (end := self.end_of(tag)):
                self.tags.append(end)
                self.held(tag, end)
                at = end.end
            elif tag.single:
                self.alone(tag)
            else:
                opened.append((tag, 2))
                if len(opened) > _DEEPEST:
                    self.alone(opened.pop(0)[0])
        for alone, _ in opened:
            self.alone(alone)

    def tag(self, found: re.Match[str]) -> _Tag | None:
        """A tag that is one; None in code, and for a name that only templates have on a page that is none."""
        number = self.line_of(found.start())
        column = found.start() - self.starts[number]
        if self.code[number] or len(self.lines[number]) > _LONGEST or self.in_span(number, column):
            return None
        body = (found["hugo"] or found["liquid"]).strip().removesuffix("-").rstrip()
        single = body.endswith("/")
        named = _NAME.match(body)
        if named is None:
            return None
        name, closes, liquid = named["name"].lower(), bool(named["close"]), found["liquid"] is not None
        if liquid and not closes and name.startswith("end"):
            name, closes = name[3:].strip("_-"), True
        if liquid and not (self.in_front or name in _ALWAYS or BOX.match(name)):
            return None
        tag = _Tag(found.start(), found.end(), name, closes, single, liquid)
        named_words: dict[str, str] = {}
        for key, *values in _PARAMETER.findall(body[named.end() :].removesuffix("/")):
            value = next((v for v in values if v), "").strip()
            if key:
                named_words[key.lower()] = value
            else:
                tag.words.append(value)
        tag.named = named_words
        return tag

    def in_span(self, number: int, column: int) -> bool:
        line = self.lines[number]
        return "`" in line and any(span.start() < column < span.end() for span in _SPAN.finditer(line))

    def end_of(self, tag: _Tag) -> _Tag | None:
        """The tag that ends what is held as it is written."""
        name = re.escape(tag.name)
        ends = rf"\{{%-?\s*(?:end|/\s*){name}\s*-?%\}}" if tag.liquid else rf"\{{\{{[<%]\s*/\s*{name}\s*[>%]\}}\}}"
        if tag.single or ends in self.endless:
            return None
        found = re.compile(ends, re.IGNORECASE).search(self.text, tag.end)
        if found is None:
            self.endless.add(ends)
            return None
        return _Tag(found.start(), found.end(), tag.name, True, False, tag.liquid)

    def alone(self, tag: _Tag) -> None:
        """A tag without an end: what it says in words stays, else it is left out."""
        inside = next((w for w in tag.words if "." in w and BOX.match(w.partition(".")[0].rpartition("/")[2])), "")
        if _LINK.search(self.text, max(0, tag.start - 20), tag.start) and tag.words:
            tag.text = tag.words[0]
        elif inside and tag.first("content", "text"):
            box = _Tag(0, 0, inside.partition(".")[0].rpartition("/")[2], False, False, True, [], tag.named)
            tag.mark = f"{_box(box, 3)}\n{tag.first('content', 'text')}\n:::" if self.whole(tag, tag) else None
            tag.text = tag.first("content", "text")
        elif tag.first("text"):
            tag.text = tag.first("text")
        elif tag.name not in _FRAMES | _RAW:
            self.left_out[tag.name] += 1

    def pair(self, begun: _Tag, end: _Tag, inner: int) -> int:
        """What both tags of a pair become; the colons of the box, or of the highest inside."""
        if not self.whole(begun, end):
            return inner
        if begun.name in _PANELS:
            label = begun.first(*_TITLES) or next(iter(begun.words), "")
            fence = self.fence(begun, end, begun.first("lang"), "") if begun.first("lang") else ""
            begun.mark, end.mark = f"**{label}**\n{fence}" if label else fence, ""
        elif BOX.match(begun.name) or begun.name in _DETAILS:
            begun.mark, end.mark = _box(begun, inner + 1), ":" * (inner + 1)
            return inner + 1
        else:
            begun.mark = end.mark = ""
        return inner

    def held(self, begun: _Tag, end: _Tag) -> None:
        """What both tags become around text that is shown as it is written, or not shown."""
        if begun.name in _NOT_SHOWN:
            begun.end = end.start
            if begun.name != "comment":
                self.left_out[begun.name] += 1
        elif begun.name in _CODE and self.whole(begun, end):
            language = begun.first("lang", "language", "syntax") or next(iter(begun.words), "").rpartition("=")[2]
            title = begun.first("title", "file", "filename", "caption")
            title = title if "." in title or begun.named.get("title") else ""
            begun.mark, end.mark = self.fence(begun, end, language if begun.name != "code" else "", title), ""

    def fence(self, begun: _Tag, end: _Tag, language: str, title: str) -> str:
        """The mark of a block of code; where the pair holds one already, that one gets the title."""
        inside = self.text[begun.end : end.start]
        titled = f' title="{title}"' if title else ""
        if found := _FENCE.search(inside):
            if titled and "title=" not in found[0]:
                place = begun.end + found.end()
                self.tags.append(_Tag(place, place, "", False, True, False, text=titled))
            return ""
        marks = "`" * max([3, *(len(run) + 1 for run in re.findall(r"`{3,}", inside))])
        end.text = marks
        return f"{marks}{language}{titled}"

    def whole(self, begun: _Tag, end: _Tag) -> bool:
        """Whether a pair has its lines for itself: nothing but a list's mark and other tags stand beside it."""
        first, last = self.line_of(begun.start), self.line_of(end.end - 1)
        line = self.lines[first]
        before = _TAG.sub("", self.text[self.starts[first] : begun.start])
        after = _TAG.sub("", self.text[end.end : self.starts[last + 1] - 1])
        return not line.lstrip().startswith("|") and not _PREFIX.sub("", before, count=1).strip() and not after.strip()

    def written(self) -> Iterator[Numbered]:
        """The page's lines with each tag as what it becomes, each with the index of the line that it comes from."""
        tags = sorted(self.tags, key=lambda tag: tag.start)
        index = number = 0
        while number < len(self.lines):
            begin, last = index, number
            while index < len(tags) and self.line_of(tags[index].start) <= last:
                last = max(last, self.line_of(max(tags[index].start, tags[index].end - 1)))
                index += 1
            if index == begin:
                line = self.lines[number]
                yield number, line if self.code[number] else _without_escapes(line)
            else:
                made = self.parted(tags[begin:index], self.starts[number], self.starts[last + 1] - 1)
                below = self.lines[last + 1] if last + 1 < len(self.lines) else ""
                if made[-1].endswith("**") and below.strip() and not _FENCE.match(below):
                    made.append("")  # a label is a paragraph of its own
                yield from ((number, line) for line in made)
                yield from ((n, "") for n in range(number + len(made), last + 1))
            number = last + 1

    def parted(self, tags: Sequence[_Tag], start: int, end: int) -> list[str]:
        """The lines that some lines with tags become."""
        prefix = _PREFIX.match(self.text[start : tags[0].start])
        before = prefix[0] if prefix else ""
        made: list[str] = []
        words = ""

        def told(text: str) -> None:
            nonlocal before
            if text.strip():
                made.append(before + text.strip())
                before = _ITEM.sub(lambda m: " " * len(m[0]), before)

        at = start + len(before)
        for tag in tags:
            words += self.text[at : tag.start]
            at = max(at, tag.end)
            if tag.mark is None:
                words += tag.text
                continue
            told(words)
            words = ""
            for line in filter(None, [*tag.mark.split("\n"), tag.text if tag.closes else ""]):
                told(line)
        words += self.text[at:end]
        if all(tag.mark is None for tag in tags):
            whole = f"{before}{words}".rstrip()
            return whole.split("\n") if whole.strip(" \t:") else [""]
        told(words)
        return made or [""]


def _same(begun: _Tag, end: _Tag) -> bool:
    return begun.liquid == end.liquid and (begun.name == end.name or (end.liquid and not end.name))


def _box(tag: _Tag, colons: int) -> str:
    """The mark that opens a box, with its kind and title."""
    words = list(tag.words)
    title = tag.first("title", "header", "heading", "summary")
    kind = "details" if tag.name in _DETAILS else tag.name
    if kind in GENERIC:
        said = tag.first(*_KINDS) or (words.pop(0) if words and re.fullmatch(r"[A-Za-z]+", words[0]) else "")
        kind = said.lower() if BOX.match(said.lower()) and said.lower() not in GENERIC else "note"
    title = title or next(iter(words), "")
    return f"{':' * colons}{kind}{f'[{title}]' if title else ''}"


def _without_escapes(line: str) -> str:
    return _ESCAPED.sub(r"\1\2\3", line) if "/*" in line and "`" not in line else line


def _code(lines: Sequence[str]) -> list[bool]:
    """Which lines stand in code: fenced, or further in than what is around them by four columns."""
    found: list[bool] = []
    columns: list[int] = []  # where the text of each open item of a list stands
    for line in fences(lines):
        text = line.text
        indent = len(text[: len(text) - len(text.lstrip())].expandtabs(4))
        if text.strip():
            while columns and indent < columns[-1]:
                columns.pop()
        indented = indent >= 4 + (columns[-1] if columns else 0)
        found.append(line.inside or indented)
        if not line.inside and not indented and (item := _ITEM.match(text)):
            columns.append(item.end())
    return found
