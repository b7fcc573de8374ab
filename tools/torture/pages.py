"""Small pages of every format, which hold what the format has: what a reader is tortured with begins as these."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

FILES = Path(__file__).resolve().parents[2] / "tests" / "ingest" / "files"

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

<details open>
<summary>Some <b>more</b></summary>
<p>Para</p>
<ul><li>x</li></ul>

```sh
kettle
```
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

.. _low:

.. figure:: a.png
   :alt: a

   Cap

.. _own:

Sub *t*
-------

See :ref:`low`, :ref:`x <own>`, :doc:`d`, :doc:`/../e`.
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


def _epub(page: bytes = b"<h1>T</h1><p>text</p>") -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("META-INF/container.xml", '<container><rootfile full-path="b.opf"/></container>')
        archive.writestr(
            "b.opf",
            '<package><title>T</title><item id="a" href="a.html" media-type="text/html"/>'
            '<itemref idref="a"/></package>',
        )
        archive.writestr("a.html", page)
    return made.getvalue()


def _office(page: bytes = b"<w:document><w:body><w:p><w:r><w:t>x</w:t></w:r></w:p></w:body></w:document>") -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", page)
    return made.getvalue()


SHORTCODES = """---
title: Kettle
---
{{< note title="Hot" >}}
Mind *it*.
{{< /note >}}

{% hint style="warning" %}
Box {% include "x.md" %}
{% endhint %}

{% tabs %}{% tab title="One" %}
a
{% endtab %}{% endtabs %}

{{< highlight sh >}}
# kettle {{</* note */>}}
{{< /highlight >}}

1. item {{% tip %}}in{{% /tip %}} `{{< raw >}}`
   {% code title="a.sh" %}
   ```sh
   kettle
   ```
   {% endcode %}

[l]({{< ref "a.md" >}}) {{< figure src="x" alt="y" >}}
"""
COMPONENTS = """import { Tabs } from 'x'

export const T = () => <b>{`x`}</b>

<Callout type="warning">One *line*</Callout>

- item
  <Tabs items={['A', "B"]}>
    <Tabs.Tab>a</Tabs.Tab>
    <Tabs.Tab>b</Tabs.Tab>
  </Tabs>

<Card title="C" description="d" /> <Code code={`type $ = 1
export default $`} lang="ts" />

<FileTree><FileTree.Folder name="a"><FileTree.File name="b" /></FileTree.Folder></FileTree>

`f(){:js}` {cond && <b>x</b>}
"""
PRINT = """<html><head><title>kettle(8)</title></head><body><pre>
KETTLE(8)                                KETTLE(8)

<b>NAME</b>
       kettle - boils

<b>OPTIONS</b>
       <b>-p</b> <i>port</i>
              Where it lis-
              tens.

       --all  Everything.
</pre><ul class="summary-list"><li><section><h2>Methods</h2><div class="summary-table">
<div class="col-first">a</div><div class="col-second"><code>b()</code></div><div class="col-last">c</div></div>
<div class="member-signature"><span>int</span> b()</div></section></li></ul></body></html>"""
SPHINX = """Kettle
======

.. topic:: T

   text

.. glossary::

   one
   two
      both

.. grid:: 1 2

   .. grid-item-card:: C

      in

.. tab-set::

   .. tab-item:: A

      a

.. confval:: heat
   :type: int
   :default: ``3``

   How hot.

.. autoclass:: kettle.Pot
   :members:

.. stat:: depth/max

.. code-tab:: sh

   kettle
"""
ANTORA = """= Kettle
:url: https://k.example

include::partial$x.adoc[]

See xref:mod:b.adoc#c[], <<own>> and [.path]_a_ "`q`" H~2~O.

[#own]
== Own

[TIP]
.T
====
x
====

[,sh]
----
kettle # <1>
----
<1> boils

[cols="1,a"]
|===
|a
|* b
* c
|===

[quote, Who, Where]
____
said
____

* [x] done
"""
ENTITIES = """<!DOCTYPE article SYSTEM "tea.dtd" [<!ENTITY app "Kettle"> <!ENTITY both "&app; &app;">
<!ENTITY % more SYSTEM "more.mod"> %more;]>
<article><title>&both;</title><para xml:id="p">&gone; <xref linkend="s"/></para>
<section xml:id="s"><title>S</title><methodsynopsis><type>array</type><methodname>boil</methodname>
<methodparam choice="opt"><type class="union"><type>int</type><type>null</type></type><parameter>heat</parameter>
<initializer>3</initializer></methodparam></methodsynopsis>
<cmdsynopsis><command>kettle</command><arg choice="opt" rep="repeat">-p <replaceable>port</replaceable></arg>
<group choice="req"><arg>a</arg><arg>b</arg></group></cmdsynopsis>
<funcsynopsis><funcprototype><funcdef>int <function>boil</function></funcdef><paramdef>int <parameter>h</parameter>
</paramdef></funcprototype></funcsynopsis></section></article>"""
NESTED = """openapi: 3.0.0
info: {title: Kettle}
tags: [{name: pots, description: All pots}]
paths:
  /pots:
    get:
      tags: [pots]
      responses:
        '200':
          headers: {X-Left: {description: left, schema: {type: integer}}}
          content: {application/json: {schema: {type: array, items: {$ref: '#/components/schemas/Pot'}}}}
    post: {$ref: 'split.yml#/a'}
components:
  schemas:
    Level: {type: string, enum: [low, high]}
    Pot:
      type: object
      properties:
        size: {type: object, properties: {width: {type: integer}}}
        level: {anyOf: [{$ref: '#/components/schemas/Level'}, {type: string, enum: [off]}]}
        inner: {$ref: '#/components/schemas/Pot'}
"""
DECLARED = r""".Dd May 1, 2025
.Dt KETTLE 3
.Os
.Sh NAME
.Nm boil
.Nd boils
.Sh SYNOPSIS
.In kettle.h
.Ft int
.Fn boil "int heat" "char *pot"
.Nm kettle
.Op Fl p
.Nm kettle
.Cm all
"""


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
    "p.json": json.dumps(yaml.safe_load((FILES / "kettle.yaml").read_bytes())).encode(),
    "q.docx": _office(),
    "r.md": b"+++\ntitle = 'x'\n[a]\nb = [1, 2]\n+++\n# T\n\ntext\n",
    "s.md": SHORTCODES.encode(),
    "t.mdx": COMPONENTS.encode(),
    "u.html": PRINT.encode(),
    "v.rst": SPHINX.encode(),
    "w.adoc": ANTORA.encode(),
    "x.xml": ENTITIES.encode(),
    "y.yaml": NESTED.encode(),
    "z.3": DECLARED.encode(),
}
PACKED: dict[str, tuple[Callable[[bytes], bytes], bytes]] = {
    "g.1.gz": (gzip.compress, MAN.encode()),
    "j.epub": (_epub, HTML.encode()),
}
"""How what is changed is packed, and what: a packed file that is changed itself is mostly none."""
VALUES: dict[str, Any] = {"i.ipynb": NOTEBOOK, "p.json": json.loads(SEEDS["p.json"])}
"""Pages that are JSON, as values: what is changed part by part stays JSON."""
