"""HTML becomes Markdown: the main content, with its headings, code, tables, lists and boxes."""

from __future__ import annotations

import re

from selectolax.lexbor import LexborHTMLParser, LexborNode

from understudy.ingest.base import Page, SkipFile, Source
from understudy.ingest.html_writer import write

_CHARSET = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)
# What documentation generators call the content of a page, the most exact first.
_MAIN = (
    "[itemprop=articleBody]", ".theme-doc-markdown", ".md-content article", ".md-content__inner",
    ".rst-content .document", "div.body[role=main]", "article.bd-article", ".devsite-article-body",
    ".markdown-body", ".vp-doc", ".book .page-inner section", "#mw-content-text", "main article", "main",
    "[role=main]", "article", "#main-content", "#content", ".content",
)  # fmt: skip
_NOISE = ", ".join((
    "script, style, noscript, template, iframe, object, svg, canvas, dialog",
    "form, button, select, input, textarea",
    "nav, aside, footer, [role=navigation], [role=search], [role=banner], [role=contentinfo]",
    "[aria-hidden=true], [hidden], .skip-link, .visually-hidden, .sr-only",
    ".headerlink, .hash-link, .anchorjs-link, .edit-this-page, .theme-edit-this-page, .copybtn",
    ".toc, .table-of-contents, .toctree-wrapper, .sphinxsidebar, .sidebar, .breadcrumbs, .breadcrumb",
    ".pagination, .pagination-nav, .prev-next-area, .related, .linenos, .linenodiv",
))  # fmt: skip
_SHORT = 200  # characters of text below which a marked main content is not believed


def read(source: Source) -> Page:
    """The page's main content as Markdown. Raises SkipFile for a frame, a redirect or an index of links."""
    text = source.text(_CHARSET)
    tree = LexborHTMLParser(text)
    title = _title(tree)
    if tree.body is None:
        raise SkipFile("no text", "no body")
    redirect = tree.css_first("meta[http-equiv=refresh i]")
    tree.strip_tags(["head"], recursive=True)
    for node in tree.css(_NOISE):
        if node.tag not in ("html", "body"):
            node.decompose()
    tree.unwrap_tags(["wbr", "font"])
    tree.merge_text_nodes()
    main = _main(tree)
    markdown = write(main) if main is not None else _unknown(text)
    if not markdown.strip() and redirect is not None:
        raise SkipFile("no text", "only redirects to another page")
    return Page(markdown + "\n" if markdown else "", title)


def _title(tree: LexborHTMLParser) -> str:
    node = tree.css_first("title")
    text = " ".join(node.text().split()) if node is not None else ""
    # "Install — Kestrel 1.2 documentation" is the page's name, then the site's
    return re.split(r"\s+(?:[|—–·»]|-|::)\s+", text, maxsplit=1)[0]


def _main(tree: LexborHTMLParser) -> LexborNode | None:
    """The node that holds the main content, or None where no mark tells."""
    for selector in _MAIN:
        found = tree.css(selector)
        if len(found) == 1 and len(found[0].text(strip=True)) >= _SHORT:
            return found[0]
    body = tree.body
    plain = body is not None and not body.css("div div div, header, table table")
    return body if plain or (body is not None and len(body.text(strip=True)) < _SHORT) else None


def _unknown(text: str) -> str:
    """The main content of a page of unknown making, as trafilatura finds it; the body where it finds none."""
    import trafilatura  # half a second to import, and most documentation marks its main content

    found = trafilatura.extract(
        text, output_format="html", include_tables=True, favor_recall=True, include_comments=False
    )
    tree = LexborHTMLParser(found or text)
    for node in tree.css(_NOISE):
        if node.tag not in ("html", "body"):
            node.decompose()
    return write(tree.body) if tree.body is not None else ""
