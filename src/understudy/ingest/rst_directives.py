"""The directives of reStructuredText as Sphinx knows them, and those that it does not: each keeps its text."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive, directives
from docutils.parsers.rst.directives.tables import CSVTable
from docutils.statemachine import StringList, string2lines

from understudy.ingest.html_writer import fragment
from understudy.ingest.includes import Includes

DROPPED = frozenset({
    "toctree", "index", "contents", "meta", "highlight", "currentmodule", "tabularcolumns", "sectionauthor",
    "moduleauthor", "codeauthor", "testsetup", "testcleanup", "module", "py:module", "sectnum", "default-role",
    "py:currentmodule", "default-domain", "role", "cssclass", "rst-class", "plot", "graphviz", "digraph", "graph",
    "inheritance-diagram", "kernel-doc", "kernel-figure", "title", "restructuredtext-test-directive", "program",
})  # fmt: skip
CODE = frozenset({
    "code-block", "sourcecode", "code", "prompt", "ipython", "testcode", "testoutput", "doctest", "productionlist",
    "parsed-literal", "console", "command-output", "mermaid", "uml", "code-cell",
})  # fmt: skip
_TITLED = frozenset({
    "tabs", "tab", "tab-item", "tab-set", "group-tab", "rubric", "centered", "dropdown", "card",
    "grid-item-card", "md-tab-item", "collapse", "details",
})  # fmt: skip
_BOXED = frozenset({"topic", "sidebar"})  # boxes under a title of their own
_UNTOLD = frozenset({  # whose argument is a condition, a number of columns or the like
    "only", "ifconfig", "grid", "grid-item", "grid-child", "card-carousel", "tab-set-code", "md-tab-set", "button-ref",
    "button-link",
})  # fmt: skip
_CARD_LINE = re.compile(r"\^{3,}\s*$|\+{3,}\s*$")  # below a card's head, above its foot
_FROM_CODE = re.compile(r"auto(?!summary)|doxygen")  # what the code's own comments say
# What is described, even where nothing is said of it; other names without content only mark a place.
_OBJECTS = re.compile(
    r"(?:\w+:)?(?:\w*function|\w*method|class|interface|data|\w*attribute|exception|property|decorator|macro|type|struct|"
    r"union|enum|enumerator|member|var|variable|const|concept|alias|option|cmdoption|envvar|confval|describe|object|"
    r"directive|role|token|opcode|pdbcommand|command|signature|genex|get|post|put|patch|delete|head)\Z"
)
_BOXES = {"seealso": "seealso", "todo": "note", "impl-detail": "note", "availability": "note"}
_NOTES = {
    "versionadded": "Added in version",
    "versionchanged": "Changed in version",
    "deprecated": "Deprecated since version",
    "versionremoved": "Removed in version",
    "deprecated-removed": "Deprecated since version",
}
# The word that C's and C++'s signatures begin with; Python's readers know a class by its capital letter.
_WORDS = {
    f"{domain}{kind}": kind for domain in ("c:", "cpp:") for kind in ("type", "struct", "enum", "union", "enumerator")
}
_WORDS |= {"cpp:class": "class"}
_NO_WORD = frozenset({"c:type", "cpp:type"})  # of what is a typedef already


class _Unchecked(dict[str, Any]):
    """Options of a directive that are not known: each is accepted as text."""

    def __missing__(self, key: str) -> Any:
        return directives.unchanged


_UNCHECKED = _Unchecked({"class": directives.unchanged})  # docutils reads no options for an empty one


class _Base(Directive):
    optional_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec = _UNCHECKED

    @property
    def includes(self) -> Includes:
        includes: Includes = self.state.document.settings.understudy
        return includes

    def placed(self, node: nodes.Element) -> nodes.Element:
        """A node that knows its line in the file."""
        node.source, node.line = self.state_machine.get_source_and_line(self.lineno)
        return node

    def parsed(self) -> nodes.container:
        body = nodes.container()
        self.state.nested_parse(self.content, self.content_offset, body)
        return body

    def inline(self, text: str) -> list[nodes.Node]:
        found, _ = self.state.inline_text(text, self.lineno)
        return list(found)


class Anything(_Base):
    """A directive that docutils does not know: its argument is a term, its content is read on."""

    def run(self) -> list[nodes.Node]:
        name = self.name.rpartition(":")[2]
        argument = re.sub(r"\\\n\s*", " ", self.arguments[0]) if self.arguments else ""
        lines = [line.strip() for line in argument.splitlines() if line.strip()]
        if lines and not self.block_text.partition("::")[2].split("\n")[0].strip():
            body = nodes.container()  # no blank line above: it is content
            below = argument.split("\n")
            source, line = self.state_machine.get_source_and_line(self.lineno)
            items = [(source or "", (line or self.lineno) + n) for n in range(len(below))]
            self.state.nested_parse(StringList(below, items=items), self.lineno, body)
            self.state.nested_parse(self.content, self.content_offset, body)
            lines = []
        else:
            body = self.parsed()
        if name in _BOXED and lines:
            title = self.placed(nodes.title("", "", *self.inline(" ".join(lines))))
            return [nodes.admonition("", title, *body.children, kind="note")]
        if name in _NOTES:
            words = lines[0].split(None, 1) if lines else []
            rest = " ".join([*words[1:], *lines[1:]])
            said = nodes.Text(f"{_NOTES[name]} {words[0] if words else ''}".strip() + (": " if rest else "."))
            return [self.placed(nodes.paragraph("", "", said, *self.inline(rest))), *body.children]
        if name in _BOXES:
            if lines:
                body.insert(0, self.placed(nodes.paragraph("", "", *self.inline(" ".join(lines)))))
            return [nodes.admonition("", *body.children, kind=_BOXES[name])]
        if name in _UNTOLD or not lines:
            return list(body.children)
        if name in _TITLED:
            return [self.placed(nodes.paragraph("", "", nodes.strong("", " ".join(lines)))), *body.children]
        if not body.children and _FROM_CODE.match(name):
            self.state.document.settings.understudy_unread.append(lines[0])
        elif not (body.children or self.options.keys() & {"type", "default"} or _OBJECTS.match(self.name)):
            return []
        return [self.described(lines, [*self.said_of_value(), *body.children])]

    def parsed(self) -> nodes.container:
        if self.name in ("card", "grid-item-card"):
            for index, line in enumerate(self.content):
                if _CARD_LINE.match(line):
                    self.content[index] = ""
        return super().parsed()

    def said_of_value(self) -> list[nodes.Node]:
        """Paragraphs for the type and the default that a setting's options name."""
        said = [(label, str(self.options.get(label.lower()) or "").strip()) for label in ("Type", "Default")]
        return [nodes.paragraph("", "", nodes.Text(f"{label}: "), *self.inline(text)) for label, text in said if text]

    def described(self, signatures: Sequence[str], body: Sequence[nodes.Node]) -> nodes.Node:
        """An object's signatures, and what is said of it."""
        word = _WORDS.get(self.name, "")
        shown = [s if not word or (" " in s and self.name in _NO_WORD) else f"{word} {s}" for s in signatures]
        terms = [self.placed(nodes.term("", "", nodes.literal("", line))) for line in shown]
        return nodes.definition_list("", nodes.definition_list_item("", *terms, nodes.definition("", *body)))


