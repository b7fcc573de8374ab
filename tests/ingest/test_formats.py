"""Each format becomes Markdown: known answers on small pages that hold what documentation holds."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.ingest import compose, html, man, markdown, mdx, notebook, office, rst
from understudy.ingest.base import Page, SkipFile, Source
from understudy.ingest.convert import title_of
from understudy.outline import parse, plain


def source(text: str | bytes, name: str = "page", fallback: str | None = None) -> Source:
    return Source(Path(name), text.encode() if isinstance(text, str) else text, fallback)


def blocks(page: Page) -> list[tuple[str, str]]:
    return [(b.kind, b.content) for b in parse(page.text)]


# ── Markdown and MDX ────────────────────────────────────────────────────────────────────────────────────────


def test_front_matter_becomes_metadata_and_lines_are_kept():
    page = markdown.read(source("---\ntitle: A page\ndate: 2024-01-02\nn: .nan\ntags: [x]\n---\n\n# H\n"))
    assert page.text == "\n# H\n"
    assert (page.title, page.first_line) == ("A page", 7)
    assert page.metadata == {"title": "A page", "date": "2024-01-02", "n": "nan", "tags": ["x"]}
    json.dumps(page.metadata, allow_nan=False)


def test_the_title_block_of_a_manual_page_is_its_title():
    page = markdown.read(source("% KEEL-LIST 1 Keel\n% A. Author\n  B. Author\n% June\n\n# NAME\nkeel-list - x\n"))
    assert (page.title, page.first_line, page.text) == ("keel-list(1)", 5, "\n# NAME\nkeel-list - x\n")
    assert markdown.read(source("% KEEL(5)\n\n## NAME\nkeel - x\n")).title == "keel(5)"
    assert markdown.read(source("% Release 2\n\nText.\n")) == Page("\nText.\n", "Release 2", 2)
    assert markdown.read(source("%\nText.\n")) == Page("%\nText.\n")


def test_toml_front_matter_and_what_is_none():
    assert markdown.read(source('+++\ntitle = "T"\n+++\nx\n')) == Page("x\n", "T", 4, {"title": "T"})
    for text in ("---\n\nx\n", "text\n---\nx\n---\n", "---\nA first paragraph.\n\n- and: a list\n---\nx\n"):
        assert markdown.read(source(text)).text == text


@pytest.mark.parametrize(
    ("settings", "title", "why"),
    [
        ("title: Oil: how much\ntags:\n  - a\n", "Oil: how much", "mapping values"),
        ("title: 'T'\nlinks: [\n", "T", "line"),
        ("a: &a [x, x]\nb: &b [*b]\ntitle: 'Loop'\n", "Loop", "inside what it names"),
        ("title: Deep\nn: " + "[" * 500 + "]" * 500 + "\n", "Deep", "nested deeper"),
        ("n: " + "9" * 6000 + "\ntitle: Long\n", "Long", "whole number"),
        ("when: 2024-99-99\ntitle: Late\n", "Late", "timestamp"),
    ],
)
def test_front_matter_that_cannot_be_read_is_noted_and_kept_out_of_the_text(settings, title, why):
    page = markdown.read(source(f"---\n{settings}---\n\nThe body.\n"))
    assert (page.text, page.title) == ("\nThe body.\n", title)
    assert page.first_line == settings.count("\n") + 3
    assert [s.reason for s in page.skipped] == ["front matter"]
    assert why in page.skipped[0].detail
    json.dumps(page.metadata)


def test_toml_without_bounds():
    for text in ("n = 0x" + "f" * 9000, "n = " + "[" * 900 + "]" * 900, ".".join("a" * 200) + " = 1"):
        page = markdown.read(source(f"+++\ntitle = 'T'\n{text}\n+++\nBody.\n"))
        assert page.text == "Body.\n"
        json.dumps(page.metadata)


def test_characters_of_markdown_are_kept():
    text = (
        "# A\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n:::note\nx\n:::\n\n```py {1}\nimport a from 'b'\n```\n<b>x</b>  \n"
    )
    assert markdown.read(source(text.replace("\n", "\r\n"))).text == text


MDX = """import Tabs from '@theme/Tabs';

