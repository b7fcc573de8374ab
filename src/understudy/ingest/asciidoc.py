"""AsciiDoc becomes Markdown: sections, lists, delimited blocks, tables, boxes and included files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from understudy.ingest import antora, cells, compose, places
from understudy.ingest.asciidoc_inline import Attributes, inline, substituted
from understudy.ingest.asciidoc_table import table
from understudy.ingest.asciidoc_titles import References, titles
from understudy.ingest.base import Page, Source
from understudy.ingest.includes import Includes, ranged, tagged

Numbered = tuple[int, str]  # a line of the page (that of the include where it came from one) and what it says

_MOST_LINES = 400_000
_DEEPEST = 12  # blocks within blocks
_LONGEST = 2_000  # characters of a heading, a setting, a mark of a block
_HEADING = re.compile(r"(={1,6}|#{1,6})\s+(\S.*?)(?:\s+\1)?\s*$")
_SET = re.compile(r":(!?[\w-]+!?):(?:\s+(.*))?$")
_DELIMITER = re.compile(r"(-{4,}|\.{4,}|={4,}|\*{4,}|_{4,}|\+{4,}|/{4,}|--|`{3,}(?=[^`]*$)|[|,:!]={3,})(.*)$")
_ATTRIBUTES = re.compile(r"\[(?!\[)([^\[\]]*(?:\[[^\]]*\][^\[\]]*)*)\]\s*$")
_ANCHOR = re.compile(r"\[\[[^\]]*\]\]\s*$")
_CAPTION = re.compile(r"\.([^\s.].*)$")
_BOX = re.compile(r"(NOTE|TIP|IMPORTANT|WARNING|CAUTION):\s+(.*)$")
_LIST = re.compile(r"\s*(\*{1,6}|-|\.{1,6}|\d{1,4}\.|[a-zA-Z]\.|<(?:\d+|\.)>)\s+(\S.*)$")
_TERM = re.compile(r"\s*(\S.*?)(:{2,4}|;;)(?:\s+(.*))?$")
_CONDITION = re.compile(r"(ifdef|ifndef|ifeval|endif)::([^\[]*)\[(.*)\]\s*$")
_INCLUDE = re.compile(r"include::([^\[\s]+)\[(.*)\]\s*$")
_ESCAPED = re.compile(r"\\(?:include|ifdef|ifndef|ifeval|endif)::[^\[\n]*\[")
_MACRO = re.compile(r"(image|video|audio)::[^\[]*\[([^\]]*)\]\s*$")
_IGNORED = re.compile(r"(?:toc::\[\]|<<<|'''|---|\*\*\*|- - -|\* \* \*)\s*$")
_PLAIN: Mapping[str, str] = {}
_BOXES = frozenset({"note", "tip", "important", "warning", "caution"})


def read(source: Source) -> Page:
    """The page as Markdown."""
    text = places.clean(source.text())
    includes = Includes(source)
    reader = _Reader(includes, References(source))
    blocks = compose.join(reader.page(text))
    page = Page(blocks + "\n", reader.title, metadata=reader.metadata, skipped=tuple(includes.skipped))
    return places.placed(page, places.line_label, text.rstrip().count("\n") + 2)


class _Reader:
    def __init__(self, includes: Includes, references: References) -> None:
        self.includes = includes
        self.references = references
        source = includes.source
        self.attributes = Attributes(antora.attributes(source.root, source.path) if source.root else {})
        self.title = ""
        self.metadata: dict[str, str] = {}
        self.total = 0
        self.kinds: list[str] = []  # of the lists that are open, outermost first

    def page(self, text: str) -> Iterator[str]:
        lines = list(self._prepared([(n, line.rstrip()) for n, line in enumerate(text.split("\n"), 1)]))
        self.references.own = titles(line for _, line in lines)
        start = next((i for i, (_, line) in enumerate(lines) if line and not line.startswith("//")), 0)
        if start < len(lines) and lines[start][1].startswith("= "):
            self.title = substituted(lines[start][1][2:].strip(), self.attributes)
            yield places.mark(lines[start][0]) + compose.heading(1, self.text(lines[start][1][2:]))
            start += 1
            while start < len(lines) and lines[start][1]:  # author, revision
                start += 1
        yield from self.blocks(lines[start:], 0)

    def text(self, words: str) -> str:
        return inline(words, self.attributes, self._titled)

    def _titled(self, name: str) -> str:
        """What a reference without words of its own shows."""
        title, more = self.references.title(name)
        attributes = Attributes(self.attributes | more) if "{" in title else self.attributes
        attributes.left = self.attributes.left
        shown = substituted(title, attributes)
        self.attributes.left = attributes.left - len(shown)
        return shown if self.attributes.left > 0 else name

    def _prepared(self, lines: list[Numbered], at: int | None = None) -> Iterator[Numbered]:
        """The lines with includes, conditions and attributes carried out."""
        hidden: list[bool] = []
        verbatim = ""
        for own, line in lines:
            number = own if at is None else at
            found = _CONDITION.match(line) if len(line) < _LONGEST else None
            if found:
                name, words, rest = found.groups()
                if name == "endif":
                    hidden = hidden[:-1]
                elif name != "ifeval" and rest:  # the condition of one line
                    if self._holds(name, words) and not any(hidden):
                        yield number, rest
                else:
                    hidden.append(name != "ifeval" and not self._holds(name, words))
                continue
            self.total += 1
            if any(hidden) or self.total > _MOST_LINES:
                continue
            if _ESCAPED.match(line):
                yield number, line[1:]
                continue
            include = _INCLUDE.match(line) if len(line) < _LONGEST else None
            if include:
                yield from self._included(number, include[1], include[2])
                continue
            if verbatim:
                verbatim = "" if line == verbatim else verbatim
            elif re.fullmatch(r"-{4,}|\.{4,}|\+{4,}|/{4,}|`{3,}.*", line):
                verbatim = "```" if line.startswith("```") else line
            elif setting := _SET.match(line):
                self._set(setting[1], setting[2] or "")
                continue
            elif line.startswith("//") and not line.startswith("///"):
                continue
            yield number, line

    def _holds(self, name: str, words: str) -> bool:
        names = re.split(r"[,+]", words.strip())
        found = [n.strip().lower() in self.attributes for n in names]
        return (all(found) if "+" in words else any(found)) == (name == "ifdef")

    def _set(self, name: str, value: str) -> None:
        if name.startswith("!") or name.endswith("!"):
            self.attributes.pop(name.strip("!").lower(), None)
        elif len(self.attributes) < 2_000:
            self.attributes[name.lower()] = substituted(value, self.attributes)[:2_000]
            if name in ("description", "keywords", "revnumber", "revdate"):
                self.metadata[name] = self.attributes[name]

    def _included(self, number: int, name: str, options: str) -> Iterator[Numbered]:
        found = self.includes.read(substituted(name, self.attributes))
        if found is None:
            return
        path, text = found
        lines = [line.rstrip() for line in text.split("\n")]
        tags = re.search(r"tags?=\"?([\w*;,!-]+)", options)
        if tags:
            lines = tagged(lines, set(re.split("[;,]", tags[1])))
        ranges = re.search(r"lines=\"?([\d.;,-]+)", options)
        if ranges:
            lines = ranged(lines, ranges[1])
        lines = [line for line in lines if not re.search(r"\b(?:tag|end)::[\w-]+\[\]", line)]
        offset = re.search(r"leveloffset=\"?\+?(\d)", options)
        if offset:
            lines = [re.sub(r"^(={1,5})(?= )", lambda f: f[1] + "=" * int(offset[1]), line) for line in lines]
        self.includes.open.append(path)
        yield from self._prepared(list(enumerate(lines)), number)
        self.includes.open.pop()

    # ── blocks ──────────────────────────────────────────────────────────────────────────────────────────────

    def blocks(self, lines: list[Numbered], depth: int) -> Iterator[str]:
        index = 0
        style: dict[str, str] = {}
        caption = ""
        while index < len(lines):
            number, line = lines[index]
            mark = places.mark(number)
            if not line.strip() or _ANCHOR.match(line):
                index += 1
            elif len(line) < _LONGEST and (found := _ATTRIBUTES.match(line)):
                style |= _style(found[1])
                index += 1
            elif (found := _CAPTION.match(line)) and not _DELIMITER.match(line):
                caption = found[1]
                index += 1
            elif _IGNORED.match(line) and line.strip() != "--":
                index += 1
            else:
                block, index = self._captioned(lines, index, style, caption, depth)
                yield from (mark + part for part in block if part)
                style, caption = {}, ""

    def _captioned(
        self, lines: list[Numbered], index: int, style: dict[str, str], caption: str, depth: int
    ) -> tuple[list[str], int]:
        """A block below its caption; that of a box is its title."""
        title = self.text(caption)
        block, index = self._block(lines, index, style | {"title": title}, depth)
        return [f"**{title}**", *block] if title and not "".join(block).startswith(":::") else block, index

    def _block(self, lines: list[Numbered], index: int, style: dict[str, str], depth: int) -> tuple[list[str], int]:
        """The blocks that begin on a line, and the index after them."""
        line = lines[index][1]
        heading = _HEADING.match(line[:_LONGEST])
        if heading and depth == 0:
            return [compose.heading(len(heading[1]), self.text(heading[2]))], index + 1
        delimiter = _DELIMITER.match(line)
        if delimiter and (not delimiter[2] or delimiter[1].startswith("`")):
            return self._delimited(lines, index, delimiter[1], delimiter[2], style, depth)
        if macro := _MACRO.match(line):
            shown = compose.escape(macro[2].split(",")[0].strip('"')) if macro[1] == "image" else ""
            return [shown], index + 1
        if box := _BOX.match(line):
            end = _paragraph_end(lines, index)
            body = self._joined([box[2], *(text for _, text in lines[index + 1 : end])])
            return [compose.admonition(box[1].lower(), style["title"], body)], end
        if (
            depth < _DEEPEST
            and (_LIST.match(line) or _TERM.match(line))
            and style.get("style") not in ("source", "listing")
        ):
            return self._list(lines, index, depth)
        end = _paragraph_end(lines, index)
        texts = [text for _, text in lines[index:end]]
        if style.get("style") in ("source", "listing", "literal") or line[:1] in (" ", "\t"):
            margin = min(len(t) - len(t.lstrip()) for t in texts)
            code = "\n".join(t[margin:] for t in texts)
            return [compose.code_block(_uncalled(code), style.get("language", ""))], end
        return [self._styled(self._joined(texts, style), style)], end

    def _joined(self, texts: list[str], style: Mapping[str, str] = _PLAIN) -> str:
        """The lines of a paragraph; a line that ends with ` +` is broken there, and in a verse each is."""
        every = style.get("style") == "verse" or "hardbreaks" in style.get("options", "")
        parts: list[list[str]] = [[]]
        for text in texts:
            parts[-1].append(text.removesuffix(" +"))
            if every or text.endswith(" +"):
                parts.append([])
        shown = (compose.paragraph(self.text(" ".join(part))) for part in parts)
        return "\\\n".join(filter(None, shown))

    def _styled(self, body: str, style: Mapping[str, str]) -> str:
        kind = style.get("style", "")
        if kind in _BOXES:
            return compose.admonition(kind, style.get("title", ""), body)
        if kind not in ("quote", "verse"):
            return body
        by = ", ".join(filter(None, (self.text(style.get(key, "")) for key in ("attribution", "citetitle"))))
        return compose.quote(compose.join([body, f"— {by}" if by else ""]))

    def _delimited(
        self, lines: list[Numbered], index: int, mark: str, rest: str, style: dict[str, str], depth: int
    ) -> tuple[list[str], int]:
        closing = "```" if mark.startswith("`") else mark
        end = next((i for i in range(index + 1, len(lines)) if lines[i][1] == closing), len(lines))
        inside = lines[index + 1 : end]
        after = min(end + 1, len(lines))
        kind = style.get("style", "")
        if mark[0] == "/":
            return [], after
        if (mark[0] in "-.`" and mark != "--") or kind in ("source", "listing"):
            code = "\n".join(text for _, text in inside)
            return [compose.code_block(_uncalled(code), style.get("language", "") or rest.strip())], after
        if mark[0] == "+":
            return [compose.paragraph(compose.escape(" ".join(re.sub("<[^<>]*>", " ", t) for _, t in inside)))], after
        if mark[0] in "|,:!" and len(mark) > 2:
            body = "\n".join(text for _, text in inside)
            number = lines[index][0]
            return [table(body, style, mark[0], lambda cell, kind: self._cell(cell, kind, number, depth))], after
        if depth >= _DEEPEST:
            return [compose.paragraph(self.text(" ".join(text for _, text in inside)))], after
        if kind == "verse":
            stanzas = re.split(r"\n\s*\n", "\n".join(text for _, text in inside))
            return [self._styled(compose.join(self._joined(s.split("\n"), style) for s in stanzas), style)], after
        body = compose.join(self.blocks(inside, depth + 1))
        if mark[0] == "_":
            style = style | {"style": kind or "quote"}
        return [self._styled(body, style)], after

    def _cell(self, text: str, style: str, number: int, depth: int) -> str:
        if style == "a" and depth < _DEEPEST:
            blocks = self.blocks([(number, line.rstrip()) for line in text.split("\n")], depth + 1)
            return cells.one_line(places.unmarked(compose.join(blocks)))
        if style == "l":
            return cells.one_line(compose.code_block(text))
        paragraphs = [p.split("\n") for p in re.split(r"\n\s*\n", text) if p.strip()]
        words = " ".join(self.text(" ".join(line.removesuffix(" +") for line in lines)) for lines in paragraphs)
        plain = compose.unescape(words)
        return compose.code_span(plain) if style == "m" and words == compose.escape(plain) else words

    # ── lists ───────────────────────────────────────────────────────────────────────────────────────────────

    def _list(self, lines: list[Numbered], index: int, depth: int) -> tuple[list[str], int]:
        """The list that begins on a line, lists with other marks nested in it."""
        kind = _kind(lines[index][1])
        self.kinds.append(kind)
        items: list[str] = []
        terms: list[str] = []
        definitions: list[str] = []
        while index < len(lines) and _kind(lines[index][1]) == kind:
            number, line = lines[index]
            mark = places.mark(number)
            found = _LIST.match(line)
            term = None if found else _TERM.match(line)
            first = found[2] if found else (term[3] or "") if term else ""
            body, index = self._item(lines, index + 1, first, kind, depth)
            if found:
                items.append(mark + re.sub(r"^\[\\\*\](?=\s)", "[x]", body))
            elif term:
                terms.append(mark + self.text(term[1]))
                if body.strip():
                    definitions.append(compose.definition(terms, body))
                    terms = []
            following = _next(lines, index)
            if following is not None and _kind(lines[following][1]) == kind:
                index = following
        self.kinds.pop()
        if terms:
            definitions.append(compose.definition(terms, ""))
        numbered = 1 if kind[:1] in (".", "1", "a", "<") else None
        listed = compose.bullets(items, numbered)
        if kind == "<":  # `1)`, so that a list of steps below stays one of its own
            listed = re.sub(r"^(\d+)\. ", r"\1) ", listed, flags=re.MULTILINE)
        return [listed] if items else definitions, index

    def _nests(self, kind: str, inner: str) -> bool:
        """Whether a list may begin in an item: one whose mark is that of a list around goes on with that list."""
        return kind != "<" and inner != "<" and inner not in self.kinds

    def _item(self, lines: list[Numbered], index: int, first: str, kind: str, depth: int) -> tuple[str, int]:
        """What stands in an item: its text, blocks joined by `+`, and lists with other marks."""
        words = [first] if first else []
        blocks: list[str] = []

        def flush() -> None:
            if words:
                blocks.append(self._joined(words))
                words.clear()

        while index < len(lines):
            line = lines[index][1]
            other = _kind(line)
            if line.strip() == "+":
                flush()
                style: dict[str, str] = {}
                caption = ""
                index += 1
                while index < len(lines):
                    if found := _ATTRIBUTES.match(lines[index][1]):
                        style |= _style(found[1])
                    elif found := _CAPTION.match(lines[index][1]):
                        caption = found[1]
                    else:
                        break
                    index += 1
                if index < len(lines) and lines[index][1].strip():
                    made, index = self._captioned(lines, index, style, caption, depth + 1)
                    blocks += made
            elif not line.strip():
                flush()
                following = _next(lines, index)
                if following is None:
                    break
                inner = _kind(lines[following][1])
                indented = lines[following][1][:1] in (" ", "\t")
                if not blocks and not inner and kind == "::" and not _HEADING.match(lines[following][1]):
                    words.append(lines[following][1].strip())  # what a term means may stand below a blank line
                    index = following + 1
                elif inner and depth < _DEEPEST and self._nests(kind, inner):
                    made, index = self._list(lines, following, depth + 1)
                    blocks += made
                elif indented and not inner:
                    made, index = self._captioned(lines, following, {}, "", depth + 1)
                    blocks += made
                else:
                    break
            elif other == kind or _HEADING.match(line) or _ATTRIBUTES.match(line):
                break
            elif other:
                if not self._nests(kind, other) or depth >= _DEEPEST:
                    break
                flush()
                made, index = self._list(lines, index, depth + 1)
                blocks += made
            elif _DELIMITER.match(line) and not _DELIMITER.match(line)[2]:  # type: ignore[index]
                break
            else:
                words.append(line.strip())
                index += 1
        flush()
        return compose.join(blocks), index


def _kind(line: str) -> str:
    """What tells the lists of a line's mark apart; empty for a line of none."""
    found = _LIST.match(line)
    if found:
        mark = found[1]
        return mark if mark[0] in "*-." else "<" if mark[0] == "<" else "1" if mark[0].isdigit() else "a"
    term = _TERM.match(line)
    return term[2] if term and not line.startswith((":", "//")) and "://" not in term[1][-6:] + term[2] else ""


