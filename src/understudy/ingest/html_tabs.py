"""Panels that a page shows one at a time: each is content, under the label of its tab."""

from __future__ import annotations

from understudy.ingest.html_node import HAS_TAB, Node

_LABELLED = frozenset({"tabbed-labels", "tabs", "tablist", "tab-labels"})


def label_panels(root: Node) -> None:
    """Put each tab's label, in bold, on top of its panel, and take the row of tabs away."""
    if not root.inside & HAS_TAB:
        return
    nodes = list(root.walk())
    if not any(n.tag == "label" or n.get("role") in ("tab", "tabpanel") for n in nodes if n.tag):
        return
    by_id = {n.get("id"): n for n in nodes if n.attributes and n.get("id")}
    for row in nodes:
        labels = _labels(row)
        if not labels:
            continue
        panels = _panels(row, labels, by_id)
        if len(panels) != len(labels):
            continue
        if len({id(panel) for panel in panels}) > 1:
            for label, panel in zip(labels, panels, strict=True):
                _put(label, panel)
        row.remove()  # tabs of one panel choose what it shows: all of it is there
    for label in [n for n in root.walk() if n.tag == "label" and n.words]:
        label.tag, label.block, label.holds = "p", True, True
        if "label" in label.get("class") or label.get("for"):
            strong = Node("strong", {}, label)
            strong.kids, strong.words, label.kids = label.kids, label.words, [strong]


def _labels(row: Node) -> list[Node]:
    if row.get("role") == "tablist":
        return [n for n in row.walk() if n.get("role") == "tab"]
    if row.tag == "div" and not _LABELLED.isdisjoint(row.get("class").split()):
        return [k for k in row.kids if k.tag == "label"]
    return []


def _panels(row: Node, labels: list[Node], by_id: dict[str, Node]) -> list[Node]:
    """The panels of these tabs: by reference where the page gives one, else by order."""
    named = [by_id.get(t.get("aria-controls") or t.get("href").removeprefix("#")) for t in labels]
    if all(named):
        return [n for n in named if n is not None]
    box = row.parent
    for _ in range(3):
        if box is None:
            return []
        panels = [n for n in box.walk() if n.get("role") == "tabpanel"]
        if panels:
            return panels
        for kid in box.kids:
            inside = [k for k in kid.kids if k.block]
            if kid is not row and len(inside) == len(labels) == sum(k.block for k in kid.kids):
                return inside
        box = box.parent
    return []


def _put(label: Node, panel: Node) -> None:
    title = Node("p", {}, panel)
    strong = Node("strong", {}, title)
    strong.kids = label.kids
    strong.words = title.words = label.words
    title.kids = [strong]
    panel.kids.insert(0, title)