{/* a
comment */}
<Tabs
  groupId="os">
  <TabItem value="linux" label="Linux">

    Run `<Foo>`:

    ```js
    import x from 'y'
      <Tabs>
    ```

  </TabItem>
</Tabs>

export const x = {
  a: 1
}

End <Badge color={{a: {b: 1}}} text="new" />here. a < b
"""


def test_mdx_keeps_lines_and_code():
    page = mdx.read(source(MDX))
    assert page.first_line + page.text.count("\n") == 1 + MDX.count("\n")
    assert blocks(page) == [
        ("paragraph", "**Linux**"),
        ("paragraph", "Run `<Foo>`:"),
        ("code", "import x from 'y'\n  <Tabs>\n"),
        ("paragraph", "End here. a < b"),
    ]
    assert page.text.split("\n")[9 - page.first_line] == "Run `<Foo>`:"


def test_mdx_exports_end_where_their_brackets_close():
    text = """export const Dot = ({ size }) => {
  const wide = `${size}px {`

  return <b style={{ width: wide }}>don't stop</b>
}

export default function Page() {

  return null // }
}
export const a = 1,
  b = [

  2]

# Real

```js
export const kept = {

}
```
Text; export is a word.
"""
    page = mdx.read(source(text))
    assert page.text == text[text.index("# Real") :]
    assert page.first_line == 1 + text[: text.index("# Real")].count("\n")
    assert "Body" in mdx.read(source("export const x = {\n  a: (\n\n# Body\n")).text  # never closed


def test_components_that_frame_notes_are_boxes():
    inner = '  <Callout type="warning" title="Hot">\n    Inner.\n  </Callout>\n'
    text = f"<Note>\n  Outer.\n\n{inner}</Note>\n\nA <Tip>word</Tip>.\n"
    (box, after) = parse(mdx.read(source(text)).text)
    assert (box.kind, box.info) == ("admonition", "note")
    assert [(b.kind, b.info) for b in box.children] == [("paragraph", ""), ("admonition", "warning Hot")]
    assert after.content == "A word."


MKDOCS = """## Install { #install data-x="y" }

=== "Linux"

    1.  Get it.
    2.  Run it:

        ``` { .sh .no-copy title="Run" }
        === "no tab"
        ```

    === "Snap"

        Snap it.

Plain text.[^1]

[^1]:
    A note of its own
    paragraph.
