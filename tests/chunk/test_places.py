"""The place of a chunk in its source file: lines, cells, pages and anchors, as a citation prints them."""

from __future__ import annotations

import pytest

from understudy.artifact import from_plain, to_plain
from understudy.chunk.places import SourcePlaces
from understudy.types import Chunk, Citation, Document

LINES = ((0, "L1"), (10, "L4"), (20, "L9"), (30, "L15"))
CELLS = ((0, ""), (10, "cell 1"), (20, "cell 4"))
ANCHORS = ((0, ""), (10, "#start"), (20, "#stop-it"))


@pytest.mark.parametrize(
    ("places", "span", "shown"),
    [
        ((), (0, 0, 5), None),
        (LINES, (0, 0, 5), ":1-3"),
        (LINES, (10, 12, 29), ":4-14"),
        (LINES, (22, 22, 29), ":9-14"),
        (CELLS, (12, 12, 15), ", cell 1"),
        (CELLS, (12, 12, 25), ", cells 1-4"),
        (CELLS, (0, 0, 5), ""),
        (((0, "page 7"), (10, "page 8")), (0, 0, 12), ", pages 7-8"),
        (ANCHORS, (12, 12, 30), "#start"),
        (ANCHORS, (12, 20, 30), "#stop-it"),  # what is before 20 repeats the chunk before
        (ANCHORS, (0, 2, 30), ""),
    ],
)
def test_the_place_of_a_slice(places, span, shown):
    assert SourcePlaces(places).place(*span).shown == shown


def test_records_without_a_place_still_read():
    chunk = {"chunk_id": "c", "doc_id": "a.md", "text": "x", "start": 0, "end": 1, "line_start": 3, "line_end": 4}
    assert from_plain(Chunk, chunk | {"n_tokens": 1, "title": "A"}).where == "a.md:3-4"
    assert from_plain(Document, to_plain(placed := Document("a", "", "", "", "", places=((0, "L1"),)))) == placed
    assert Citation("c", "a.md", "A", 3, 4, 1.0).where == "a.md:3-4"
