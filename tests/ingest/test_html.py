"""HTML pages of any making: nothing that is content is lost, and furniture is left out with an account."""
# ruff: noqa: E501  (HTML on one line)

from __future__ import annotations

import logging
import random
import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.artifact import read_records
from understudy.ingest import html
from understudy.ingest.base import Page, SkipFile, Source
from understudy.ingest.config import IngestConfig
from understudy.ingest.stage import PartLeftOut, run
from understudy.outline import Block, parse, plain, walk
from understudy.stage import Inputs, RunContext
from understudy.types import Document

PROSE = "The kettle boils its water in four minutes, and a lamp on its side shows when it has done so. "


def read(body: str, title: str = "", head: str = "") -> Page:
    page = f"<!doctype html><html><head><title>{title}</title>{head}</head><body>{body}</body></html>"
    return html.read(Source(Path("page.html"), page.encode()))


def found(page: Page, kind: str) -> list[Block]:
    return [b for b in walk(parse(page.text)) if b.kind == kind]


def headings(page: Page) -> list[str]:
    return [b.content for b in found(page, "heading")]


def site(tmp_path: Path, pages: dict[str, str]) -> tuple[dict[str, Document], list[PartLeftOut]]:
    for name, text in pages.items():
        (tmp_path / "docs" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "docs" / name).write_text(text, encoding="utf-8")
    out = tmp_path / "out"
    out.mkdir()
    run(IngestConfig(path=str(tmp_path / "docs")), Inputs(), RunContext(out, out, out, logging.getLogger("test")))
    documents = {d.doc_id: d for d in read_records(out / "documents.jsonl", Document)}
    return documents, read_records(out / "left_out.jsonl", PartLeftOut)


# ── the main content ────────────────────────────────────────────────────────────────────────────────────────


def old_page(name: str, topic: str) -> str:
    """A page without any mark: a banner and a footer that every page has, a trail that differs a little."""
    return f"""<html><head><title>{name} - Kettle book</title></head><body>
<div class="a1"><div><div><img src="l.png" alt="logo"> Boil well. Pour well.</div>
<a href="index.html">Start</a> <a href="parts.html">Parts</a> <a href="care.html">Care</a></div></div>
<div class="a2"><a href="index.html">Kettle book</a> &gt; {name}</div>
<div class="a3"><h2>{name}</h2><p>{topic} {PROSE}</p><h3>Care</h3><p>Wipe the {topic} with a dry cloth once a week.</p>
<p>See also the <a href="parts.html">parts</a>.</p></div>
<div class="a4">Made by the kettle works of the old town since the year of the great flood.</div></body></html>"""


def test_what_returns_on_every_page_is_furniture_and_what_differs_is_content(tmp_path):
    topics = ["Lid", "Spout", "Base", "Handle", "Cord", "Filter"]
    documents, left_out = site(tmp_path, {f"{t.lower()}.html": old_page(t, t) for t in topics})
    for topic in topics:
        document = documents[f"{topic.lower()}.html"]
        assert document.title == topic
        assert [b.content for b in parse(document.text) if b.kind == "heading"] == [topic, "Care"]
        assert f"Wipe the {topic} with a dry cloth" in document.text
        assert not any(words in document.text for words in ("Boil well", "Kettle book", "Start", "old town"))
    assert {p.doc_id for p in left_out} == set(documents)
    assert sum(p.words for p in left_out if p.doc_id == "lid.html") >= 20


@pytest.mark.parametrize("heading", ["<h2>Part one</h2>", '<a href="part.html"><h2>Part one</h2></a>'])
def test_a_heading_right_above_the_page_s_own_is_kept_with_or_without_a_link_around_it(tmp_path, heading):
    def page(n: int) -> str:
        return f"""<body><div><a href="a.html">Start</a> <a href="b.html">Index of all parts</a></div>{heading}
<h2>Cup {n}</h2><p>Cup {n} is filled by this. {PROSE}</p></body>"""

    documents, left_out = site(tmp_path, {f"cup{n}.html": page(n) for n in range(6)})
    assert [b.content for b in parse(documents["cup3.html"].text) if b.kind == "heading"] == ["Part one", "Cup 3"]
    assert {" ".join(p.text.split()) for p in left_out} == {"Start Index of all parts"}


def test_sections_that_all_pages_have_are_content(tmp_path):
    def page(n: int) -> str:
        return f"""<body><div id="top"><h1>pour{n}(1)</h1><h2>NAME</h2><p>pour{n} - pours cup number {n} and waits</p></div>
<div id="content"><div class="sect"><h2>DESCRIPTION</h2><p>Cup {n} is filled by this. {PROSE}</p></div>
<div class="sect"><h2>POUR</h2><p>Part of the pour suite</p></div></div></body>"""

    documents, _ = site(tmp_path, {f"pour{n}.html": page(n) for n in range(6)})
    text = documents["pour3.html"].text
    assert [b.content for b in parse(text)] == [
        "pour3(1)", "NAME", "pour3 - pours cup number 3 and waits", "DESCRIPTION", f"Cup 3 is filled by this. {PROSE}".strip(),
        "POUR", "Part of the pour suite",
    ]  # fmt: skip


