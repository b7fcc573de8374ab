"""The product's name: out of what the site calls itself, else out of the titles of manuals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from understudy.generate.base import Page
from understudy.generate.extractive.product import find_product
from understudy.generate.extractive.self_named import self_named_product
from understudy.generate.extractive.site_names import site_names, site_product

MakePage = Callable[..., Page]


@pytest.mark.parametrize(
    ("site", "names"),
    [
        ("Heron 2.1 documentation", ["Heron"]),
        ("Heron 9 9.18.49-1~deb12u3-Debian documentation", ["Heron 9"]),
        ("Heron Server Version 2.4", ["Heron Server"]),
        ("GNU Heron (version 7.3.0)", ["GNU Heron"]),
        ("Heron.js v18.20.4 Documentation", ["Heron.js"]),
        ("Heron Configuration Reference (10.1.60)", ["Heron"]),
        ("The Heron User Guide", ["Heron"]),
        ("Welcome to Heron!", ["Heron"]),
        ("Docs | Heron", ["Heron"]),
        ("heron-shell 3.6.0 documentation", ["heron-shell"]),
        ("Documentation", []),
        ("Home", []),
        ("Developer Guide", []),
        ("User Manual 3.2", []),
        ("How to build your first boat with Heron", []),
        ("3.2", []),
        ("", []),
    ],
)
def test_what_a_site_calls_itself_is_cut_to_the_name(site: str, names: list[str]) -> None:
    assert list(site_names(site)) == names


def _manual(page: MakePage, site: str, text: str, n: int = 10) -> list[Page]:
    pages = [page(f"# Part {i}\n\n{text}\n", f"part-{i}.html", f"Part {i}") for i in range(n)]
    return [replace(p, document=replace(p.document, site=site)) for p in pages]


@pytest.mark.parametrize(
    ("site", "text", "expected"),
    [
        ("Heron 2.1 documentation", "Letters of Relay wait until Relay is there, says Heron.", "Heron"),
        ("GNU Heron (version 7.3.0)", "In it, Heron waits for letters.", "Heron"),  # the name it is called by
        ("Heron Server Version 2.4", "A Heron Server waits. The server is small.", "Heron Server"),
        ("heron-shell 3.6.0 documentation", "The heron is a shell for letters.", "heron-shell"),
        ("Heron 2.1 documentation", "Letters wait until they are there.", ""),  # of something else, a company's
        ("Documentation", "Letters wait.", ""),
    ],
)
def test_the_product_is_what_the_site_calls_itself_where_its_pages_say_so(
    page: MakePage, site: str, text: str, expected: str
) -> None:
    assert find_product(_manual(page, site, text)) == expected


def test_a_site_s_name_that_few_pages_carry_is_none(page: MakePage) -> None:
    pages = _manual(page, "", "Letters wait, says Heron.", 4) + _manual(page, "Heron", "Letters wait.", 2)
    assert site_product(pages) == site_product([]) == ""
    assert site_product([*pages, *_manual(page, "Heron", "Letters wait.", 2)]) == "Heron"


@pytest.mark.parametrize(
    ("titles", "text", "expected"),
    [
        (["Heron Reference Manual", "Letters", "Boats"], "A letter to Heron is sent by heron.", "Heron"),
        (["Heron: Letters", "Heron: Boats", "Heron Guide", "Contents"], "A letter to Heron.", "Heron"),
        (["Server Guide", "Letters", "Boats"], "A letter goes to the server, in Server mode.", ""),  # a common word
        (["Heron Guide", "Letters", "Boats"], "A letter.", ""),  # no page says it
        (["Chapter 1. Introduction", "Letters", "Boats"], "In Chapter two, Chapter three says more.", ""),
    ],
)
def test_the_title_of_a_manual_names_the_product(page: MakePage, titles: list[str], text: str, expected: str) -> None:
    pages = [page(f"# {t}\n\n{text}\n", f"part-{n}.md", t) for n, t in enumerate(titles)]
    assert find_product(pages) == expected


@pytest.mark.parametrize(
    ("texts", "titles", "expected"),
    [
        # a name in lower case, said by its first page's title and by what it says it is
        (["heron is a post office. Letters go through heron, not through Mallard."] * 6, ["Welcome to heron"], "heron"),
        # of several words, said by the repository and by what it says it is
        (
            ["Post the Heron is an office. See https://github.com/post/posttheheron about it."] * 6,
            [""],
            "Post the Heron",
        ),
        # said by all pages, but a common noun
        (["A relay is a thing. The relay waits, and a relay ends."] * 6, ["relay"], ""),
        # said by too few pages
        (["heron is an office."] + ["Letters wait until they are read."] * 5, ["Welcome to heron"], ""),
        # one thing alone speaks for it
        (["Letters go through heron and back."] * 6, ["Welcome to heron"], ""),
    ],
)
def test_a_manual_that_names_itself_in_its_own_words_is_called_so(
    page: MakePage, texts: list[str], titles: list[str], expected: str
) -> None:
    names = ["index.md", *(f"part-{i}.md" for i in range(1, len(texts)))]
    heads = [*titles, *(f"Part {i}" for i in range(1, len(texts)))]
    pages = [page(f"# {h}\n\n{t}\n", n, h) for t, n, h in zip(texts, names, heads, strict=True)]
    assert self_named_product(pages) == expected
