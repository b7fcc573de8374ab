"""MDX: where statements begin, and what components say."""

from __future__ import annotations

from pathlib import Path

from understudy.ingest import mdx
from understudy.ingest.base import Source
from understudy.outline import parse


def read(text: str) -> str:
    return mdx.read(Source(Path("page.mdx"), text.encode())).text


def test_a_line_of_code_in_a_tag_is_no_statement():
    text = (
        "import { Shown } from 'shown'\n\n<Shown\n  code={`interface Kiln { heat: {\nexport default Kiln`}\n/>\n\n"
        "## Firing\n\nEach kiln has a `heat`; set it with\nthe `--heat` flag:\n\n```js\nexport default {}\n```\n"
    )
    blocks = parse(read(text))
    assert [b.kind for b in blocks] == ["heading", "paragraph", "code"]
    assert blocks[2].content == "export default {}\n"


def test_a_line_of_a_paragraph_is_no_statement():
    text = "import { A } from 'a' // shown\nexport const b = 1\n\n# Clay\n\nThe keyword is\nexport default kiln\n"
    assert read(text) == "# Clay\n\nThe keyword is\nexport default kiln\n"


def test_a_box_may_begin_and_end_within_its_lines():
    text = (
        '<Callout type="warning">Hot *iron*.</Callout>\n\n1. Fire\n\n'
        "   <Aside>Slowly.\n   Let it cool.</Aside>\n\nA <Tip>b</Tip> c\n"
    )
    page = mdx.read(Source(Path("page.mdx"), text.encode()))
    box, listed, after = parse(page.text)
    assert (box.info, box.children[0].content, after.content) == ("warning", "Hot *iron*.", "A b c")
    assert [b.kind for b in listed.children[0].children] == ["paragraph", "admonition"]
    at = page.text.index("Let it")
    assert [label for offset, label in page.places if offset <= at][-1] == "L6"


def test_cards_code_and_trees_of_files_keep_what_their_attributes_say():
    text = (
        '<Card\n\ttitle="Kiln"\n\tdescription="Fires clay."\n/>\n\n'
        '<Code code={`heat = 9\n# {slow} \\`x\\``} lang="ini" title="k.ini" />\n\n'
        '<FileTree>\n  <FileTree.Folder name="clay" defaultOpen>\n    <FileTree.File name="red.md" />\n'
        '  </FileTree.Folder>\n  <FileTree.File name="kiln.md" />\n</FileTree>\n'
    )
    blocks = parse(read(text))
    assert [b.content for b in blocks[:3]] == ["**Kiln**", "Fires clay.", "heat = 9\n# {slow} `x`\n"]
    assert blocks[2].info == 'ini title="k.ini"'
    assert [i.content for i in blocks[3].children] == ["`clay/`", "`clay/red.md`", "`kiln.md`"]


def test_tabs_name_their_panels_and_stay_in_their_item():
    text = (
        "<Tabs items={['Gas', {label: 'Oak', disabled: true}]}>\n  <Tabs.Tab>\n    One.\n  </Tabs.Tab>\n  "
        "<Tabs.Tab>\n    Two.\n"
        "  </Tabs.Tab>\n</Tabs>\n\n<Steps>\n\n1. Fire:\n\n   <Tabs values={[{value: 'g', label: 'Coal'}]}>\n"
        '   <TabItem value="g">\n\n'
        "   ```sh\n   fire\n     it\n   ```\n\n   </TabItem>\n   </Tabs>\n\n   Wait.\n\n2. Cool.\n\n</Steps>\n\nEnd.\n"
    )
    blocks = parse(read(text))
    assert [b.content for b in blocks] == ["**Gas**", "One.", "**Oak**", "Two.", "", "End."]
    first, second = blocks[4].children
    assert [(b.kind, b.content) for b in first.children] == [
        ("paragraph", "Fire:"), ("paragraph", "**Coal**"), ("code", "fire\n  it\n"), ("paragraph", "Wait."),
    ]  # fmt: skip
    assert second.content == "Cool."


def test_languages_of_inline_code_and_conditions_are_left_out():
    assert (
        read("Call `fire(){:js}` {`a`} `{:toc}`. {process.env.HOT !== 'no' && <Old />}\n")
        == "Call `fire()` a `{:toc}`. \n"
    )