TOOLS = ["Whisk", "Ladle", "Grater", "Sieve", "Tongs", "Peeler"]


def test_tables_and_code_are_never_peeled_in_part(tmp_path):
    def page(n: int, tool: str) -> str:
        return f"""<title>{tool}</title><body><h2>{tool}</h2><p>The {tool} is hung on hook {n}, and it is washed by hand.</p>
<h3>Settings</h3><table><tr><th>Name</th><th>Meaning</th><th>Needed</th></tr>
<tr><td>hook{n}</td><td>where it hangs</td><td>Yes</td></tr></table>
<h3>Sizes</h3><table><tr><td>Small one</td><td>Yes</td></tr><tr><td>Large one</td><td>{n} spoons of it</td></tr></table>
<h3>Samples</h3><pre>hang("{tool}")</pre></body>"""

    documents, left_out = site(tmp_path, {f"{t}.html": page(n, t) for n, t in enumerate(TOOLS)})
    blocks = parse(documents["Sieve.html"].text)
    assert [b.content for b in blocks if b.kind == "heading"] == ["Sieve", "Settings", "Sizes", "Samples"]
    first, second = [b.rows for b in blocks if b.kind == "table"]
    assert first == (("Name", "Meaning", "Needed"), ("hook3", "where it hangs", "Yes"))
    assert second[1:] == (("Small one", "Yes"), ("Large one", "3 spoons of it"))
    assert [b.content for b in blocks if b.kind == "code"] == ['hang("Sieve")\n']
    assert left_out == []


def test_a_cell_of_a_table_is_no_furniture_by_its_class():
    page = read(
        f"""<h1>Lids</h1><p>{PROSE}</p><table><thead><tr><th>tin</th><th>iron</th></tr></thead>
<tr class="menu"><td class="ok pagination-centered">yes<br><img alt="yes"></td><td class="nav">no</td></tr></table>"""
    )
    assert found(page, "table")[0].rows == (("tin", "iron"), ("yes", "no"))
    assert page.left_out == ()


def test_a_short_text_between_headings_that_return_is_content(tmp_path):
    def page(n: int) -> str:
        return f"<body><h2>NAME</h2><p>pour{n} - fills cups</p><h2>USE</h2><p>Cup {n} is filled by this. {PROSE}</p></body>"

    documents, _ = site(tmp_path, {f"pour{n}.html": page(n) for n in range(6)})
    assert "pour3 - fills cups" in documents["pour3.html"].text


@pytest.mark.parametrize("link", ['<small><a href="#4">4.</a></small> Spouts', '<a href="#spouts">Spouts</a>'])
def test_a_heading_that_links_to_its_own_place_is_content_whatever_its_box_is_called(link):
    page = read(f"""<div class="page-header"><h1 id="spouts">{link}</h1></div><p>{PROSE}</p>""")
    assert headings(page)[0].endswith("Spouts")
    linked = read(
        f"""<div class="page-header"><h1><a href="start.html">Kettles</a></h1></div><h2>Lid</h2><p>{PROSE}</p>"""
    )
    assert headings(linked) == ["Lid"]


def test_a_single_page_without_marks_keeps_all_but_its_menu():
    page = read(
        f"""<div class="menu"><div><a href=a>Start</a> <a href=b>All parts</a></div></div><div><div><h1>Kettle</h1>
<p>{PROSE}</p><h2>Settings</h2><dl><dt><code>heat</code></dt><dd>How hot.</dd></dl>
<table><tr><th>Code</th><th>Means</th></tr><tr><td><code>E1</code></td><td>dry</td></tr></table><pre>boil now
boil later</pre></div></div><div>© the kettle works</div>"""
    )
    assert headings(page) == ["Kettle", "Settings"]
    assert found(page, "definitions")[0].rows == (("`heat`", "How hot."),)
    assert found(page, "table")[0].rows == (("Code", "Means"), ("`E1`", "dry"))
    assert found(page, "code")[0].content == "boil now\nboil later\n"
    assert "Start" not in page.text
    assert "works" not in page.text
    assert {p.reason for p in page.left_out} == {"navigation", "page furniture"}


def test_a_page_that_is_only_links_says_so():
    page = read("<nav><ul>" + "".join(f"<li><a href='p{i}'>Part number {i}</a></li>" for i in range(9)) + "</ul></nav>")
    assert "Part number 8" in page.text


def test_footnotes_and_asides_are_content_and_the_page_s_own_contents_are_not():
    page = read(
        f"""<main><h1>Kettle</h1><div class="toc"><ul><li><a href="#l">Lid</a></li><li><a href="#s">Spout</a></li></ul></div>
<h2 id="l">Lid</h2><p>{PROSE}<sup><a href="#f1">1</a></sup></p><aside><p>Lids are made of tin.</p></aside>
<h2 id="s">Spout</h2><p>Pours 2<sup>10</sup> drops of H<sub>2</sub>O.</p>
<footer><ol class="footnotes"><li id="f1">Four at sea level.</li></ol></footer></main>"""
    )
    assert "Lids are made of tin." in page.text
    assert "Four at sea level." in page.text
    assert "2¹⁰ drops of H₂O" in page.text
    assert "so. [1]" in page.text.replace("so.[1]", "so. [1]")
    assert [p.reason for p in page.left_out] == ["contents of the page itself"]
    assert page.text.count("Spout") == 1


