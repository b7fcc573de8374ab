"""Tables of an HTML page on a grid: every cell at its place, spans counted."""

from __future__ import annotations

from dataclasses import dataclass, field

from understudy.ingest.html_node import CODE, HEADINGS, Node

_MOST = 1_000  # rows or columns that a span may take
_CELLS = 200_000  # of a table, beyond which spans are not believed
_PARTS = frozenset({"thead", "tbody", "tfoot", "form", "a", "center", "div", "span"})
_SOME = 0.3  # share of rows with code of several lines up to which a table with a header stays one
_SHORT = 12  # words of a cell that is written again in every row it spans


@dataclass(slots=True)
class Cell:
    """A cell of the grid. origin: whether it begins here, and does not only reach here from above or the left."""

    node: Node
    origin: bool
    from_above: bool = False

    @property
    def repeats(self) -> bool:
        """Whether the text is to be said again here: a short cell that spans rows."""
        return self.from_above and self.node.words <= _SHORT


@dataclass(slots=True)
class Grid:
    """Rows of cells at their columns, all rows of one width. header: whether the first row names the columns."""

    rows: list[list[Cell | None]] = field(default_factory=list)
    header: bool = False
    caption: Node | None = None


def cells(table: Node) -> list[list[Node]]:
    """The cells of each row of a table itself, rows without cells left aside."""
    found: list[list[Node]] = []
    stack = [*reversed(table.kids)]
    while stack:
        node = stack.pop()
        if node.tag == "tr":
            row = [k for k in node.kids if k.tag in ("td", "th")]
            row += [c for k in node.kids if k.tag in _PARTS for c in k.kids if c.tag in ("td", "th")]
            if row:
                found.append(row)
        elif node.tag in _PARTS:
            stack.extend(reversed(node.kids))
    return found


def is_layout(table: Node, rows: list[list[Node]]) -> bool:
    """Whether a table only places blocks: its cells hold headings, code of several lines, or whole tables."""
    if table.get("role") in ("presentation", "none"):
        return True
    width = max((len(row) for row in rows), default=0)
    has_header = any(c.tag == "th" for row in rows for c in row)
    if not has_header and (width < 2 or len(rows) < 2):
        return True
    with_code = 0
    for row in rows:
        inside = [node for cell in row for node in cell.walk()]
        if any(node.tag in ("table", "dl") or node.tag in HEADINGS for node in inside):
            return True
        with_code += any(node.tag in CODE and _lines(node) > 1 for node in inside)
    return with_code > (_SOME * len(rows) if has_header else 0)


def is_content(table: Node) -> bool:
    """Whether a table says what its columns or rows are and only holds text: all of it is content, or nothing."""
    rows = cells(table)
    headed = any(cell.tag == "th" for row in rows for cell in row) or any(kid.tag == "thead" for kid in table.kids)
    return headed and not is_layout(table, rows)


def sections(rows: list[list[Node]]) -> list[list[list[Node]]]:
    """The rows in groups: a row that is a heading across the table stands alone, what lies between is a table."""
    found: list[list[list[Node]]] = []
    between = False
    for row in rows:
        if len(row) == 1 and row[0].first(HEADINGS) and len(rows) > 1:
            found.append([row])
            between = False
        elif between:
            found[-1].append(row)
        else:
            found.append([row])
            between = True
    return found


def is_pairs(rows: list[list[Node]]) -> bool:
    """Whether every row is a name (th) and what is said of it, with a list among that."""
    pairs = bool(rows) and all(len(r) == 2 and r[0].tag == "th" and r[1].tag == "td" for r in rows)
    return pairs and any(n.tag in ("ul", "ol", "dl") or n.tag in CODE for r in rows for n in r[1].walk())


def grid(table: Node, rows: list[list[Node]]) -> Grid:
    """The table's cells at their places. A rowspan of 0 reaches to the last row."""
    taken: dict[tuple[int, int], Cell] = {}
    for r, row in enumerate(rows):
        c = 0
        for node in row:
            while (r, c) in taken:
                c += 1
            high, wide = _span(node, "rowspan", len(rows) - r), _span(node, "colspan", _MOST)
            if high * wide + len(taken) > _CELLS:
                high = wide = 1  # no page means that
            for i in range(min(high, len(rows) - r)):
                for j in range(wide):
                    taken.setdefault((r + i, c + j), Cell(node, i == j == 0, i > 0 and j == 0))
            c += wide
    width = max((c for _, c in taken), default=-1) + 1
    lines = [[taken.get((r, c)) for c in range(width)] for r in range(len(rows))]
    caption = next((k for k in table.kids if k.tag == "caption"), None)
    return Grid(lines, bool(rows) and _is_header(rows), caption)


def _is_header(rows: list[list[Node]]) -> bool:
    first = rows[0]
    if any(c.parent is not None and c.parent.parent is not None and c.parent.parent.tag == "thead" for c in first):
        return True
    if all(c.tag == "th" for c in first if c.words):
        return any(c.words for c in first)
    return not any(c.tag == "th" for row in rows for c in row) and all(_is_bold(c) for c in first if c.words)


def _is_bold(cell: Node) -> bool:
    bold = sum(n.words for n in cell.walk() if n.tag in ("b", "strong"))
    return bold >= cell.words > 0


def _lines(node: Node) -> int:
    text = "".join("\n" if n.tag == "br" else n.text for n in node.walk())
    return len(text.strip().split("\n"))


def _span(cell: Node, name: str, all_of_it: int) -> int:
    said = cell.get(name).strip()
    number = int(said) if said.isdecimal() and len(said) < 6 else 1
    return min(number, _MOST) if number else (all_of_it if name == "rowspan" else 1)
