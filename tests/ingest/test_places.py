"""Marks in converted text become places in the source file."""

from __future__ import annotations

from understudy.ingest import compose, places
from understudy.ingest.places import cut, line_label, mark
from understudy.outline import parse


def test_marks_become_offsets_of_line_starts():
    text = f"{mark(3)}# Title\n\n- {mark(5)}one\n- two {mark(6)}\n"
    plain, found = cut(text, line_label, end=9)
    assert plain == "# Title\n\n- one\n- two \n"
    assert found == ((0, "L3"), (9, "L5"), (15, "L6"), (len(plain), "L9"))


def test_text_before_the_first_mark():
    assert cut(f"a\n{mark(0)}b", ["#x"].__getitem__) == ("a\nb", ((0, ""), (2, "#x")))
    assert cut(f"a\n{mark(7)}b", line_label, end=8)[1] == ((0, "L1"), (2, "L7"), (3, "L8"))
    assert cut("a", line_label) == ("a", ((0, ""),))


def test_the_writers_let_marks_through():
    block = compose.join(
        [
            mark(1) + compose.heading(2, "A"),
            compose.paragraph(f"{mark(2)}- no item"),
            compose.bullets([f"{mark(3)}x", mark(4) + compose.code_block("y")]),
            compose.definition([f"{mark(5)}term"], f"{mark(6)}body"),
            compose.table([[f"{mark(7)}a", "b"], [f"{mark(8)}c", "d"]]),
        ]
    )
    plain, found = cut(block, line_label, end=9)
    assert [b.kind for b in parse(plain)] == ["heading", "paragraph", "list", "definitions", "table"]
    assert [label for _, label in found] == [f"L{n}" for n in range(1, 10)]
    assert places.clean(block) != block
