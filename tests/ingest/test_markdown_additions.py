"""What site generators add to Markdown: details, tasks, footnotes, attribute lists, terms named by comments."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.ingest import markdown, markdown_common, mdx
from understudy.ingest.base import Source
from understudy.outline import parse, walk


def source(text: str) -> Source:
    return Source(Path("page.md"), text.encode())


def read(text: str) -> str:
    return markdown.read(source(text)).text


def test_details_are_boxes_with_their_summary_and_lines_stay():
    text = (
        "# T\n\n<details open>\n<summary>More <b>of it</b></summary>\n\nInside:\n\n```html\n</details>\n```\n\n"
        "- <details><summary>Deeper</summary>\n\n</details>\n\nAfter."
    )
    page = markdown.read(source(text))
    lines = page.text.split("\n")
    assert [lines[2], lines[3], lines[5]] == [":::details[More **of it**]", "", "Inside:"]
    assert lines[8] == "</details>"  # in code
    assert page.places == ()
    assert lines[-1] == "After."

    whole = read(
        "<details>\n<summary>A</summary>\n\n<details><summary>B</summary>\n\nx\n\n</details>\n\ny\n</details>\nz"
    )
    (outer, after) = parse(whole)
    assert (outer.kind, outer.info, after.content) == ("admonition", "details A", "z")
    assert [(b.kind, b.info or b.content) for b in outer.children] == [("admonition", "details B"), ("paragraph", "y")]


def test_details_on_one_line_and_details_that_never_end_keep_their_words():
    (box, after) = parse(read("<details><summary>A [b]</summary>words</details>\n\nAfter."))
    assert (box.info, box.children[0].content, after.content) == ("details A [b]", "words", "After.")
    assert read("<details><summary>A</summary>\n\nwords") == "**A**\n\nwords"
    assert read("a\n</details>\nb") == "a\n</details>\nb"


def test_boxes_inside_details_close_before_them():
    (box,) = parse(read("<details>\n<summary>A</summary>\n\n:::tip\nx\n:::\n\ny\n\n</details>\n"))
    assert [b.kind for b in box.children] == ["admonition", "paragraph"]


def test_tasks_say_whether_they_are_done():
    (listed,) = parse(read("- [x] boil `[ ] x`\n- [ ] pour\n- [link]\n"))
    assert [i.content for i in listed.children] == ["☑ boil `[ ] x`", "☐ pour", "[link]"]


def test_footnotes_are_numbered_as_they_are_referred_to():
    note = "[^b]:\n    Second\n\n    ``` sh\n    go\n    ```\n"
    text = f"One.[^b] Two,[^a] `[^a]`, [^none].\n\n  [^a]: First\n\n{note}\n[^c]: Never named\n"
    blocks = parse(read(text))
    assert blocks[0].content == "One.\\[1\\] Two,\\[2\\] `[^a]`, [^none]."
    items = [b for b in walk(blocks) if b.kind == "item"]
    assert [(b.info, b.content) for b in items] == [("2)", "First"), ("1)", "Second"), ("3)", "Never named")]
    assert items[1].children[1].content == "go\n"
    assert text.count("\n") == read(text).count("\n")


def test_attribute_lists_go_and_braces_of_other_kinds_stay():
    assert read("[a](b){ .md-button data-preview } ![c](d){ width=300 } `e`{ .sh } `#!sh ls {a=1}`\n") == (
        "[a](b) ![c](d) `e` `ls {a=1}`\n"
    )
    kept = "`[a](b){ .c }` f(x){ return } [a]{b} {x=1} `#!/bin/sh`\n\n    f(){ .x }\n"
    assert read(kept) == kept
    assert read("### On *.html { data-search-exclude }\n") == "### On *.html\n"
    assert read("## The {name} part\n") == "## The {name} part\n"


def test_what_is_said_of_a_term_that_only_a_comment_names_is_no_code():
    blocks = parse(
        read("<!-- option port -->\n\n:   The port.\n\n    ``` yaml\n    port: 1\n    ```\n\nNext.\n\nTerm\n:   Said\n")
    )
    assert [b.kind for b in blocks] == ["html", "paragraph", "code", "paragraph", "definitions"]
    assert (blocks[1].content, blocks[2].content, blocks[4].rows) == ("The port.", "port: 1\n", (("Term", "Said"),))


def test_strings_of_jsx_are_their_text():
    text = "import A from 'a'\n\n<A>x</A> {' '} {\"[{ a: 'b' }] <i>\"} `{\"code\"}` <a title={'no'}>y</a>\n"
    (block,) = parse(mdx.read(source(text)).text)
    assert "&#91;{ a: 'b' }&#93; &#60;i&#62;" in block.content
    assert '`{"code"}`' in block.content
    assert "title={'no'}" in block.content
    table = '<table><tr><th>A</th></tr><tr><td>{"{ id: 2 }"}</td></tr></table>\n'
    (found,) = parse(mdx.read(source(table)).text)
    assert found.rows == (("A",), ("{ id: 2 }",))


def test_a_fence_is_closed_as_commonmark_closes_it():
    inner = '=== "C"\n\n    ``` c\n    int x;\n    ```\n\n=== "C++"\n\n    ``` c++\n    int y;\n    ```\n'
    (code, after) = parse(read(f'``` title="Tabs"\n{inner}```\n\nAfter.\n'))
    assert (code.content, after.content) == (inner, "After.")  # marks further in than three columns are code
    listed = '- ```sh\n  ls\n  ```\n\n=== "A"\n\n    text\n'
    assert [b.content for b in walk(parse(read(listed))) if b.kind == "code"] == ["ls\n"]
    assert "**A**\n\ntext\n" in read(listed)  # the mark at the end of the item's code opens nothing
    quoted = '> ```\n> x\n\n=== "A"\n\n    text\n'
    assert read(quoted).endswith("**A**\n\ntext\n")


def test_a_fence_that_is_never_closed_ends_with_its_tab():
    text = '=== "A"\n\n    first\n    ```\n    code\n\n=== "B"\n\n    ```\n    more\n    ```\n\nEnd.\n'
    page = markdown.read(source(text))
    blocks = parse(page.text)
    assert [(b.kind, b.content) for b in blocks if b.kind == "code"] == [("code", "code\n\n"), ("code", "more\n")]
    assert [b.content for b in blocks if b.kind == "paragraph"] == ["**A**", "first", "**B**", "End."]
    at = page.text.index("**B**")
    assert [label for offset, label in page.places if offset <= at][-1] == "L7"


def test_blank_lines_do_not_end_a_box():
    code = "        ``` py\n        a()\n\n\n\n        b()\n        ```\n"
    text = f'!!! note\n\n    Before.\n\n\n    === "A"\n\n{code}\n\n    After.\n\n\nOut.\n'
    (box, out) = parse(read(text))
    assert [b.kind for b in box.children] == ["paragraph", "paragraph", "code", "paragraph"]
    assert (box.children[2].content, out.content) == ("a()\n\n\n\nb()\n", "Out.")
    assert read(text).count("\n") == text.count("\n")


LINES = (
    "words", "", "    four in", '=== "Tab"', "===!  'Tab'", "a === b", "!!! note", "??? tip", "# H {#id}", "# H { .a }",
    "- [X] done", "- [ ]\tto do", "* [y] no", "[^1]: note", "see[^1]", "<!-- term -->", ": meaning", "`#!py x`",
    "`#! py`", "```{ .py }", "```js {1,2}", "```", "{ a: 1 }", "`x`{ .py }", "[a](b){: target=_b }", "![a](b){data-x}",
    "<TABLE><tr><td>x</td></tr></TABLE>", "<Details>", "</details>", "~~~ {:.x}",
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(LINES), max_size=8))
def test_a_page_is_passed_over_only_where_nothing_would_change(lines: list[str]) -> None:
    quick = read("\n".join(lines))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(markdown_common, "_ON_PAGE", (re.compile(""),))
        assert quick == read("\n".join(lines))