def test_a_title_that_stands_beside_the_main_content_is_kept():
    page = read(
        f"<header><h1>Kettle lids</h1></header><main><p>{PROSE * 3}</p></main><div>Imprint of the works</div>",
        "Kettle lids | Works",
    )
    assert headings(page) == ["Kettle lids"]
    assert "Imprint" not in page.text
    assert page.title == "Kettle lids"


# ── manual pages in print ───────────────────────────────────────────────────────────────────────────────────

PRINT = """
KETTLE(8)                                                            KETTLE(8)

<b>NAME</b>
       kettle - boils water and keeps it hot for as long as the lamp on its side
       is lit

<b>SYNOPSIS</b>
       <b>kettle</b> [<b>-q</b>] <i>cup</i>
       <b>kettle</b> <b>-s</b>

<b>HOW IT WORKS</b>
       The  <a href="kettle.8.html"><b>kettle</b>(8)</a> command heats the water of one cup, and it tells the tem-
       perature in a well-known way.  A file says how hot, and it does this each
       day:

           heat = <i>90</i>
             # not too hot

   <b>Lids</b>
       <b>o</b>      A lid of tin is hot.

       <b>o</b>      A lid of oak is not, since it was made in the old town, where they do
              without tin.

<b>OPTIONS</b>
       <b>-q</b>     Quick.

       <b>-t</b> <i>degrees</i>
              How hot it is to get, by which the lamp is lit, or else it stays
              dark.

              As a number.

       <b>lamp_time</b> (default: 3)
              In minutes.

                                                                     KETTLE(8)
"""


def test_a_manual_page_in_print_is_read_as_one():
    page = read(f"<pre>{PRINT}</pre>", "Kettles manual - kettle(8)")
    assert page.title == "kettle(8)"
    assert [(b.level, b.content) for b in parse(page.text) if b.kind == "heading"] == [
        (2, "NAME"), (2, "SYNOPSIS"), (2, "HOW IT WORKS"), (3, "Lids"), (2, "OPTIONS"),
    ]  # fmt: skip
    assert "**kettle** [**-q**] *cup*\n**kettle** **-s**\n" in page.text
    assert "it tells the temperature in a well-known way. A file" in page.text
    assert [b.content for b in found(page, "code")] == ["heat = 90\n  # not too hot\n"]
    assert [b.content for b in found(page, "item")] == [
        "A lid of tin is hot.", "A lid of oak is not, since it was made in the old town, where they do without tin.",
    ]  # fmt: skip
    assert [row for b in found(page, "definitions") for row in b.rows] == [
        ("**-q**", "Quick."),
        ("**-t** *degrees*", "How hot it is to get, by which the lamp is lit, or else it stays dark.", "As a number."),
        ("**lamp_time** (default: 3)", "In minutes."),
    ]
    assert "KETTLE(8)" not in page.text


def test_a_manual_page_with_a_block_of_print_for_each_section_is_read_as_one():
    parts = re.split(r"^<b>(.*)</b>$", PRINT, flags=re.MULTILINE)
    sections = "".join(
        f"<h2><a name='{h}'>{h}</a></h2><pre>{text}</pre>" for h, text in zip(parts[1::2], parts[2::2], strict=True)
    )
    page = read(f"<h1>Manual</h1><pre>{parts[0]}</pre>{sections.replace('KETTLE(8)', '')}")
    whole = read(f"<pre>{PRINT}</pre>")
    assert page.text == f"# Manual\n\n{whole.text}"


@pytest.mark.parametrize(
    "code",
    [
        "<b>[kettle]</b>\n  heat = 90 - warm\n<b>[lamp]</b>\n  time = 3\n",
        "NAME\n   kettle - boils water\n\nUSAGE\n   kettle [-q] cup\n",
        "<b>NAME</b>\n   kettle - boils water\nrest\n",
    ],
)
def test_code_that_is_no_manual_page_stays_code(code):
    page = read(f"<h1>Kettle</h1><p>{PROSE}</p><p>It says:</p><pre>{code}</pre>")
    assert [b.content for b in found(page, "code")] == [re.sub("</?b>", "", code)]


def test_code_below_headings_stays_code():
    page = read("<h2>Less</h2><pre>  boil - now\n</pre><h2>More</h2><pre>  boil + now\n</pre>")
    assert [b.content for b in found(page, "code")] == ["  boil - now\n", "  boil + now\n"]


# ── what tool chains for source code write ──────────────────────────────────────────────────────────────────


