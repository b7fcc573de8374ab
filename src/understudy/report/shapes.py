"""Pictures without axes, drawn directly: the flow of answers to their causes, and the grid of questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from understudy.report.words import arm_label, percent

_NODE = 12  # width of a node in pixels
_GAP = 10  # least space between neighbours
_LABEL = 34  # least height that a label of two lines needs
_COLOURS = {
    "right": "good",
    "format failure": "odd",
    "harmed by retrieval": "harm",
    "retrieval miss": "search",
    "reader miss": "read",
}


@dataclass(frozen=True, slots=True)
class _Node:
    """A column's block: where it stands, how many questions it holds, and its text."""

    x: float
    y: float
    height: float
    count: int
    text: str
    style: str


def flow(attribution: Mapping[str, Any], *, narrow: bool = False) -> Markup:
    """All questions of an arm flowing to right and wrong, and what was wrong to its causes.

    On narrow screens the middle column is left out.
    """
    total = attribution["n"]
    causes = [(c["cause"], c["n"]) for c in attribution["causes"]]
    if not total or not causes:
        return Markup("")
    right = sum(n for cause, n in causes if cause == "right")
    wrong = [(cause, n) for cause, n in causes if cause != "right"]
    width = 330 if narrow else 760
    scale = 190 / total
    ends = ([("right", right)] if right else []) + wrong
    x_end = width - (205 if narrow else 300)
    nodes = _column(ends, x_end, scale)
    bottom = max(node.y + max(node.height, _LABEL) for node in nodes)
    first = _Node(2, (bottom - total * scale) / 2, total * scale, total, "all questions", "all")
    parts: list[Markup] = []
    if narrow or not wrong:
        parts += _spread(first, nodes)
        shown = [first, *nodes]
    else:
        middle_x = x_end / 2
        split = nodes[1:] if right else nodes
        lost = sum(n for _, n in wrong)
        block = _Node(middle_x, _between(split, lost * scale, bottom), lost * scale, lost, "wrong", "wrong")
        targets = ([nodes[0]] if right else []) + [block]
        parts += _spread(first, targets) + _spread(block, split)
        shown = [first, block, *nodes]
    parts += [_block(node, total, last=node in nodes, narrow=narrow) for node in shown]
    body = Markup("").join(parts)
    label = f"{attribution['arm']}: " + ", ".join(f"{cause} {n} of {total}" for cause, n in ends)
    return Markup('<svg viewBox="0 0 {} {:.0f}" role="img" aria-label="{}">{}</svg>').format(
        width, bottom + (4 if narrow else 22), label, body
    )


def _column(counts: Sequence[tuple[str, int]], x: float, scale: float) -> list[_Node]:
    nodes, y = [], 4.0
    for cause, count in counts:
        height = max(count * scale, 1.0)
        nodes.append(_Node(x, y, height, count, cause, _COLOURS.get(cause, "taught")))
        y += max(height, _LABEL) + _GAP
    return nodes


def _between(nodes: Sequence[_Node], height: float, bottom: float) -> float:
    """The top of a block that stands centred before the nodes it flows to."""
    centre = (nodes[0].y + nodes[-1].y + nodes[-1].height) / 2
    return min(max(centre - height / 2, 4.0), bottom - height)


def _spread(source: _Node, targets: Sequence[_Node]) -> list[Markup]:
    """One ribbon to each target, leaving the source in the same order."""
    ribbons, y = [], source.y
    per = source.height / source.count
    for target in targets:
        thick = target.count * per
        x0, x1 = source.x + _NODE, target.x
        bend = (x0 + x1) / 2
        ribbons.append(
            Markup('<path class="ribbon {}" d="M{:.1f} {:.1f}C{:.1f} {:.1f} {:.1f} {:.1f} {:.1f} {:.1f}').format(
                target.style, x0, y, bend, y, bend, target.y, x1, target.y
            )
            + Markup('V{:.1f}C{:.1f} {:.1f} {:.1f} {:.1f} {:.1f} {:.1f}Z"/>').format(
                target.y + target.height, bend, target.y + target.height, bend, y + thick, x0, y + thick
            )
        )
        y += thick
    return ribbons


def _block(node: _Node, total: int, *, last: bool, narrow: bool) -> Markup:
    box = Markup('<rect class="node {}" x="{:.1f}" y="{:.1f}" width="{}" height="{:.1f}"/>').format(
        node.style, node.x, node.y, _NODE, node.height
    )
    if narrow and not last:
        return box
    figure = str(node.count) if node.style == "all" else f"{node.count} ({percent(node.count / total, 0)})"
    if node.style == "wrong":  # its ribbons leave to the right, so its text stands to the left
        low = node.y + (node.height / 2 + 5 if node.height > _LABEL else node.height + 18)
        text = '<text class="before" x="{:.1f}" y="{:.1f}">{} {}</text>'
        return box + Markup(text).format(node.x + (-8 if node.height > _LABEL else _NODE), low, node.text, figure)
    y = node.y + (node.height / 2 if node.height > _LABEL else 0)
    offset = (0, 16) if node.height > _LABEL else (11, 27)
    return box + Markup(
        '<text x="{x:.1f}" y="{y0:.1f}">{name}</text><text class="figure" x="{x:.1f}" y="{y1:.1f}">{figure}</text>'
    ).format(x=node.x + _NODE + 8, y0=y + offset[0], y1=y + offset[1], name=node.text, figure=figure)


def grid(
    questions: Sequence[Mapping[str, Any]], arms: Sequence[str], floors: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """One strip an arm or floor, one cell a question, sorted by how many arms (not floors) got it right."""
    table = [{a["arm"]: a["outcome"] for a in q["answers"]} for q in questions]
    easiness = [sum(row.get(arm) == "right" for arm in arms) for row in table]
    order = sorted(range(len(table)), key=lambda i: (-easiness[i], i))
    strips = []
    for arm in (*arms, *floors):
        outcomes = [table[i].get(arm, "none") for i in order]
        right = outcomes.count("right")
        strips.append({"arm": arm_label(arm), "right": right, "n": len(outcomes), "svg": _strip(outcomes, arm, right)})
    return strips


def _strip(outcomes: Sequence[str], arm: str, right: int) -> Markup:
    """One path an outcome; neighbouring cells of the same outcome are one rectangle."""
    paths: dict[str, list[str]] = {}
    start = 0
    for end in range(1, len(outcomes) + 1):
        if end == len(outcomes) or outcomes[end] != outcomes[start]:
            if outcomes[start] != "none":
                paths.setdefault(outcomes[start], []).append(f"M{start} 0h{end - start}v1h-{end - start}z")
            start = end
    drawn = Markup("").join(Markup('<path class="{}" d="{}"/>').format(k, "".join(v)) for k, v in paths.items())
    return Markup(
        '<svg viewBox="0 0 {} 1" preserveAspectRatio="none" role="img" aria-label="{}: {} of {} right">{}</svg>'
    ).format(max(len(outcomes), 1), arm, right, len(outcomes), drawn)
