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