def test_code_written_as_a_block_a_line_is_one_block_without_its_numbers():
    line = '<div class="line"><a id="l{0}"></a><span class="lineno">    {0}</span>{1}</div>\n'
    body = "".join(
        line.format(n, text) for n, text in enumerate(["<b>if</b> (hot)", "&#160; pour();", " ", "\xa0 rest();"], 1)
    )
    shown = '<div class="ttc" id="x"><div class="ttname">pour</div><div class="ttdoc">Pours the cup.</div></div>'
    page = read(f'<h1>Cup</h1><p>{PROSE}</p><div class="fragment">{body}{shown}</div><p>After it.</p>')
    (block,) = found(page, "code")
    assert block.content == "if (hot)\n pour();\n \n rest();\n"
    assert "Pours the cup" not in page.text
    assert "After it." in page.text
    poem = read('<h1>Cup</h1><div class="line-block"><div class="line">Boil,</div><div class="line">pour.</div></div>')
    assert not found(poem, "code")
    other = read('<h1>Cup</h1><div class="code"><div class="line">a</div><p>And prose.</p></div>')
    assert not found(other, "code")


@pytest.mark.parametrize(
    ("title", "body", "expected", "named"),
    [
        ("Kettle: Cup Class", '<div class="title">Cup Class</div>', ["Cup Class", "Use"], "Cup Class"),
        (
            "Cup Class",
            '<div class="title">Cup Class<div class="groups"><a href=a>All</a></div></div>',
            ["Cup Class", "Use"],
            "Cup Class",
        ),
        ("Kettle: Cup Class", '<div class="title">Another cup</div>', ["Use"], "Kettle: Cup Class"),
        (
            "A title of very many words that has its end in Cup Class",
            '<div class="title">Cup Class</div>',
            ["Use"],
            "A title of very many words that has its end in Cup Class",
        ),
        ("Cup Class", '<h1>Cups</h1><div class="title">Cup Class</div>', ["Cups", "Use"], "Cup Class"),
    ],
)
def test_the_page_s_title_in_a_block_of_that_name_is_its_heading(title, body, expected, named):
    page = read(f"{body}<h2>Use</h2><p>{PROSE}</p>", title)
    assert headings(page) == expected
    assert page.title == named


def test_signatures_of_texinfo_are_code():
    old = """<dl class="def"><dt><span class="category">: </span><span><em><var>t</var> =</em> <strong>boil</strong>
<em>(<var>cup</var>)</em></span></dt><dd><p>Boils it.</p></dd></dl>"""
    new = """<dl class="first-deffn"><dt class="deffn def-line"><span class="category-def">Command: </span><strong
class="def-name">pour</strong> <var class="def-var-arguments">cup</var></dt><dd><p>Pours it.</p></dd></dl>"""
    page = read(f"<h1>Kettle</h1><p>{PROSE}</p>{old}{new}<dl><dt>Lid</dt><dd>A cover.</dd></dl>")
    terms = [row[0] for block in found(page, "definitions") for row in block.rows]
    assert terms == ["`t = boil (cup)`", "`Command: pour cup`", "Lid"]


def test_a_signature_that_is_laid_out_in_tables_is_code_on_a_line():
    name = """<table class="memname"><tr><td class="memname">void <a href=k>Kettle</a>::boil </td><td>(</td>
<td class="paramtype">Cup &amp;&#160;</td><td class="paramname"><em>cup</em>, </td></tr><tr><td></td><td></td>
<td class="paramtype">int&#160;</td><td class="paramname"><em>n</em> = <span>2</span>&#160;</td></tr><tr><td></td><td>)</td><td></td></tr></table>"""
    labels = '<td class="right"><span class="mlabels"><span class="mlabel">inline</span><span class="mlabel">static</span></span></td>'
    proto = f"""<div class="memproto"><div class="memtemplate">template&lt;class T &gt; </div>
<table class="mlabels"><tr><td class="left">{name}</td>{labels}</tr></table></div><div class="memdoc"><p>Boils it.</p></div>"""
    page = read(f'<h1>Kettle</h1><p>{PROSE}</p><h2>boil()</h2><div class="memitem">{proto}</div>')
    (block,) = found(page, "code")
    assert block.content == "template<class T >\nvoid Kettle::boil(Cup & cup, int n = 2)  // inline, static\n"
    assert page.text.rstrip().endswith("```\n\nBoils it.")


def test_the_words_of_a_logo_are_no_content():
    page = read(
        f'<p><img src="x.png" alt="Kettle Works logo"> {PROSE}</p><p><img src="y.png" alt="Logos of makers"></p>'
    )
    assert "Works logo" not in page.text
    assert "Logos of makers" in page.text


def test_a_site_s_name_in_brackets_is_cut_from_titles(tmp_path):
    topics = ["Lid", "Spout (old)", "Base", "Handle", "Cord", "Filter"]
    pages = {
        f"p{n}.html": f"<html><head><title>{t} (The kettle (version 7))</title></head>{old_page(t, t)}</html>"
        for n, t in enumerate(topics)
    }
    pages = {
        name: re.sub(
            r"<html><head><title>(.*?)</title></head>.*?<body", r"<title>\1</title><body", text, flags=re.DOTALL
        )
        for name, text in pages.items()
    }
    documents, _ = site(tmp_path, pages)
    assert [documents[f"p{n}.html"].title for n in range(6)] == topics