def _next(lines: list[Numbered], index: int) -> int | None:
    return next((i for i in range(index, min(len(lines), index + 50)) if lines[i][1].strip()), None)


def _paragraph_end(lines: list[Numbered], index: int) -> int:
    end = index + 1
    while end < len(lines):
        line = lines[end][1]
        if not line.strip() or line.strip() == "+" or _ATTRIBUTES.match(line) or _ANCHOR.match(line):
            break
        found = _DELIMITER.match(line)
        if found and not found[2]:
            break
        end += 1
    return end


def _style(text: str) -> dict[str, str]:
    """The attributes of a block: `source,ruby`, `cols="1,2",options="header"`, `%header`, `NOTE`."""
    found: dict[str, str] = {}
    parts = re.findall(r"""(?:[^,"]|"[^"]*")+""", text)
    for place, part in enumerate(["", *parts] if text.lstrip().startswith(",") else parts):
        name, equals, value = part.strip().partition("=")
        if equals:
            found[name.strip().lower()] = value.strip().strip("\"'")
            continue
        word = re.split(r"[#.%]", name)[0].strip()
        if "%" in name:
            found["options"] = f"{found.get('options', '')} {' '.join(name.split('%')[1:])}"
        if place == 0:
            found["style"] = word.lower()
        elif place == 1 and found.get("style") in ("source", "", "listing"):
            found["language"] = word
            found["style"] = found.get("style") or "source"
        elif place in (1, 2) and found.get("style") in ("quote", "verse"):
            found[("attribution", "citetitle")[place - 1]] = part.strip().strip('"')
    if "opts" in found:
        found["options"] = f"{found.get('options', '')} {found['opts']}"
    return found


def _uncalled(code: str) -> str:
    """Code without the numbers of callouts at its lines' ends."""
    return re.sub(
        r"(?<![ \t])[ \t]*(?:(?://|#|--|;;)[ \t]*)?(?:<(?:\d+|\.)>|<!--(?:\d+|\.)-->)(?:[ \t]*<\d+>)*[ \t]*$",
        "",
        code,
        flags=re.M,
    )
