"""Marks of Markdown's reference links in what a claim says: off where they are links; no claim where that is unsure."""

from __future__ import annotations

import re
from dataclasses import replace

from understudy.generate.extractive.claims import Claim
from understudy.normal import folded

_TARGET = re.compile(r"^[ \t>]*\[([^\]\[]+)\]:[ \t]*\S", re.MULTILINE)
_MARK = re.compile(r"(?<![\w`\\])\[(?P<t>`[^`]+`|[^\]\[`]+)\](?:\\?\[(?P<r>[^\]\[]*?)\\?\])?(?![(\w])")
_IN_CODE = re.compile(r"`[^`]*`")
_PROSE = frozenset({"command", "default", "meaning", "method", "type", "required", "steps"})
"""Forms whose values may hold brackets of their own."""


def link_targets(text: str) -> frozenset[str]:
    """The names to which a page gives an address: `guide` of `[guide]: https://...`, in lower case."""
    return frozenset(_name(m[1]) for m in _TARGET.finditer(text))


def without_link_marks(claim: Claim, targets: frozenset[str]) -> Claim | None:
    """A claim whose texts are free of the marks of links; None where brackets are left that nothing explains."""
    texts = {"subject": claim.subject, "attribute": claim.attribute, "value": claim.value, "answer": claim.answer}
    if not any("[" in text for text in (*texts.values(), *claim.words.values())):
        return claim
    cleaned = {name: _without(text, targets) for name, text in texts.items()}
    said = {name: _without(text, targets) for name, text in claim.words.items()}
    if claim.form not in _PROSE and any("[" in _IN_CODE.sub("", t) for t in (*cleaned.values(), *said.values())):
        return None
    return replace(claim, **cleaned, words=said)  # type: ignore[arg-type]


def _without(text: str, targets: frozenset[str]) -> str:
    code = [m.span() for m in _IN_CODE.finditer(text)]

    def shown(match: re.Match[str]) -> str:
        inside = any(a < match.start() and match.end() < b for a, b in code)
        to = match["r"] or match["t"]
        known = _name(to) in targets or match["r"] is not None
        return match["t"] if known and not inside else match.group()

    return _MARK.sub(shown, text)


def _name(label: str) -> str:
    return folded(label.replace("`", "")).casefold()
