"""MDX with runs of marks that nothing closes is read in time that grows with its length, not with its square."""

from __future__ import annotations

import time

import pytest

from understudy.ingest.mdx import blank


@pytest.mark.parametrize("run", ["`" * 60_000, "import" + "`" * 60_000 + "\n", "<Tabs " + "`" * 60_000 + ">"])
def test_a_long_run_of_backticks_is_read_at_once(run: str) -> None:
    began = time.process_time()
    assert "# Kept" in blank(f'import A from "b"\n\n{run}\n\n# Kept\n\n<Note>\nx\n</Note>\n')
    assert time.process_time() - began < 2


def test_a_run_of_backticks_still_holds_code() -> None:
    assert blank("a ``b ` <Tabs> c`` d <Tabs>\n\n</Tabs>\n").startswith("a ``b ` <Tabs> c`` d ")