class Class(Anything):
    """`class` describes a class, as in Sphinx; a bare name in lower case styles what follows, as in docutils."""

    def run(self) -> list[nodes.Node]:
        argument = self.arguments[0].strip() if self.arguments else ""
        if re.fullmatch(r"[a-z][a-z0-9 -]*", argument):
            return list(self.parsed().children)
        return super().run()


class Glossary(_Base):
    """Terms flush left, one or more a line each, above what is said of them."""

    optional_arguments = 0

    def run(self) -> list[nodes.Node]:
        made = nodes.definition_list()
        terms: list[nodes.Element] = []
        at = 0
        while at < len(self.content):
            line = self.content[at]
            if line.strip() and not line[0].isspace():
                if not line.startswith(".. "):
                    source, number = self.content.info(at)
                    term = nodes.term("", "", *self.inline(line.partition(" : ")[0]))
                    term.source, term.line = source, (number or 0) + 1
                    terms.append(term)
                at += 1
                continue
            end = at + 1
            while end < len(self.content) and (not self.content[end].strip() or self.content[end][0].isspace()):
                end += 1
            block = self.content[at:end]
            if any(text.strip() for text in block):
                block.trim_left(min(len(text) - len(text.lstrip()) for text in block if text.strip()))
                body = nodes.definition()
                self.state.nested_parse(block, self.content_offset + at, body)
                made += nodes.definition_list_item("", *terms, body)
                terms = []
            at = end
        if terms:
            made += nodes.definition_list_item("", *terms)
        return [made] if made.children else []


class Nothing(_Base):
    """A directive that only arranges the site."""

    def run(self) -> list[nodes.Node]:
        return []


