"""Blocks of a Markdown text: known answers for each kind, and offsets that always fit."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from processor import LINEAR, seconds_of

from understudy.outline import Block, parse, plain, walk

PAGE = """# Server `nitro` {#top}

Intro *text*
over two lines.

```bash title="Start it" {1}
nitro --port 3928
# not a heading
```

## Options ##

| Name | Default |
|------|---------|
| `a\\|b` | 1 |
| port | 3928 |

1. first

   ```
   nested
   ```
2. second

> quoted
> more

Setext
------

<details>
<summary>Why?</summary>

inside

</details>

### Deep
---
"""


def kinds(text: str) -> list[str]:
    return [block.kind for block in parse(text)]


def one(text: str) -> Block:
    (block,) = parse(text)
    return block


def test_kinds_in_source_order():
    assert kinds(PAGE) == [
        "heading", "paragraph", "code", "heading", "table", "list", "quote",
        "heading", "html", "paragraph", "html", "heading", "rule",
    ]  # fmt: skip


def test_heading_path_follows_the_levels():
    paths = {block.content: block.heading_path for block in parse(PAGE) if block.kind == "heading"}
    assert paths == {
        "Server nitro": ("Server nitro",),
        "Options": ("Server nitro", "Options"),
        "Setext": ("Server nitro", "Setext"),
        "Deep": ("Server nitro", "Setext", "Deep"),
    }


def test_slices_and_lines_point_into_the_text():
    heading, paragraph, code = parse(PAGE)[:3]
    assert PAGE[heading.start : heading.end] == "# Server `nitro` {#top}"
    assert PAGE[paragraph.start : paragraph.end] == "Intro *text*\nover two lines."
    assert PAGE[code.start : code.end].startswith("```bash")
    assert PAGE[code.start : code.end].endswith("```")
    assert (heading.line, paragraph.line, code.line) == (1, 3, 6)


def test_code_has_language_title_and_content():
    code = parse(PAGE)[2]
    assert (code.language, code.title) == ("bash", "Start it")
    assert code.content == "nitro --port 3928\n# not a heading\n"


def test_table_rows():
    table = parse(PAGE)[4]
    assert table.rows == (("Name", "Default"), ("`a|b`", "1"), ("port", "3928"))
    assert PAGE[table.children[2].start : table.children[2].end] == "| port | 3928 |"


def test_list_items_keep_their_blocks():
    items = parse(PAGE)[5].children
    assert [(i.info, i.content) for i in items] == [("1.", "first"), ("2.", "second")]
    assert [c.kind for c in items[0].children] == ["paragraph", "code"]
    assert items[0].children[1].content == "nested\n"


def test_definition_list():
    block = one("Term\n: meaning\n  goes on\n\n: second\n\nOther\n: last\n")
    assert block.kind == "definitions"
    assert block.rows == (("Term", "meaning\ngoes on", "second"), ("Other", "last"))


def test_admonitions_of_four_dialects():
    docusaurus = one(":::note[A title]\n\ntext\n\n:::\n")
    mkdocs = one('!!! warning "Take care"\n    text\n')
    myst = one("```{tip} Short\ntext\n```\n")
    colon = one(":::{tip} Short\ntext\n:::")
    assert [b.kind for b in (docusaurus, mkdocs, myst, colon)] == ["admonition"] * 4
    assert [b.info for b in (docusaurus, mkdocs, myst, colon)] == [
        "note A title", "warning Take care", "tip Short", "tip Short",
    ]  # fmt: skip
    for block in (docusaurus, mkdocs, myst, colon):
        assert [(c.kind, c.content) for c in block.children] == [("paragraph", "text")]
    assert docusaurus.end == len(":::note[A title]\n\ntext\n\n:::")


def test_heading_inside_a_list_opens_no_section():
    assert [b.heading_path for b in parse("# A\n\n- # B\n\ntext\n")] == [("A",)] * 3


def test_line_breaks_of_other_systems():
    text = "# A\r\n\r\nb\rc\r\n"
    heading, paragraph = parse(text)
    assert text[heading.start : heading.end] == "# A"
    assert text[paragraph.start : paragraph.end] == "b\rc"


def test_plain():
    assert plain("**a** [b](http://x) `c|d` ![e](f.png) <b>g</b>\nh &amp; i") == "a b c|d e g h & i"


LINES = st.sampled_from(
    ["# h", "## h2", "text", "", "", "- item", "  more", "    code", "```", "```py title='x'", "| a | b |",
     "|---|---|", "> q", ":::note", ":::", "!!! tip", "1. x", ": def", "---", "===", "<div>", "\t", "[a]: b",
     "~~~", "\u2028x", "\0"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(LINES, max_size=25), st.sampled_from(["\n", "\r\n", "\r"]))
def test_offsets_nest_and_never_overlap(lines, newline):
    text = newline.join(lines)

    def check(blocks, low, high):
        for block in blocks:
            assert low <= block.start <= block.end <= high
            low = block.end
            check(block.children, block.start, block.end)

    check(parse(text), 0, len(text))


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_any_text_parses_and_every_word_of_plain_prose_is_in_a_block(text):
    assert all(0 <= b.start <= b.end <= len(text) for b in walk(parse(text)))


def test_every_character_but_blank_lines_is_in_a_block():
    covered = "".join(PAGE[b.start : b.end] for b in parse(PAGE))
    assert "".join(covered.split()) == "".join(PAGE.split())


def test_a_long_table_is_read_once():
    """50,000 rows took more than ten seconds: for each row all rows behind it were copied."""
    row = "| `{0}` | a | |\n"
    text = "# T\n\n| A | B | C |\n|---|---|---|\n" + "".join(row.format(n) for n in range(20_000)) + "\nEnd.\n"

    def took(size: int) -> float:
        long = text[: text.index("| A")] + "| A | B | C |\n|---|---|---|\n" + row * size
        return seconds_of(lambda: parse(long))

    table = parse(text)[1]
    assert table.rows[:2] == (("A", "B", "C"), ("`0`", "a", ""))
    assert [r.cells[0] for r in table.children[1:]] == [f"`{n}`" for n in range(20_000)]
    assert all(text[r.start : r.end] == f"| {r.cells[0]} | a | |" for r in table.children[1:])
    assert took(40_000) < LINEAR * took(10_000) + 0.1