"""


def test_tabs_footnotes_and_attribute_lists_of_site_generators():
    page = markdown.read(source(MKDOCS))
    assert page.text.count("\n") == MKDOCS.count("\n")
    found = parse(page.text)
    assert [b.kind for b in found] == [
        "heading", "paragraph", "list", "paragraph", "paragraph", "paragraph", "list"
    ]  # fmt: skip
    assert page.text.startswith("## Install\n")
    code = found[2].children[1].children[1]
    assert (code.content, code.language, code.title) == ('=== "no tab"\n', "sh", "Run")
    assert [b.content for b in found[3:5]] == ["**Snap**", "Snap it."]


def test_html_tables_in_markdown_are_tables_and_lines_stay():
    text = (
        "# T\n\n<table>\n<tr><th>Name</th><th>Port</th></tr>\n<tr><td>a|b</td>\n<td>1</td></tr>\n</table>\nAfter.\n\n"
        "```html\n<table><tr><td>x</td></tr></table>\n```\n"
    )
    page = markdown.read(source(text))
    (_, table, after, code) = parse(page.text)
    assert table.rows == (("Name", "Port"), ("a\\|b", "1")) or table.rows == (("Name", "Port"), ("a|b", "1"))
    assert (after.content, after.line, code.content) == ("After.", 8, "<table><tr><td>x</td></tr></table>\n")
    assert page.places == ()
    squeezed = markdown.read(source("<table><tr><th>A</th></tr><tr><td>1</td></tr></table>\n\nAfter.\n"))
    at = squeezed.text.index("After.")
    assert [label for offset, label in squeezed.places if offset <= at][-1] == "L3"


def test_alerts_are_boxes():
    (box, quote) = parse("> [!WARNING]\n> Hot surface.\n\n\n> Said so.\n")
    assert (box.kind, box.info, box.children[0].content) == ("admonition", "warning", "Hot surface.")
    assert quote.kind == "quote"


def test_markdown_that_imports_components_is_mdx():
    assert "import" not in markdown.read(source("import A from './a';\n\n<A />\n\ntext\n")).text
    assert markdown.read(source("import data from a file.\n")).text == "import data from a file.\n"


# ── encodings ───────────────────────────────────────────────────────────────────────────────────────────────


def test_encodings():
    assert source("é").text() == "é"
    assert source("é".encode("utf-16")).text() == "é"
    assert source("\ufeffé\r\nb\rc").text() == "é\nb\nc"
    assert source("é".encode("cp1252"), fallback="cp1252").text() == "é"
    assert html.read(source(b'<meta charset="latin-1"><p>caf\xe9</p>')).text == "café\n"


@pytest.mark.parametrize(
    ("data", "reason", "detail"),
    [
        (b"a\0b", "binary", ""),
        ("a\né".encode("cp1252"), "not UTF-8", "byte 0xe9 in line 2; set docs.encoding"),
        (b"\xff\xfea", "wrong encoding", "utf-16"),
    ],
)
def test_what_cannot_be_decoded_is_refused_by_name(data, reason, detail):
    with pytest.raises(SkipFile) as caught:
        source(data).text()
    assert caught.value.reason == reason
    assert detail in caught.value.detail


# ── HTML ────────────────────────────────────────────────────────────────────────────────────────────────────

LONG = "More words follow so that this is believed to be the main content of the page. " * 3
SPHINX = f"""<!doctype html><html><head><title>Options — Kestrel 1.0</title></head><body>
<nav>Home Menu</nav><header>Site</header><div><div><div class="body" role="main">
<h1>Options<a class="headerlink" href="#o">¶</a></h1>
<p>The <code>cont_batching</code> of <span>is_</span><wbr>set, 2 * 3, &lt;port&gt;,
<a href="https://x.org/a">link</a>, <a href="b.html">page</a> and <b>bold </b>text. {LONG}</p>
<table><tr><th>Name</th><th>Default</th></tr><tr><td><p><code>--a|b</code></p></td><td>1</td></tr></table>
<div class="literal-block-wrapper"><div class="code-block-caption">Start it</div>
<div class="highlight-sh notranslate"><div class="highlight"><pre><span>ls</span> -l

 cd</pre></div></div></div>
