"""Inputs that nobody writes: small files of every format, changed at random by a seed that repeats them."""

from __future__ import annotations

import gzip
import io
import json
import random
import zipfile
from collections.abc import Iterator
from pathlib import Path

FILES = Path(__file__).parent / "files"

MARKDOWN = """---
title: "Kettle: all of it"
tags: [a, b]
ref: &r {x: 1}
again: *r
---

# Kettle `k` {#kettle}

Some *text* with a [link](https://k.example) and a note.[^1]

=== "Linux"

    1.  one

        ``` { .sh title="x" }
        kettle --port 1
        ```

=== "Mac"

    two

> [!NOTE]
> Hot.

!!! warning "W"

    Box.

:::tip[T]
inside
:::

| a | b |
|---|---|
| 1 | 2 |

<table><tr><th rowspan="2">A</th><td>1</td></tr><tr><td colspan=2>2</td></tr></table>

<details><summary>More</summary>

Inside.

</details>

Term
: Meaning

[^1]:
    The note
"""
MDX = """import Tabs from '@x/Tabs'
export const A = ({ b }) => {
  return <b style={{ c: `${d}` }}>{b}</b>
}

# Title

<Tabs><TabItem label="One">

  text {/* comment */} <A b={"x"} />

</TabItem></Tabs>

<Note>
  Boxed <Tip type="danger">x</Tip>
</Note>
"""
HTML = """<!doctype html><html><head><title>Kettle — Docs</title>
<meta charset="utf-8"></head><body><nav><a href=x>n</a></nav>
<main><h1 id="k">Kettle &amp; co</h1><p>Text <code>c</code> <b>b<i>i</b></i>.<pre><code class="language-sh">a<br>b
</code></pre><table><tr><th rowspan=2>A<td colspan=3>1<tr><td>2</table><ul><li>x<ol><li>y</ol></ul><dl><dt>t<dd>d</dl>
<div class="admonition note"><p class="admonition-title">Note</p><p>n</div><aside>a</aside></main></body></html>"""
RST = """Kettle
======

:Author: A

.. class:: Pump(number, \\
               x)

   Text ``code`` *em* |sub| [1]_.

   .. method:: go()

.. |sub| replace:: it

.. [1] Note.

.. csv-table:: T
   :header: a, b

   1, 2

.. list-table::
   :header-rows: 1

   * - a
     - b
   * - 1
     - 2

+---+---+
| a | b |
+   +---+
|   | c |
+---+---+

.. include:: kettle.rst

::

   code

1. one
2. two

.. note:: N

term : kind
   def

-a, --all  option
"""
MAN = r'''.de X
.IP "\\$1" 2
..
.ds S string \*(Aq
.TH KETTLE 1 "2025"
.SH NAME
kettle \- \fBboils\fR \*S
.ie n .SS "A ""b"""
.el .SS c
.TP
.B \-p
port
.X a
.nf
code
.fi
.TS
tab(:);
l s, l l.
a:b
T{
c
T}:d
.TE
.UR http://k.example
x
.UE .
\[u0041] \N'65' \s+2 \(bu
'''
MDOC = r""".Dd May 1, 2025
.Dt KETTLE 1
.Os
.Sh NAME
.Nm kettle
.Nd boils
.Sh SYNOPSIS
.Nm
.Op Fl p Ar port
.Bl -tag -width x
.It Fl p Ar port
Port
.El
.Bl -column a b
.It a Ta b
.El
.Bd -literal
code
.Ed
.Fo f
.Fa "int a"
.Fc
"""
WIKI = """== A ==
'''b''' [[x|y]] {{t|{{u}}}} <nowiki>[[</nowiki>
{|
! a !! b
|-
| rowspan=2 | c || d
|}
* a
*# b
; t : d
"""
NOTEBOOK = {
    "nbformat": 4,
    "nbformat_minor": 4,
    "metadata": {"language_info": {"name": "python"}},
    "cells": [
        {"cell_type": "markdown", "metadata": {}, "source": ["# T\n", "x"]},
        {
            "cell_type": "code",
            "metadata": {},
            "execution_count": 1,
            "source": "1",
            "outputs": [
                {"output_type": "display_data", "metadata": {}, "data": {"text/html": "<table><tr><td>1</table>"}}
            ],
        },
    ],
}


def _epub() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("META-INF/container.xml", '<container><rootfile full-path="b.opf"/></container>')
        archive.writestr(
            "b.opf",
            '<package><title>T</title><item id="a" href="a.html" media-type="text/html"/>'
            '<itemref idref="a"/></package>',
        )
        archive.writestr("a.html", "<h1>T</h1><p>text</p>")
    return made.getvalue()


