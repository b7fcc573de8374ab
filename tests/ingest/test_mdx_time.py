"""MDX with runs of marks that nothing closes is read in time that grows with its length, not with its square."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.ingest import mdx
from understudy.ingest.mdx import blank

pieces = st.sampled_from(
    [
        "`",
        "``",
        "```",
        "~~~",
        "\n",
        "  ",
        "\t",
        "a",
        "<Tab",
        "</",
        ">",
        "/>",
        "{",
        "}",
        "/*",
        "*/",
        '"',
        "'",
        "=",
        " x=",
        "\\",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(pieces, max_size=30))
def test_parts_are_those_that_a_search_everywhere_finds(some: list[str]) -> None:
    text = "".join(some)
    assert [p.span() for p in mdx._parts(text)] == [p.span() for p in mdx._PARTS.finditer(text)]


@pytest.mark.parametrize("run", ["`" * 60_000, "import" + "`" * 60_000 + "\n", "<Tabs " + "`" * 60_000 + ">"])
def test_a_long_run_of_backticks_is_read_at_once(run: str) -> None:
    began = time.process_time()
    assert "# Kept" in blank(f'import A from "b"\n\n{run}\n\n# Kept\n\n<Note>\nx\n</Note>\n')
    assert time.process_time() - began < 2


def test_a_run_of_backticks_still_holds_code() -> None:
    assert blank("a ``b ` <Tabs> c`` d <Tabs>\n\n</Tabs>\n").startswith("a ``b ` <Tabs> c`` d ")