# ── titles ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("title", "h1", "expected"),
    [
        ("boil — Heat water from a script — Kettle 2", "<code>boil</code> — Heat water from a script", "boil — Heat water from a script"),
        ("A - Words - The Kettle Book", "Appendix", "A - Words"),
        ("Lids", "Lids of tin", "Lids"),
    ],
)  # fmt: skip
def test_only_the_site_s_name_is_cut_from_a_title(title, h1, expected):
    assert read(f"<main><h1>{h1}</h1><p>{PROSE}</p></main>", title).title == expected


# ── tables, code, boxes, lists ──────────────────────────────────────────────────────────────────────────────


def test_spans_stand_on_a_grid():
    page = read(
        """<table><tr><th>Kettle</th><th>Part</th><th colspan=2>Size</th></tr>
<tr><td rowspan=2>small</td><td>lid</td><td>3</td><td>cm</td></tr><tr><td>spout</td><td>5</td><td>cm</td></tr>
<tr><td>large</td><td colspan=3>all as above</td></tr></table>"""
    )
    assert found(page, "table")[0].rows == (
        ("Kettle", "Part", "Size", ""), ("small", "lid", "3", "cm"), ("small", "spout", "5", "cm"), ("large", "all as above", "", ""),
    )  # fmt: skip


def test_a_table_without_a_header_gets_an_empty_one_and_spans_without_end_stop():
    page = read("<table><tr><td>lid</td><td>tin</td></tr><tr><td>cord</td><td>hemp</td></tr></table>")
    assert found(page, "table")[0].rows == (("", ""), ("lid", "tin"), ("cord", "hemp"))
    rows = "<tr><td rowspan=60000 colspan=1000>a</td><td>b</td></tr>" * 300
    began = time.process_time()
    assert len(read(f"<table><tr><th>x</th><th>y</th></tr>{rows}</table>").text) < 1_000_000
    assert time.process_time() - began < 20


def test_lists_and_code_within_cells_are_told_apart():
    page = read(
        "<table><tr><th>Part</th><th>Fits</th></tr><tr><td>lid</td><td><ul><li>small</li><li>large</li></ul></td></tr>"
        "<tr><td>cord</td><td>run<pre>tie  a\n  knot</pre></td></tr><tr><td>x</td><td>y</td></tr><tr><td>z</td><td>w</td></tr></table>"
    )
    rows = found(page, "table")[0].rows
    assert rows[1] == ("lid", "<ul><li>small;</li> <li>large</li></ul>")
    assert plain(rows[1][1]) == "small; large"
    assert rows[2] == ("cord", "run `tie  a`<br>`  knot`")


@pytest.mark.parametrize(
    "code",
    [
        "<pre>boil<br>&nbsp;&nbsp;now</pre>",
        "<pre>boil\n  now</pre>",
        "<pre><code><span class=line>boil<br></span><span class=line>  now<br></span></code></pre>",
        "<pre><code><div class=line>boil</div><div class=line>  now</div></code></pre>",
        "<table><tr><td class=linenos>1\n2</td><td><pre>boil\n  now</pre></td></tr></table>",
    ],
)
def test_code_is_as_the_page_shows_it(code):
    assert [b.content for b in found(read(f"<h1>x</h1>{code}"), "code")] == ["boil\n  now\n"]


def test_tabs_and_code_that_breaks_within_a_paragraph_are_kept():
    assert "\tboil" in read("<pre>all:\n\tboil</pre>").text
    assert read("<p><code>boil<br>&nbsp; now</code></p>").text == "`boil`\\\n`  now`\n"


BOXES = {
    "sphinx": "<div class='admonition warning'><p class='admonition-title'>Warning</p><p>Hot.</p></div>",
    "docbook": "<div class='warning'><h3 class='title'>Warning</h3><p>Hot.</p></div>",
    "docbook table": "<div class='warning'><table><tr><td rowspan=2><img alt='[Warning]'></td><th>Warning</th></tr>"
    "<tr><td>Hot.</td></tr></table></div>",
    "asciidoc": "<div class='admonitionblock'><table><tr><td class='icon'><div class='title'>Warning</div></td>"
    "<td class='content'>Hot.</td></tr></table></div>",
    "starlight": "<aside class='starlight-aside starlight-aside--warning' aria-label='Warning'>"
    "<p class='starlight-aside__title' aria-hidden='true'>Warning</p><div class='starlight-aside__content'><p>Hot.</p></div></aside>",
    "github": "<div class='markdown-alert markdown-alert-warning'><p class='markdown-alert-title'>Warning</p><p>Hot.</p></div>",
    "docusaurus": "<div class='theme-admonition theme-admonition-warning alert alert--warning'>"
    "<div class='admonitionHeading_x'>Warning</div><div class='admonitionContent_x'><p>Hot.</p></div></div>",
    "vitepress": "<div class='warning custom-block'><p class='custom-block-title'>Warning</p><p>Hot.</p></div>",
    "paragraph": "<p class='warning'>Hot.</p>",
    "bootstrap": "<div class='alert alert-warning' role='alert'>Hot.</div>",
}  # fmt: skip