SEEDS: dict[str, bytes] = {
    "a.md": MARKDOWN.encode(),
    "b.mdx": MDX.encode(),
    "c.html": HTML.encode(),
    "d.rst": RST.encode(),
    "e.1": MAN.encode(),
    "f.1": MDOC.encode(),
    "g.1.gz": gzip.compress(MAN.encode()),
    "h.wiki": WIKI.encode(),
    "i.ipynb": json.dumps(NOTEBOOK).encode(),
    "j.epub": _epub(),
    "k.adoc": (FILES / "kettle.adoc").read_bytes(),
    "l.xml": (FILES / "kettle.docbook").read_bytes(),
    "m.xml": (FILES / "wiki.xml").read_bytes(),
    "n.yaml": (FILES / "kettle.yaml").read_bytes(),
    "o.txt": b"Plain\n\n- text\n",
}
_MARKS = "# > - * ` ~ | : ; . , = + _ [ ] ( ) { } < > / \\ & \" ' ! $ % ^"
_TOKENS = [
    *(token.encode() for token in _MARKS.split()),
    b"\n", b"\n\n", b"\r\n", b"\t", b"    ", b"\0", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\x10",
    b"\x11", b"\x1b[31m", "\u2028".encode(), "\u202e".encode(), b"```", b"~~~", b"---\n", b":::", b"!!! note\n",
    b"<table>", b"</table>", b"<div>", b"</div>", b"<!--", b"-->", b"<![CDATA[", b"]]>", b"&amp;", b"&#x110000;",
    b"<script>", b"{{", b"}}", b"{|", b"|}", b".. include:: d.rst\n", b".. ", b"::\n", b"|===\n", b"====\n",
    b"[[", b"]]",
    b"(((", b"{a}", b":a: {a}\n", b"include::k.adoc[]\n", b".ds a \\*a\\*a\n", b".de X\n", b"..\n", b".if n \\{\\\n",
    b".TS\n", b".TE\n",
    b"\\*[", b"\\[u", b"\\N'9999999'", b".Bl -column\n", b"\\f(", b".so e.1\n", b"*a", b"&a", b"<<: ",
    b"9" * 400, b"0x" + b"f" * 400, b"!!int ", b"$ref: '#/paths'", b"export const a = {", b"import a from 'b'\n",
    b"rowspan=99999 ", b"colspan=0 ", b":rspan:`99`", b"\\ud800", b"[" * 50, b"{" * 50, b"(" * 50, b"> " * 50, b"    a",
    b"<nowiki>", b"{/*", b"pass:[", b"a=b", b"[http://a ", b"|a|",
]  # fmt: skip


def mutated(seed: int, count: int, largest: int = 400_000) -> Iterator[tuple[str, bytes]]:
    """So many (file name, content), of at most `largest` bytes, the same for the same seed."""
    draw = random.Random(seed)
    names = sorted(SEEDS)
    for _ in range(count):
        name = draw.choice(names)
        data = SEEDS[name]
        for _ in range(draw.choice((1, 1, 2, 3, 5, 8))):
            data = _changed(draw, data)[:largest]
        yield name, data


def _changed(draw: random.Random, data: bytes) -> bytes:
    size = len(data)
    a = draw.randrange(size + 1)
    b = min(size, a + draw.choice((1, 3, 10, 40, 200)))
    kind = draw.randrange(9)
    if kind == 0:
        return data[:a] + data[b:]
    if kind == 1:
        return data[:b] + data[a:b] * draw.choice((1, 2, 5)) + data[b:]
    if kind == 2:
        return data[:a] + draw.choice(_TOKENS) + data[a:]
    if kind == 3:
        return data[:a] + draw.choice(_TOKENS) * draw.choice((2, 10, 100, 3000)) + data[a:]
    if kind == 4:
        return data[:a] + bytes(draw.randrange(256) for _ in range(b - a)) + data[b:]
    if kind == 5:
        return data[: max(1, a)]
    if kind == 6:
        other = SEEDS[draw.choice(sorted(SEEDS))]
        at = draw.randrange(len(other))
        return data[:a] + other[at : at + draw.choice((20, 200, 2000))] + data[a:]
    if kind == 7:
        lines = data.split(b"\n")
        draw.shuffle(lines) if draw.random() < 0.3 else lines.insert(draw.randrange(len(lines)), draw.choice(lines))
        return b"\n".join(lines)
    return data[:a] + data[a:b] * draw.choice((50, 500, 5000)) + data[b:]
