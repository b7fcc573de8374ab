"""reStructuredText becomes Markdown: docutils reads it, directives and roles of Sphinx included."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from docutils import nodes
from docutils.core import publish_doctree
from docutils.parsers.rst import Parser, directives, roles, states

from understudy.ingest import places
from understudy.ingest.base import Page, Skipped, Source
from understudy.ingest.includes import Includes
from understudy.ingest.rst_directives import Anything, Span, directive_for
from understudy.ingest.rst_titles import Titles, shown
from understudy.ingest.rst_writer import write

_ENCODING = re.compile(rb"coding[:=]\s*([-\w.]+)")
_SETTINGS = {
    "report_level": 5,  # a page with mistakes is still a page: what docutils could not read stays as text
    "halt_level": 5,
    "file_insertion_enabled": False,  # what a page pulls in is read by `includes`
    "raw_enabled": False,
    "syntax_highlight": "none",
    "smart_quotes": False,
    "doctitle_xform": False,
    "_disable_config": True,
    "understudy_language": "",
}
_STRETCH = 8_000  # characters of inline text that are read at once
_PROSE = frozenset({"ref", "doc", "term", "abbr", "guilabel", "menuselection", "numref", "issue", "pep", "rfc"})
_LOCK = threading.Lock()  # docutils looks directives and roles up in module globals


def read(source: Source) -> Page:
    """The page as Markdown."""
    text = places.clean(source.text(_ENCODING))
    includes = Includes(source)
    unread: list[str] = []  # objects whose description stands in the code
    settings = {**_SETTINGS, "understudy": includes, "understudy_unread": unread}
    with _sphinx_words():
        parser = _Parser(inliner=_inliner())
        tree = publish_doctree(text, source_path=str(source.path), parser=parser, settings_overrides=settings)
    notes = list(includes.skipped)
    if unread:
        notes.append(Skipped("", "docstrings", f"{len(unread)} stand in the code: {', '.join(unread[:5])}"))
    page = Page(write(tree, str(source.path)) + "\n", skipped=tuple(notes))
    return places.placed(page, places.line_label, text.rstrip().count("\n") + 2)


class _Parser(Parser):
    """docutils' parser for lines of any length; its bound still holds for what substitutions put in place."""

    def parse(self, inputstring: str, document: Any) -> None:
        bound = document.settings.line_length_limit
        document.settings.line_length_limit = len(inputstring) + 1
        super().parse(inputstring, document)
        document.settings.line_length_limit = bound


def _inliner() -> Any:
    """docutils' reader of inline marks, by stretches: it looks for the end of each mark through all that follows, and
    for the place of a reference through all that stands beside it."""
    inliner: Any = states.Inliner()
    whole = inliner.parse

    def parse(text: str, lineno: int, memo: Any, parent: Any) -> Any:
        found: list[Any] = []
        messages: list[Any] = []
        long = len(text) > _STRETCH
        while text:
            at = len(text)
            if at > _STRETCH:
                at = max(text.rfind(" ", 1, _STRETCH), text.rfind("\n", 1, _STRETCH))
                at = at if at > 0 else _STRETCH
            some, said = whole(text[:at], lineno, memo, parent)
            found += [nodes.inline("", "", *some)] if long else some
            messages += said
            text = text[at:]
        return found, messages

    inliner.parse = parse
    return inliner


def _role(name: str, rawtext: str, text: str, line: int, inliner: Any, *_: Any) -> Any:
    """A role that docutils does not know: the text it shows, as code unless it names a page or a term."""
    if name in ("cspan", "rspan"):
        number = text.strip()
        return [Span(name=name, count=int(number) if re.fullmatch(r"\d{1,3}", number) else 0)], []
    kind = name.rpartition(":")[2]
    if kind in ("ref", "doc") and not text.endswith(">"):
        return [nodes.Text(_led_to(kind, text, inliner.document.settings.understudy.source) or text)], []
    words = shown(text)
    return [nodes.Text(words) if kind in _PROSE else nodes.literal(rawtext, words)], []


def _led_to(kind: str, text: str, source: Source) -> str | None:
    """The title that `:ref:` or `:doc:` shows, where the folder has what it names."""
    titles = source.shared if isinstance(source.shared, Titles) else Titles()
    return titles.section(text) if kind == "ref" else titles.page(text)


@contextmanager
def _sphinx_words() -> Iterator[None]:
    """docutils with an answer for every directive and role while the block runs."""
    find_directive: Any = directives.directive
    find_role: Any = roles.role

    def directive(name: str, language: Any, document: Any) -> Any:
        ours = directive_for(name)
        if ours is not None:
            return ours, []
        known, messages = find_directive(name, language, document)
        return (known, messages) if known is not None else (Anything, [])

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
