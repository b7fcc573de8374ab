"""XML that documentation is kept in: DocBook and exports of MediaWiki, told apart by their root."""

from __future__ import annotations

import re

from understudy.ingest import docbook, mediawiki, places, xml_tree
from understudy.ingest.base import Page, SkipFile, Source

_ENCODING = re.compile(rb"""encoding\s*=\s*["']([\w.:-]+)""")
_DOCBOOK = frozenset({
    "book", "article", "chapter", "part", "appendix", "preface", "section", "sect1", "sect2", "refentry", "reference",
    "set", "glossary", "topic", "refsect1", "simplesect", "partintro", "qandaset", "bookinfo",
})  # fmt: skip


def read(source: Source) -> Page:
    """The page as Markdown. Raises SkipFile for XML of another kind."""
    text = places.clean(source.text(_ENCODING))
    name = xml_tree.root_name(text)
    if name == "mediawiki":
        return mediawiki.export(text)
    if name in _DOCBOOK:
        return docbook.page(text, source)
    raise SkipFile("unknown format", f"XML of <{name[:40]}>, neither DocBook nor an export of MediaWiki")