class Highlight(_Base):
    """The language of the code blocks that follow and name none."""

    def run(self) -> list[nodes.Node]:
        self.state.document.settings.understudy_language = self.arguments[0].strip() if self.arguments else ""
        return []


class Raw(_Base):
    """Raw HTML is read as such; raw LaTeX and the like are for paper."""

    def run(self) -> list[nodes.Node]:
        kinds = self.arguments[0].split() if self.arguments else []
        if "html" not in kinds or not self.content:
            return []
        markdown = fragment("\n".join(self.content))
        return [self.placed(nodes.raw("", markdown, format="markdown"))] if markdown else []


class Code(_Base):
    """A code block; Sphinx's `caption` becomes its title."""

    def run(self) -> list[nodes.Node]:
        lines = list(self.content)
        language = self.arguments[0].strip() if self.arguments else ""
        if self.name == "productionlist" and language:
            first = [line.strip() for line in language.splitlines()]
            lines, language = _productions([*(f for f in first if ":" in f), *lines]), ""
        elif self.name in ("testcode", "doctest"):
            language = "python"
        elif self.name in ("testoutput", "parsed-literal"):
            lines, language = (["\n".join(lines)] if lines else [language]), ""
        if not lines:
            lines, language = language.splitlines()[1:], language.split("\n")[0]
        text = "\n".join(lines)
        if self.name == "parsed-literal":
            text = nodes.inline("", "", *self.inline(text)).astext()
        return [self.block(text, language or self.state.document.settings.understudy_language)]

    def block(self, text: str, language: str) -> nodes.Element:
        block = nodes.literal_block("", text)
        block["language"] = language
        block["title"] = self.options.get("caption", "")
        return self.placed(block)


class CodeTab(Code):
    """A panel of code: its language, and the label where it has another."""

    def run(self) -> list[nodes.Node]:
        language, _, label = (self.arguments[0] if self.arguments else "").strip().partition(" ")
        title = nodes.paragraph("", "", nodes.strong("", label.strip() or language))
        return [self.placed(title), self.block("\n".join(self.content), language)]


class LiteralInclude(Code):
    """A file shown as code."""

    def run(self) -> list[nodes.Node]:
        found = self.includes.read(self.arguments[0]) if self.arguments else None
        if found is None:
            return []
        lines = _chosen(found[1].split("\n"), self.options)
        return [self.block("\n".join(lines), str(self.options.get("language", self.options.get("code", ""))))]


class Include(Code):
    """A file read on in place."""

    def run(self) -> list[nodes.Node]:
        found = self.includes.read(self.arguments[0]) if self.arguments else None
        if found is None:
            return []
        path, text = found
        for option, after in (("start-after", True), ("end-before", False)):
            if self.options.get(option):
                before, mark, rest = text.partition(self.options[option])
                text = (rest if after else before) if mark else text
        lines = _chosen(text.split("\n"), {k: v for k, v in self.options.items() if k in ("start-line", "end-line")})
        if "literal" in self.options or "code" in self.options:
            return [self.block("\n".join(lines), self.options.get("code", ""))]
        if path.suffix.lower() in (".md", ".markdown") or "parser" in self.options:
            return [self.placed(nodes.raw("", "\n".join(lines), format="markdown"))]
        self.includes.open.append(path)
        inserted = string2lines("\n".join(lines), 8, convert_whitespace=True)
        self.state_machine.insert_input([*inserted, "", ".. end-of-include::", ""], str(path))
        return []


class EndOfInclude(_Base):
    def run(self) -> list[nodes.Node]:
        if len(self.includes.open) > 1:
            self.includes.open.pop()
        return []


class Csv(CSVTable):
    """A table of comma-separated values, its own or a file's."""

    def run(self) -> Any:
        includes: Includes = self.state.document.settings.understudy
        if "url" in self.options:
            return []
        if name := self.options.pop("file", None):
            found = includes.read(name)
            if found is None:
                return []
            self.content = StringList(string2lines(found[1].rstrip("\n"), 8), str(found[0]))
        delim = self.options.get("delim", ",")
        header = self.options.get("header", "")
        if header and delim not in header:  # often written with commas, whatever parts the data
            rows = csv.reader(header.split("\n"), skipinitialspace=True)
            self.options["header"] = "\n".join(delim.join(_quoted(c) for c in row) for row in rows)
        made = super().run()
        if any(isinstance(node, nodes.table) for node in made):
            return made
        lines = [*self.options.get("header", "").split("\n"), *self.content] if header else list(self.content)
        return [_plain_table(self, csv.reader(lines, delimiter=delim, skipinitialspace=True))] if lines else []


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'