<div class="admonition warning"><p class="admonition-title">Warning</p><p>Hot.</p></div>
<dl><dt>term</dt><dd><p>meaning</p></dd></dl>
<ol start="3"><li>x<ul><li>y</li></ul></li><li>z</li></ol>
<p># no heading</p><details><summary>Why?</summary>Because.</details>
<script>var x</script></div></div></div><footer>Imprint</footer></body></html>"""


def test_html_main_content():
    page = html.read(source(SPHINX))
    assert page.title == "Options"
    found = parse(page.text)
    assert [b.kind for b in found] == [
        "heading", "paragraph", "table", "code", "admonition", "definitions", "list", "paragraph", "paragraph",
        "paragraph",
    ]  # fmt: skip
    words = plain(found[1].content)
    assert words.startswith("The cont_batching of is_set, 2 * 3, <port>, link, page and bold text.")
    assert "[link](https://x.org/a)" in found[1].content
    assert found[2].rows == (("Name", "Default"), ("`--a|b`", "1"))
    assert (found[3].language, found[3].title, found[3].content) == ("sh", "Start it", "ls -l\n\n cd\n")
    assert found[4].info == "warning"
    assert found[5].rows == (("term", "meaning"),)
    assert [i.info for i in found[6].children] == ["3.", "4."]
    assert plain(found[7].content) == "# no heading"
    assert not any(word in page.text for word in ("Menu", "Imprint", "Site", "var x", "¶"))


def test_html_of_unknown_making_loses_its_menu_only():
    menu = "".join(f"<li><a href='/{i}'>Menu entry {i}</a></li>" for i in range(30))
    text = f"<body><div><div><div><ul>{menu}</ul></div></div><div><div><p>{LONG}</p><pre>run --x</pre><p>{LONG}</p>"
    page = html.read(source(f"<html><head><title>T</title></head>{text}</div></div></div></body></html>"))
    assert "the main content" in page.text
    assert "Menu entry" not in page.text
    assert "run --x" in page.text


def test_a_table_that_only_lays_out_is_written_as_its_blocks():
    page = html.read(source("<table><tr><td><pre>code</pre></td><td><p>text</p></td></tr></table>"))
    assert [kind for kind, _ in blocks(page)] == ["code", "paragraph"]


def test_a_heading_in_a_summary_is_a_heading():
    page = html.read(source("<details><summary><h4>fn run</h4></summary><p>Runs.</p></details>"))
    assert blocks(page) == [("heading", "fn run"), ("paragraph", "Runs.")]


def test_a_redirect_has_no_text():
    with pytest.raises(SkipFile, match="redirects"):
        html.read(source('<html><head><meta http-equiv="refresh" content="0; url=b"></head><body></body></html>'))


BROKEN = [
    "<p>", "</p>", "<ul><li>", "<table><tr><td>", "<pre>", "x *y* `z`", "</td>", "<dl><dt>", "<dd>", "<h2>",
    "&lt;a|b", "<b>", "</b>", "<a href='http://x'>", "<details>", "1. # -",
]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(BROKEN), max_size=20))
def test_broken_html_never_fails(parts):
    html.read(source("<body>" + "".join(parts)))


# ── reStructuredText ────────────────────────────────────────────────────────────────────────────────────────

RST = """:orphan:

=======
Kestrel
=======

Intro with ``--port``, :ref:`label <x>`, :py:func:`~os.path.join`, `link <https://a.org>`_ and *em*.

.. note:: Take care.

.. code-block:: python
   :caption: Run it
   :linenos:

   import os

Sub
===

.. option:: --port PORT

   The port.

.. versionadded:: 1.2
   New.

.. list-table::
   :header-rows: 1

   * - Name
     - Default
   * - a|b
     - 2

term : int
    meaning

-v, --verbose  Say more.

.. toctree::

   a

Deeper
------

Literal::

   x = 1

#. one
#. two

.. unheard-of:: thing
   :option: value

   kept content

.. list-table:: broken
   * - a
   - b