@pytest.mark.parametrize("maker", BOXES)
def test_boxes_of_every_tool_chain_are_boxes(maker):
    page = read(f"<main><h1>Kettle</h1><p>{PROSE}</p>{BOXES[maker]}<p>{PROSE}</p></main>")
    box = found(page, "admonition")
    assert [b.info for b in box] == ["warning"]
    assert [c.content for c in box[0].children] == ["Hot."]
    assert headings(page) == ["Kettle"]


def test_a_box_keeps_its_own_title_and_heading():
    page = read(
        "<div class='note'><p class='title'>On lids</p><p>Tin.</p></div><div class='tip'><h3>Cords</h3><p>Hemp.</p></div>"
    )
    assert [b.info for b in found(page, "admonition")] == ["note On lids", "tip"]
    assert headings(page) == ["Cords"]


def test_lists_keep_children_that_are_no_items():
    page = read(
        "<ul><li>Lid.</li><ul><li>Of tin.</li></ul><p>A loose line.</p><li>Cord.</li></ul>"
        "<ol><a id=r><li>First.</li></a><li>Second.</li></ol><dl><dt>heat</dt><dd>Hot.</dd><p>And more.</p></dl>"
    )
    assert [i.content for i in found(page, "item")] == ["Lid.", "Of tin.", "Cord.", "First.", "Second."]
    assert "A loose line." in page.text
    assert "And more." in page.text


def test_signatures_are_code_and_generics_are_text():
    page = read(
        "<dl class='py'><dt class='sig'><em class=property>class </em><span class='sig-name'>Kettle</span>(<em>heat</em>, <em>*lids</em>)"
        "<a class=headerlink href='#k'>¶</a></dt><dd><p>Boils.</p></dd></dl>"
        "<h3>impl From&lt;<a href=k.html>Kettle</a>&gt; for Pot</h3><p>Say &amp;lt; or C#.</p><h4>C #</h4>"
    )
    assert found(page, "definitions")[0].rows == (("`class Kettle(heat, *lids)`", "Boils."),)
    assert headings(page) == ["impl From<Kettle> for Pot", "C #"]
    assert plain(found(page, "paragraph")[-1].content) == "Say &lt; or C#."


def test_an_item_that_holds_headings_is_a_section_and_no_item():
    page = read(
        """<h1>Kettle</h1><ul><li><section><h2>Parts</h2><ul><li><h3>Lid</h3><p>Of tin.</p></li><li><h3>Spout</h3>
<p>Of iron.</p></li></ul></section></li><li>Boils</li><li>Pours</li><li><h2>Care</h2><p>Wipe it.</p></li></ul>"""
    )
    assert [(b.level, b.content) for b in parse(page.text) if b.kind == "heading"] == [
        (1, "Kettle"), (2, "Parts"), (3, "Lid"), (3, "Spout"), (2, "Care"),
    ]  # fmt: skip
    assert [b.content for b in found(page, "item")] == ["Boils", "Pours"]
    assert found(page, "paragraph")[-1].heading_path == ("Kettle", "Care")


def test_a_heading_of_a_box_leaves_an_item_one():
    page = read("""<ol><li><p>Fill it.</p><div class="note"><h3 class="title">Note</h3><p>To the mark.</p></div></li>
<li><p>Wait.</p></li></ol>""")
    assert [b.content for b in found(page, "item")] == ["Fill it.", "Wait."]
    assert found(page, "admonition")[0].info == "note"


def test_a_grid_of_boxes_is_a_table_and_tabs_that_only_filter_it_are_none_of_it():
    page = read(
        """<h2>Ways</h2><div role="tablist"><button role="tab" aria-controls="p">All ways</button>
<button role="tab" aria-controls="p">Quick ways</button></div><div role="tabpanel" id="p">
<div class="caption"><span>Ways to boil</span></div><div class="summary-table">
<div class="table-header col-first">Kind</div><div class="table-header col-second">Way</div><div class="table-header col-last">Meaning</div>
<div class="col-first even"><code>void</code></div><div class="col-second even"><code>boil()</code></div><div class="col-last even"><div><p>Boils.</p></div></div>
<div class="col-first odd"><code>int</code></div><div class="col-second odd"><code>pour()</code></div><div class="col-last odd"></div></div></div>
<div class="box"><div class="col-md-6">Left words</div><div class="col-md-6">Right words</div></div>"""
    )
    assert found(page, "table")[0].rows == (
        ("Kind", "Way", "Meaning"), ("`void`", "`boil()`", "Boils."), ("`int`", "`pour()`", ""),
    )  # fmt: skip
    assert [b.content for b in parse(page.text) if b.kind == "paragraph"] == [
        "**Ways to boil**",
        "Left words",
        "Right words",
    ]


def test_a_list_of_nothing_but_tables_is_no_list():
    rows = "<table><tr><th>{0}</th></tr><tr><td>{0} of tin</td></tr></table>"
    page = read(f"<ul><li>{rows.format('Lid')}</li><li><div>{rows.format('Cup')}</div></li></ul>")
    assert [b.rows for b in parse(page.text)] == [(("Lid",), ("Lid of tin",)), (("Cup",), ("Cup of tin",))]


