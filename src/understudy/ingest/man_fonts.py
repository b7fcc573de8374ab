"""The font macros of man(7), and the text of a table's cell, in which they may stand."""

from __future__ import annotations

from understudy.ingest import roff

_ALTERNATING = {a + b: (a, b) for a in "BIR" for b in "BIR" if a != b}
FONTS = frozenset({*_ALTERNATING, "B", "I", "R", "SB", "SM"})


def fonts(name: str, arguments: list[str]) -> str | None:
    """The text of a font macro's line; None where it shapes the next line."""
    if name in _ALTERNATING:
        pair = _ALTERNATING[name]
        return "".join(roff.font(pair[i % 2], a) for i, a in enumerate(arguments))
    if not arguments:
        return None
    return roff.font("I" if name == "I" else "R" if name in ("SM", "R") else "B", " ".join(arguments))


def cell(text: str) -> str:
    """A cell of a table as inline Markdown; of several lines, their macros' text."""
    words: list[str] = []
    for line in text.split("\n"):
        name, arguments = roff.macro(line)
        if name is None:
            words.append(line)
        elif name in FONTS:
            words.append(fonts(name, arguments) or "")
        elif name in ("IP", "TP", "UR", "URL", "Nm", "Fn", "Cm", "Fl", "Ar", "Dv", "Sy", "Em", "Va", "Vt", "Xr"):
            words.append(" ".join(arguments))
    return roff.inline(" ".join(words)).strip()
