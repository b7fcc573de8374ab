"""Shortcodes of site generators: boxes, panels, code; what is left out is counted; code keeps them as written."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from understudy.ingest import markdown
from understudy.ingest.base import Page, Source
from understudy.outline import parse, walk


def read(text: str) -> Page:
    return markdown.read(Source(Path("page.md"), text.encode()))


@pytest.mark.parametrize(
    ("written", "info"),
    [
        ('{% hint style="danger" %}\nHot.\n{% endhint %}', "danger"),
        ("{{< note >}}\nHot.\n{{< /note >}}", "note"),
        ("{{% warning %}}Hot.{{% /warning %}}", "warning"),
        ('{{< tip "In short" >}}\nHot.\n{{< /tip >}}', "tip In short"),
        ('{{< callout context="caution" title="Oven" >}}\nHot.\n{{< /callout >}}', "caution Oven"),
        ('{{< admonition\n  type="tip"\n>}}\nHot.\n{{< /admonition >}}', "tip"),
        ("{{< hint info >}}\nHot.\n{{< /hint >}}", "info"),
        ('{{< details "More of it" >}}\nHot.\n{{< /details >}}', "details More of it"),
        ('{% aside type="caution" %}\nHot.\n{% /aside %}', "caution"),
        ("---\nlayout: page\n---\n{% include warning.html content=\"Hot.\" %}", "warning"),
        ("+++\ntitle = 'a'\n+++\n{% tip() %}\nHot.\n{% end %}", "tip"),
    ],
)  # fmt: skip
def test_what_frames_a_note_is_a_box(written: str, info: str) -> None:
    blocks = parse(read(f"{written}\n\nAfter.\n").text)
    assert [(b.kind, b.info) for b in blocks] == [("admonition", info), ("paragraph", "")]
    assert [b.content for b in blocks[0].children] == ["Hot."]


def test_a_box_in_an_item_and_a_box_in_a_box():
    text = "1. Fire:\n\n   {% hint %}\n   Slow.\n   {% endhint %}\n\n2. Cool.\n"
    (listed,) = parse(read(text).text)
    assert [b.kind for b in listed.children[0].children] == ["paragraph", "admonition"]
    text = "{{< note >}}\nA\n{{< tip >}}\nB\n{{< /tip >}}\nC\n{{< /note >}}\n"
    (outer,) = parse(read(text).text)
    assert [(b.kind, b.content) for b in outer.children] == [("paragraph", "A"), ("admonition", ""), ("paragraph", "C")]


def test_panels_stand_under_their_label():
    text = (
        '{% tabs %}\n{% tab title="Gas" %}\nOpen it.\n{% endtab %}\n{% tab title="Oak" %}\n```sh\nlight\n```\n'
        '{% endtab %}\n{% endtabs %}\n\n{{< tabs "t" >}}\n{{% tab "Coal" %}}\n# Heap\n{{% /tab %}}\n{{< /tabs >}}\n'
        '{{< tab header="Ash" lang="sh" >}}\n# sweep\n{{< /tab >}}\n'
    )
    page = read(text)
    blocks = [(b.kind, b.content) for b in parse(page.text)]
    assert blocks == [
        ("paragraph", "**Gas**"), ("paragraph", "Open it."), ("paragraph", "**Oak**"), ("code", "light\n"),
        ("paragraph", "**Coal**"), ("heading", "Heap"), ("paragraph", "**Ash**"), ("code", "# sweep\n"),
    ]  # fmt: skip
    assert page.skipped == ()
    at = page.text.index("light")
    assert [label for offset, label in page.places if offset <= at][
        -1
    ] == f"L{text[: text.index('light')].count(chr(10)) + 1}"


def test_highlighted_text_is_code_and_a_title_is_the_title_of_the_block_inside():
    text = (
        "{{< highlight go >}}\n# no head\n{{< note >}}\n{{< /highlight >}}\n\n{{< code-toggle file=kiln >}}\n# none\n"
        '{{< /code-toggle >}}\n\n{% code title="kiln.cf" %}\n```ini\nheat = 9\n```\n{% endcode %}\n\n'
        "{% highlight sh linenos %}\n# nor here\n{% endhighlight %}\n"
    )
    page = read(f"---\na: b\n---\n{text}")
    blocks = parse(page.text)
    assert [(b.kind, b.info, b.content) for b in blocks] == [
        ("code", "go", "# no head\n{{< note >}}\n"), ("code", "", "# none\n"),
        ("code", 'ini title="kiln.cf"', "heat = 9\n"), ("code", "sh", "# nor here\n"),
    ]  # fmt: skip
    assert page.skipped == ()


def test_others_keep_their_content_or_are_left_out_and_counted():
    text = (
        "{{< columns >}}\nLeft.\n{{< /columns >}}\n\n{{% frame %}}\n\nKept.\n\n{{% /frame %}}\n\n"
        '`heat`\n: {{< since 2.0 />}}\n: Hot; a {{< word text="kiln" id="k" >}}, see [there]({{< ref "b.md" >}}).\n\n'
        "{% content-ref url=\"b.md\" %}\n[b.md](b.md)\n{% endcontent-ref %}\n\nEnd {% include 'c.md' %}.\n"
    )
    page = read(text)
    blocks = parse(page.text)
    assert [(b.kind, b.content) for b in blocks if not b.rows] == [
        ("paragraph", "Left."), ("paragraph", "Kept."), ("paragraph", "End ."),
    ]  # fmt: skip
    assert blocks[2].rows == (("`heat`", "Hot; a kiln, see [there](b.md)."),)
    (note,) = page.skipped
    assert note.reason == "shortcodes"
    assert note.detail.startswith("3 are not carried out: ")
    assert page.text.count("\n") == text.count("\n")


def test_in_code_they_stay_as_they_are_written():
    kept = (
        "Write `{{< note >}}` or:\n\n```md\n{{< note >}}\n{% hint %}\n{{</* tip */>}}\n```\n\n    {% hint %}\n\n"
        "Jinja's {% block main %} and {{ name }} on a page that is no template.\n"
    )
    assert read(kept).text == kept
    assert read("Shown: {{</* note */>}}\n").text == "Shown: {{< note >}}\n"
    raw = "---\na: b\n---\n{% raw %}\n{{< x >}} {% y %}\n{% endraw %}\n"
    assert read(raw).text == "\n{{< x >}} {% y %}\n\n"


@pytest.mark.parametrize(
    "run", ["{{< a ", "{% a ", "{{< a='", '{% a "', "{{< a >}}", "{{% " + "a" * 50, "{{< highlight >}}"]
)
def test_runs_of_tags_are_read_at_once(run: str) -> None:
    began = time.process_time()
    read(run * 20_000)
    assert time.process_time() - began < 4


def test_boxes_are_only_what_stands_alone():
    text = "| A | {{< note >}}x{{< /note >}} |\n|---|---|\n| b | c |\n\nWords {{< note >}}inside{{< /note >}} a line.\n"
    blocks = [b for b in walk(parse(read(text).text)) if b.kind in ("table", "paragraph", "admonition")]
    assert blocks[0].rows == (("A", "x"), ("b", "c"))
    assert blocks[1].content == "Words inside a line."