def test_numbers_of_source_lines_are_no_code():
    line = '<span class="source-line-no">{0:03}</span><span id="line-{0}">{1}</span>\n'
    page = read(f"<pre>{line.format(1, 'int lid;')}{line.format(2, '  int cup = 9;')}</pre>")
    assert [b.content for b in found(page, "code")] == ["int lid;\n  int cup = 9;\n"]


def test_a_signature_in_a_box_of_its_own_is_code():
    page = read(
        """<h3>pour</h3><div class="member-signature"><span>public&nbsp;int</span>&nbsp;<span><a href="#pour">pour</a></span><span>(Cup&nbsp;cup,
 int&nbsp;drops)</span></div><div class="block">Pours.</div>"""
    )
    assert [b.content for b in found(page, "code")] == ["public int pour(Cup cup,\n int drops)\n"]


def test_panels_of_tabs_stand_under_their_labels():
    page = read(
        "<div><ul role=tablist><li role=tab>Gas</li><li role=tab>Wood</li></ul>"
        "<div><div role=tabpanel><p>Turn the knob.</p></div><div role=tabpanel hidden><p>Light the fire.</p></div></div></div>"
        "<div class='tabbed-set'><div class='tabbed-labels'><label>Tin</label><label>Iron</label></div>"
        "<div class='tabbed-content'><div class='tabbed-block'><p>Light.</p></div><div class='tabbed-block'><p>Heavy.</p></div></div></div>"
    )
    assert [b.content for b in parse(page.text)] == [
        "**Gas**", "Turn the knob.", "**Wood**", "Light the fire.", "**Tin**", "Light.", "**Iron**", "Heavy.",
    ]  # fmt: skip


def test_code_beside_code_and_marks_beside_letters_stay_what_they_are():
    page = read("<p><code>boil</code><code>(x)</code> is <b>(new)</b>er, <b>hot</b><b>ter</b> and a<i>b</i>c</p>")
    assert page.text == "`boil(x)` is (new)er, **hotter** and a*b*c\n"


# ── places, encodings, bounds ───────────────────────────────────────────────────────────────────────────────


def test_places_name_no_furniture_that_is_left_out():
    page = read(
        "<div id=logo><a href=/><img src=l.png></a></div><a id=skip href=#main><svg></svg></a>"
        "<div id=finder><form><input type=text><button>Find</button></form></div>"
        "<nav id=menu><a href=a>One</a> <a href=b>Two</a></nav>"
        f"<p>{PROSE * 3}</p><div id=cord></div><p>{PROSE}</p><a name=lid></a><h2>Lid</h2><p>{PROSE}</p>"
        "<h2 id=spout><a class=anchor href=#spout aria-hidden=true><svg></svg></a>Spout</h2>"
    )
    assert [label for _, label in page.places] == ["", "#cord", "#lid", "#spout"]


def test_places_of_one_site_name_no_block_that_returns(tmp_path):
    menu = "<div id=find><p><a href=i.html>Start</a> <a href=p.html>Parts</a> <a href=c.html>Care</a></p></div>"
    pages = {
        f"{name}.html": f"<html><body>{menu}<p>{name} {PROSE * 2}{name}</p><h2 id={name}-2>About {name}</h2>"
        f"<p>{name} is what this is about.</p></body></html>"
        for name in ("alpha", "beta", "gamma", "delta", "epsilon", "zeta")
    }
    documents, left_out = site(tmp_path, pages)
    assert {p.doc_id for p in left_out} == set(pages)
    assert all([label for _, label in d.places] == ["", f"#{n.removesuffix('.html')}-2"] for n, d in documents.items())


def test_places_name_the_nearest_id():
    page = read(f"<main><p>{PROSE}</p><h2 id='lid'>Lid</h2><p>Tin.</p><ul><li id='x'>one</li></ul></main>")
    labels = {page.text[offset:].split("\n")[0]: label for offset, label in page.places}
    assert labels["## Lid"] == "#lid"
    assert labels["- one"] == "#x"
    assert page.places[0] == (0, "")
    assert not any(c in page.text for c in "\x10\x11")


@pytest.mark.parametrize(
    ("label", "data", "text"),
    [
        ("iso-8859-1", b"\x93hot\x94 \x80 5 \x85", "“hot” € 5 …"),
        ("us-ascii", b"caf\xe9 \x81", "café \x81"),
        ("gb2312", "热".encode("gb18030"), "热"),
        ("shift_jis", "湯".encode("cp932"), "湯"),
        ("iso-2022-jp", "湯".encode("iso2022_jp"), "湯"),
        ("latin1", "größe".encode(), "größe"),
    ],
)
def test_encodings_are_read_as_browsers_read_them(label, data, text):
    page = html.read(Source(Path("p.html"), b"<meta charset=" + label.encode() + b"><p>x " + data + b"</p>"))
    assert page.text == f"x {text}\n"