"""


def test_rst():
    page = rst.read(source(RST))
    found = parse(page.text)
    assert [(b.level, b.content) for b in found if b.kind == "heading"] == [(1, "Kestrel"), (2, "Sub"), (3, "Deeper")]
    assert found[1].content == "Intro with `--port`, label, `join`, [link](https://a.org) and *em*."
    assert (found[2].kind, found[2].info) == ("admonition", "note")
    assert (found[3].language, found[3].title, found[3].content) == ("python", "Run it", "import os\n")
    rows = [row for b in found if b.kind == "definitions" for row in b.rows]
    assert rows == [
        ("`--port PORT`", "The port."), ("term (int)", "meaning"), ("`-v`, `--verbose`", "Say more."),
        ("`thing`", "kept content"),
    ]  # fmt: skip
    assert next(b for b in found if b.kind == "table").rows == (("Name", "Default"), ("a|b", "2"))
    assert "Added in version 1.2: New." in page.text
    assert "list-table:: broken" in page.text, "what docutils cannot read stays"
    assert "toctree" not in page.text


def test_rst_indentation_for_looks_is_no_quote():
    kinds = [k for k, _ in blocks(rst.read(source("text\n\n  term\n     meaning\n\nmore\n\n   quoted words\n")))]
    assert kinds == ["paragraph", "definitions", "paragraph", "quote"]


def test_rst_reads_no_other_file(tmp_path):
    (tmp_path / "secret.txt").write_text("hidden words")
    text = f"A\n=\n\n.. include:: {tmp_path}/secret.txt\n\n.. raw:: html\n   :file: {tmp_path}/secret.txt\n\ntext\n"
    assert "hidden words" not in rst.read(source(text)).text


@pytest.mark.parametrize("sign", ["-", "+", "*", "#", ">", "1.", "2)", "- of tin"])
def test_a_sign_alone_is_a_word(sign):
    assert [b.kind for b in parse(compose.paragraph(sign) + "\n")] == ["paragraph"]
    assert [b.kind for b in parse(compose.definition([sign], "What it does.") + "\n")] == ["definitions"]


# ── notebooks ───────────────────────────────────────────────────────────────────────────────────────────────


def test_notebook():
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["# Title\n", "text"]},
        {
            "cell_type": "code",
            "metadata": {},
            "execution_count": 1,
            "source": "print(1)",
            "outputs": [
                {"output_type": "stream", "name": "stdout", "text": ["1\n"]},
                {"output_type": "stream", "name": "stderr", "text": "warning"},
                {"output_type": "display_data", "metadata": {}, "data": {"image/png": "AAAA"}},
            ],
        },
    ]
    book = {"nbformat": 4, "nbformat_minor": 4, "metadata": {"language_info": {"name": "python"}}, "cells": cells}
    page = notebook.read(source(json.dumps(book)))
    assert blocks(page) == [("heading", "Title"), ("paragraph", "text"), ("code", "print(1)\n"), ("code", "1\n")]
    assert [b.language for b in parse(page.text) if b.kind == "code"] == ["python", "text"]
    assert page.places == ((0, "cell 1"), (page.text.index("```python"), "cell 2"))
    with pytest.raises(SkipFile, match="not a notebook"):
        notebook.read(source("{"))


def shown(**data):
    """The text of a notebook whose one cell shows `data`, below the cell itself."""
    output = {"output_type": "display_data", "metadata": {}, "data": data}
    cell = {"cell_type": "code", "metadata": {}, "execution_count": 1, "source": "show()", "outputs": [output]}
    book = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [cell]}
    text = notebook.read(source(json.dumps(book))).text
    assert text.startswith("```\nshow()\n```\n")
    return text.removeprefix("```\nshow()\n```\n").strip()


def test_what_a_cell_shows_is_read_as_markdown_and_html():
    page = "<style>.x {}</style><table><tr><th>Size</th><th>Berths</th></tr><tr><td>short</td><td>6</td></tr>"
    table = "| Size | Berths |\n|---|---|\n| short | 6 |"
    object_only = "<IPython.core.display.Markdown object>"
    assert shown(**{"text/html": [page, "</table>"]}) == table
    assert shown(**{"text/html": f"<div>{page}</table></div>", "text/plain": "  Size  Berths\n0 short 6"}) == table
    assert (
        shown(**{"text/markdown": "A pier has **6 berths**.", "text/plain": object_only}) == "A pier has **6 berths**."
    )
    assert shown(**{"text/html": "<p>It closes at dusk.</p>", "text/plain": object_only}) == "It closes at dusk."
    assert shown(**{"text/html": "<b>6</b>", "text/plain": "6"}) == '```text title="Output"\n6\n```'
    assert shown(**{"image/png": "AAAA", "text/plain": "<Figure size 640x480>"}) == ""


def test_an_odd_cell_costs_itself_alone():
    cells = [
        {"source": "lost", "metadata": {}},
        {"cell_type": "code", "source": None, "outputs": [{"text": "no type"}], "metadata": {}},
        {"cell_type": "code", "source": ["x = 1"], "metadata": {}},
        {"cell_type": "markdown", "source": ["kept"], "metadata": {}},
    ]
    page = notebook.read(source(json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": cells})))
    assert "kept" in page.text
    assert "x = 1" in page.text
    assert "no type" in page.text
    assert [s.detail for s in page.skipped] == ["cell 1 has no cell_type"]


# ── man pages ───────────────────────────────────────────────────────────────────────────────────────────────

MAN = r""".\" comment
.TH KESTREL 1 "2024" "1.0"
.SH NAME
kestrel \- queue server
.SH OPTIONS
.TP
.BR \-p ", " \-\-port =\fIPORT\fR
Listen on \fIPORT\fR.
.IP \(bu 2
A bullet.
.PP
\-l, \-\-local
.RS 4
Stay local\&.
.RE
.SS "Sub section"
.nf
kestrel serve
  \-\-port 1
.fi
.TS
tab(|);
l l.
Name|Value
a|1
.TE
"""
MDOC = r""".Dd May 1, 2024
.Dt SSHD 8
.Os
.Sh NAME
.Nm sshd
.Nd a daemon
.Sh DESCRIPTION
.Nm
reads
.Pa /etc/sshd ,
see
.Xr ssh 1 .
.Bl -tag -width Ds
.It Fl p Ar port
Listen on
.Ar port .
.Bl -bullet
.It
inner
.El
.It Fl D Xo
.Sm off
.Oo Ar host : Oc
.Ar port
.Sm on
.Xc
Bind.
.El
.Bd -literal
$ sshd \-p 1
.Ed
"""


def test_man():
    page = man.read(source(gzip.compress(MAN.encode()), "kestrel.1.gz"))
    assert page.title == "kestrel(1)"
    found = parse(page.text)
    assert [b.content for b in found if b.kind == "heading"] == ["Name", "Options", "Sub section"]
    rows = [row for b in found if b.kind == "definitions" for row in b.rows]
    assert rows == [("`-p`, `--port`=*PORT*", "Listen on *PORT*."), ("-l, --local", "Stay local.")]
    assert [plain(b.children[0].content) for b in found if b.kind == "list"] == ["A bullet."]
    assert next(b for b in found if b.kind == "code").content == "kestrel serve\n  --port 1\n"
    assert next(b for b in found if b.kind == "table").rows == (("Name", "Value"), ("a", "1"))


def test_mdoc():
    page = man.read(source(MDOC))
    assert page.title == "sshd(8)"
    found = parse(page.text)
    assert found[1].content == "`sshd` – a daemon"
    assert found[3].content == "`sshd` reads `/etc/sshd`, see ssh(1)."
    assert found[4].rows[0][:2] == ("`-p` `port`", "Listen on `port`.")
    assert found[4].rows[1] == ("`-D` [`host`:]`port`", "Bind.")
    assert [c.kind for c in found[4].children[0].children] == ["paragraph", "list"]
    assert found[5].content == "$ sshd -p 1\n"


def test_what_is_no_man_page():
    for text, reason in ((".so man1/other.1\n", "alias"), ("just notes\n", "unknown format")):
        with pytest.raises(SkipFile) as caught:
            man.read(source(text, "x.1"))
        assert caught.value.reason == reason
    with pytest.raises(SkipFile, match="damaged gzip"):
        man.read(source(b"\x1f\x8b\x08broken", "x.1.gz"))


# ── PDF and Office ──────────────────────────────────────────────────────────────────────────────────────────


def test_without_the_extra_the_command_that_installs_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pdfplumber", None)
    monkeypatch.delitem(sys.modules, "understudy.ingest.office_pdf", raising=False)
    with pytest.raises(SkipFile) as caught:
        office.read(source(b"%PDF-1.7", "a.pdf"))
    assert caught.value.reason == "missing extra"
    assert "need pdfplumber: pip install 'understudy[docs]'" in caught.value.detail


# ── titles ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_titles():
    assert title_of(Page("# H\n", "Own  title"), "a.md") == "Own title"
    assert title_of(Page("## Small\n\n# Big\n"), "a.md") == "Big"
    assert title_of(Page("# Big *one* #\n\ntext\n\n# Other\n"), "a.md") == title_of(Page("\n# Big *one* #\n"), "a.md")
    assert title_of(Page("# \n\n# Other\n"), "a.md") == "Other"
    assert title_of(Page("## NAME\nkeel\\-list\\_all (8) - list keels\n"), "a.md") == "keel-list_all(8)"
    assert title_of(Page("# NAME\n\n**keel(1)** -- a *boat*\n"), "a.md") == "keel(1)"
    assert title_of(Page("# Name\n\nWhat a name is - and is not\n"), "a.md") == "Name"
    assert title_of(Page("text"), "guide/load-unload.md") == "load unload"
    assert title_of(Page("text"), "guide/index.md") == "guide"
