"""reStructuredText becomes Markdown: docutils reads it, directives and roles of Sphinx included."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from docutils import nodes
from docutils.core import publish_doctree
from docutils.parsers.rst import Directive, directives, roles

from understudy.ingest.base import Page, Source
from understudy.ingest.rst_writer import write

_ENCODING = re.compile(rb"coding[:=]\s*([-\w.]+)")
_SETTINGS = {
    "report_level": 5,  # a page with mistakes is still a page: what docutils could not read stays as text
    "halt_level": 5,
    "file_insertion_enabled": False,  # a page may not pull in other files
    "raw_enabled": False,
    "syntax_highlight": "none",
    "smart_quotes": False,
    "doctitle_xform": False,
    "_disable_config": True,
}
_DROPPED = frozenset(
    {"toctree", "index", "contents", "include", "meta", "highlight", "currentmodule", "tabularcolumns"}
)
_CODE = frozenset({"code-block", "sourcecode", "code", "prompt", "ipython", "literalinclude"})
_TITLED = frozenset({"tabs", "tab", "tab-item", "tab-set", "rubric", "centered", "dropdown", "card"})
_NOTES = {
    "versionadded": "Added in version",
    "versionchanged": "Changed in version",
    "deprecated": "Deprecated since version",
    "versionremoved": "Removed in version",
}
_PROSE = frozenset({"ref", "doc", "term", "abbr", "guilabel", "menuselection", "numref", "issue", "pep", "rfc"})
_LOCK = threading.Lock()  # docutils looks directives and roles up in module globals


def read(source: Source) -> Page:
    """The page as Markdown."""
    text = source.text(_ENCODING)
    with _sphinx_words():
        tree = publish_doctree(text, settings_overrides=_SETTINGS)
    return Page(write(tree) + "\n")


class _Unchecked(dict[str, Any]):
    """Options of a directive that are not known: each is accepted as text."""

    def __missing__(self, key: str) -> Any:
        return directives.unchanged


_UNCHECKED = _Unchecked({"class": directives.unchanged})  # docutils reads no options for an empty one


class _Anything(Directive):
    """A directive that docutils does not know: its argument is a term, its content is read on."""

    optional_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec = _UNCHECKED

    def run(self) -> list[nodes.Node]:
        name = self.name.rpartition(":")[2]
        lines = self.arguments[0].splitlines() if self.arguments else []
        body = nodes.container()
        if lines and not self.block_text.partition("::")[2].split("\n")[0].strip():
            found, _ = self.state.inline_text(" ".join(lines), self.lineno)  # content without a blank line above
            body += nodes.paragraph("", "", *found)
            lines = []
        self.state.nested_parse(self.content, self.content_offset, body)
        argument = " ".join(lines)
        if name in _NOTES:
            found, _ = self.state.inline_text(" ".join(lines[1:]), self.lineno)
            version = f"{_NOTES[name]} {lines[0] if lines else ''}".strip()
            return [nodes.paragraph("", "", nodes.Text(f"{version}: "), *found), *body.children]
        if name == "only" or not argument:
            return list(body.children)
        if name in _TITLED:
            return [nodes.paragraph("", "", nodes.strong("", argument)), *body.children]
        if name.startswith("auto") and not body.children:
            return []  # what the code's own docstrings would say is not in this file
        terms = [nodes.term("", "", nodes.literal("", line)) for line in lines]
        return [nodes.definition_list("", nodes.definition_list_item("", *terms, nodes.definition("", *body.children)))]


class _Nothing(_Anything):
    """A directive that only arranges the site."""

    def run(self) -> list[nodes.Node]:
        return []


class _Code(Directive):
    """A code block; Sphinx's `caption` becomes its title."""

    optional_arguments = 1
    has_content = True
    option_spec = _UNCHECKED

    def run(self) -> list[nodes.Node]:
        block = nodes.literal_block("", "\n".join(self.content))
        block["language"] = self.arguments[0] if self.arguments else ""
        block["title"] = self.options.get("caption", "")
        return [block]


def _role(name: str, rawtext: str, text: str, *_: Any) -> Any:
    """A role that docutils does not know: the text it shows, as code unless it names a page or a term."""
    shown = re.sub(r"\s*<[^<>]*>$", "", text).lstrip("!")
    shown = shown[1:].rpartition(".")[2] if shown.startswith("~") else shown
    return [nodes.Text(shown) if name.rpartition(":")[2] in _PROSE else nodes.literal(rawtext, shown)], []


@contextmanager
def _sphinx_words() -> Iterator[None]:
    """docutils with an answer for every directive and role while the block runs."""
    find_directive: Any = directives.directive
    find_role: Any = roles.role

    def directive(name: str, language: Any, document: Any) -> Any:
        if name in _CODE:
            return _Code, []
        if name in _DROPPED:
            return _Nothing, []
        known, messages = find_directive(name, language, document)
        return (known, messages) if known is not None else (_Anything, [])

    def role(name: str, language: Any, line: int, reporter: Any) -> Any:
        known, messages = find_role(name, language, line, reporter)
        return (known, messages) if known is not None else (_role, [])

    places: tuple[tuple[Any, str, Any, Any], ...] = (
        (directives, "directive", directive, find_directive),
        (roles, "role", role, find_role),
    )
    with _LOCK:
        for module, name, ours, _ in places:
            setattr(module, name, ours)
        try:
            yield
        finally:
            for module, name, _, theirs in places:
                setattr(module, name, theirs)