def _plain_table(directive: Directive, rows: Iterable[list[str]]) -> nodes.table:
    """A table of what the stricter reader refused."""
    made = []
    for cells in rows:
        texts = [nodes.paragraph("", "", *directive.state.inline_text(cell, directive.lineno)[0]) for cell in cells]
        made.append(nodes.row("", *(nodes.entry("", text) for text in texts)))
    return nodes.table("", nodes.tgroup("", nodes.thead("", *made[:1]), nodes.tbody("", *made[1:])))


class FlatTable(_Base):
    """The kernel's table of nested lists, with cells that span rows (`:rspan:`) and columns (`:cspan:`)."""

    def run(self) -> list[nodes.Node]:
        body = self.parsed()
        found = next(iter(body.findall(nodes.bullet_list)), None)
        if found is None:
            return list(body.children)
        heads = self.options.get("header-rows", "0")
        count = int(heads) if heads.isdigit() else 0
        rows = [_row(item) for item in found.children if isinstance(item, nodes.list_item)]
        group = nodes.tgroup("", nodes.thead("", *rows[:count]), nodes.tbody("", *rows[count:]))
        table = nodes.table("", group)
        if self.arguments:
            table.insert(0, nodes.title("", "", *self.inline(self.arguments[0])))
        return [self.placed(table)]


class Span(nodes.Inline, nodes.TextElement):
    """`:cspan:` or `:rspan:` in a cell of a flat table."""


def _productions(lines: Sequence[str]) -> list[str]:
    """The rules of a grammar as a page shows them: names flush, `::=`, no marks around the names of other rules."""
    rules = [
        (name.strip(), rule) for name, _, rule in (re.sub(r"`([^`]+)`", _shown, line).partition(":") for line in lines)
    ]
    width = max((len(name) for name, _ in rules), default=0)
    return [f"{name.ljust(width)} {'::=' if name else '   '} {rule}".rstrip() for name, rule in rules]


def _shown(token: re.Match[str]) -> str:
    """The name of a rule: `~grammar:name` or `text <name>` show a part of what is written."""
    written = token[1].partition("<")[0].strip() or token[1]
    return written.rpartition(":")[2].strip() if written.startswith("~") else written.lstrip("!")


def _row(item: nodes.Element) -> nodes.row:
    row = nodes.row()
    cells = next((c for c in item.children if isinstance(c, nodes.bullet_list)), None)
    for cell in cells.children if cells is not None else ():
        entry = nodes.entry("", *cell.children)
        for span in list(entry.findall(Span)):
            entry["morecols" if span["name"] == "cspan" else "morerows"] = span["count"]
            span.parent.remove(span)
        row += entry
    return row


def _chosen(lines: list[str], options: dict[str, Any]) -> list[str]:
    """The lines of a file that the options of an include name."""
    for first, last, whole in (("start-at", "end-at", 1), ("start-after", "end-before", 0)):
        if text := options.get(first):
            at = next((i for i, line in enumerate(lines) if text in line), -1)
            lines = lines[at + 1 - whole :] if at >= 0 else lines
        if text := options.get(last):
            at = next((i for i, line in enumerate(lines) if text in line), len(lines))
            lines = lines[: at + whole]
    if "lines" in options:
        chosen: list[str] = []
        for part in options["lines"].split(","):
            found = re.fullmatch(r"\s*(\d{0,7})\s*(-?)\s*(\d{0,7})\s*", part)
            if found and (found[1] or found[3]):
                begin = int(found[1] or 1)
                chosen += lines[begin - 1 : int(found[3] or len(lines)) if found[2] else begin]
        lines = chosen
    numbers = [options.get(name, "") for name in ("start-line", "end-line")]
    first_line, end_line = (int(n) if re.fullmatch(r"-?\d{1,7}", n) else None for n in numbers)
    return lines[first_line:end_line]


OURS: dict[str, type[Directive]] = {
    "class": Class, "py:class": Anything, "raw": Raw, "include": Include, "literalinclude": LiteralInclude,
    "csv-table": Csv, "flat-table": FlatTable, "highlight": Highlight, "end-of-include": EndOfInclude,
    "glossary": Glossary, "code-tab": CodeTab, "topic": Anything, "sidebar": Anything,
}  # fmt: skip


def directive_for(name: str) -> type[Directive] | None:
    """What reads a directive in docutils' place; None where docutils reads it itself."""
    name = name.lower()
    if name in OURS:
        return OURS[name]
    if name in CODE:
        return Code
    return Nothing if name in DROPPED else None