def test_what_no_label_explains_is_refused():
    with pytest.raises(SkipFile, match="not UTF-8"):
        html.read(Source(Path("p.html"), b"<p>caf\xe9</p>"))
    with pytest.raises(SkipFile, match="klingon"):
        html.read(Source(Path("p.html"), b"<meta charset=klingon><p>caf\xe9</p>"))


@pytest.mark.parametrize(
    "piece", ["<div>", "<ul><li>", "<table><tr><td>", "<blockquote>", "<dl><dd>", "<b><i>", "<a href=x>", "<p>", "<q>"]
)
def test_nesting_without_end_is_read_or_refused_within_seconds(piece):
    began = time.process_time()
    for depth in (150, 20_000):
        reason = ""
        try:
            text = html.read(Source(Path("p.html"), f"{piece * depth}deep".encode())).text
        except SkipFile as skip:
            text, reason = "deep", skip.reason
        assert "deep" in text
        assert reason in ("", "nested too deep")
    assert time.process_time() - began < 20


PIECES = [
    "<p>", "</p>", "<ul>", "<li>", "</ul>", "<table>", "<tr>", "<td rowspan=3>", "<th colspan=0>", "</table>", "<pre>", "</pre>",
    "<code>", "</code>", "<dl>", "<dt>", "<dd>", "<h2 id=x>", "</h2>", "<b>", "</b>", "<a href='http://x'>", "</a>", "<br>",
    "<div class='note'>", "<div class='toc'>", "</div>", "<details><summary>", "<nav>", "<main>", "<label>", "<div role=tablist>",
    "<i role=tab>", "<div role=tabpanel>", "&lt;", "|", "`", "*", "\\", "# ", "- ", "1. ", ": ", "x", "lid ", "\x10", "&#16;7&#17;", "<img alt=\"&#16;7&#17;\">", "\n", "<sup>2",
]  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=40))
def test_no_page_breaks_the_reader(parts):
    page = read("".join(parts))
    offsets = [offset for offset, _ in page.places]
    assert offsets == sorted(offsets)
    assert all(0 <= o <= len(page.text) for o in offsets)
    assert "\x10" not in page.text


@pytest.mark.parametrize("seed", range(40))
def test_every_word_of_the_main_content_is_in_the_text(seed):
    """Blocks of every kind, nested at random, hold numbered words: all arrive, in order, once."""
    rng = random.Random(seed)
    count = iter(range(10_000))

    def word() -> str:
        return f"word{next(count)}x"

    def block(depth: int) -> str:
        inside = "".join(block(depth - 1) for _ in range(rng.randint(1, 2))) if depth else word()
        return rng.choice(
            [
                f"<p>{word()} <b>{word()}</b>{word()}</p>",
                f"<div>{word()}{inside}{word()}</div>",
                f"<ul><li>{word()}</li><li>{inside}</li></ul>",
                f"<dl><dt>{word()}</dt><dd>{inside}</dd></dl>",
                f"<blockquote>{inside}</blockquote>",
                f"<h3>{word()}</h3>{inside}",
                f"<pre>{word()}\n {word()}</pre>",
                f"<table><tr><th>{word()}</th><th>{word()}</th></tr><tr><td>{inside}</td><td>{word()}</td></tr></table>",
                f"<div class='note'><p>{word()}</p>{inside}</div>",
                f"<details><summary>{word()}</summary>{inside}</details>",
            ]
        )

    source = "".join(block(3) for _ in range(4))
    numbered = re.compile(r"word\d+x")
    assert numbered.findall(read(f"<main>{source}</main>").text) == numbered.findall(source)


def test_a_short_section_with_its_own_row_of_links_loses_only_the_row():
    page = read(
        "<div class=section><div class=header><p>Next: <a href='#c'>Cord</a>, Previous: <a href='#a'>Top</a> [<a href='#t'>Contents</a>]</p>"
        "</div><h3 id=b>Lid</h3><p>Made of tin.</p></div><div class=section><h3>Cord</h3><p>See <a href=n>next</a> and <a href=p>up</a>.</p></div>"
    )
    assert headings(page) == ["Lid", "Cord"]
    assert "Made of tin." in page.text
    assert "See next and up." in page.text
    assert "Previous" not in page.text


def test_a_heading_across_a_table_stands_above_its_rows():
    page = read(
        "<table><tr><td colspan=2><h2>Parts</h2></td></tr><tr><td>lid</td><td>Of tin.</td></tr><tr><td>cord</td><td>Hemp.</td></tr></table>"
    )
    assert [b.kind for b in parse(page.text)] == ["heading", "table"]
    assert found(page, "table")[0].rows[1:] == (("lid", "Of tin."), ("cord", "Hemp."))


def test_many_tags_within_many_open_elements_are_refused_and_never_cost_their_product() -> None:
    deep = "<div class=menu>" * 400
    with pytest.raises(SkipFile, match="more than 64 open elements"):
        html.read(Source(Path("deep.html"), (deep + "<p>word<a href=x>y</a>" * 40_000).encode(), None))
    began = time.process_time()
    html.read(Source(Path("deep.html"), (deep + "<p>word<a href=x>y</a>" * 5_000).encode(), None))
    assert time.process_time() - began < 5
