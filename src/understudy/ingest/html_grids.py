"""Tables that a page lays out with boxes: a row of them ends with the one that calls itself the last column."""

from __future__ import annotations

import re

from understudy.ingest.html_node import Node

_COLUMN = re.compile(r"(?:^|\s)col-?\w")
_LAST = re.compile(r"(?:^|\s)col-?last(?=\s|$)", re.IGNORECASE)
_HEADER = re.compile(r"(?:^|[\s-])header(?=\s|$)")


def with_tables_of_boxes(order: list[Node]) -> list[Node]:
    """The nodes of a page in order, each such grid a table, with the box of its caption above it."""
    grids = [(node, rows) for node in order if node.tag == "div" and node.kids and (rows := _rows(node))]
    for box, rows in grids:
        box.tag, box.kids = "table", []
        for cells in rows:
            row = Node("tr", {}, box)
            row.kids = cells
            box.kids.append(row)
            for cell in cells:
                cell.tag = "th" if _HEADER.search(cell.get("class")) else "td"
                cell.parent = row
        _take_caption(box)
    return list(order[0].walk()) if grids else order


def _rows(box: Node) -> list[list[Node]]:
    """The cells of a grid row by row; empty where the box is none."""
    kids = [kid for kid in box.kids if kid.tag or not kid.text.isspace()]
    if len(kids) < 2 or not _LAST.search(kids[-1].get("class")):
        return []
    rows: list[list[Node]] = [[]]
    for kid in kids:
        marks = kid.get("class")
        if kid.tag != "div" or not _COLUMN.search(marks):
            return []
        rows[-1].append(kid)
        if _LAST.search(marks):
            rows.append([])
    rows.pop()
    width = len(rows[0])
    return rows if width > 1 and all(len(row) == width for row in rows) else []


def _take_caption(table: Node) -> None:
    above = table.parent
    place = above.kids.index(table) if above is not None else 0
    while above is not None and place:
        place -= 1
        kid = above.kids[place]
        if kid.tag == "div" and "caption" in kid.get("class").split():
            del above.kids[place]
            kid.tag, kid.parent = "caption", table
            table.kids.insert(0, kid)
        if kid.tag or not kid.text.isspace():
            return
