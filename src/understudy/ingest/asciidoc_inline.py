"""The inline marks of AsciiDoc as inline Markdown."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from understudy.ingest import compose
from understudy.normal import folded

Titled = Callable[[str], str]  # the title of what a reference names

_ATTRIBUTE = re.compile(r"(?<!\\)\{([\w][\w-]*)\}")
_PIECE = re.compile(
    r"""(?P<escaped>\\(?=[*_`#{<\[]))
      | \+\+\+(?P<pass3>.+?)\+\+\+ | pass:[a-z,]*\[(?P<pass>[^\]]*)\]
      | "`(?P<double>(?=\S)[^"]{1,400}?)`" | (?<!\w)'`(?P<single>(?=\S)[^']{1,400}?)`'(?!\w)
      | (?:\[[^\]\[]{0,200}\])?``(?P<code2>.+?)``
      | (?<![\w`])(?:\[[^\]\[]{0,200}\])?`(?P<code1>[^`\s](?:[^`]*[^`\s])?)`(?!\w) | (?<=\w)(?P<apostrophe>`')
      | (?<![\w+])\+(?P<plus>[^+\s](?:[^+]*[^+\s])?)\+(?!\w)
      | (?:\[[^\]\[]{0,200}\])?\*\*(?P<bold2>[^*]+)\*\*
      | (?<![\w*])(?:\[[^\]\[]{0,200}\])?\*(?P<bold1>[^*\s](?:[^*]*[^*\s])?)\*(?!\w)
      | (?:\[[^\]\[]{0,200}\])?__(?P<italic2>[^_]+)__
      | (?<![\w_])(?:\[[^\]\[]{0,200}\])?_(?P<italic1>[^_\s](?:[^_]*[^_\s])?)_(?!\w)
      | (?:\[[^\]\[]*\])?\#\#(?P<mark2>[^#]+)\#\# | (?:\[[^\]\[]*\])?(?<!\w)\#(?P<mark1>[^#\s](?:[^#]*[^#\s])?)\#(?!\w)
      | \^(?P<up>[^\s^]{1,100})\^ | ~(?P<down>[^\s~]{1,100})~
      | <<(?P<xref>[^<>,]+)(?:,\s*(?P<xreftext>[^<>]*))?>> | xref:(?P<xref2>[^\s\[]*)\[(?P<xref2text>[^\]]*)\]
      | (?:link:)?(?P<url>(?:https?|ftp)://[^\s\[\]<>]+)(?:\[(?P<urltext>[^\]]*)\])?
      | (?:link|mailto):(?P<link>[^\s\[]+)\[(?P<linktext>[^\]]*)\]
      | (?:image|icon):[^\s\[:][^\s\[]*\[(?P<alt>[^\]]*)\]
      | footnote(?:ref)?:[\w-]*\[(?P<footnote>[^\]]*)\]
      | (?:kbd|btn):\[(?P<key>[^\]]*)\] | menu:(?P<menu>[^\[]+)\[(?P<items>[^\]]*)\]
      | (?:stem|latexmath|asciimath):\[(?P<math>[^\]]*)\]
      | \(\(\([^()]*\)\)\) | \(\((?P<index>[^()]*)\)\) | indexterm2?:\[(?P<term>[^\]]*)\]
      | \[\[[\w:.-]+(?:,[^\]]*)?\]\] | anchor:[\w:.-]+\[[^\]]*\] | (?P<callout><\d+>|<\.>)(?=\s*$|\s*<)""",
    re.VERBOSE,
)
_CHARACTERS = {
    "nbsp": " ", "zwsp": "", "empty": "", "sp": " ", "plus": "+", "lt": "<", "gt": ">", "amp": "&", "vbar": "|",
    "apos": "'", "quot": '"', "asterisk": "*", "backtick": "`", "startsb": "[", "endsb": "]", "deg": "°", "cpp": "C++",
    "backslash": "\\", "tilde": "~", "caret": "^", "two-colons": "::",
}  # fmt: skip


_STRETCH = 4_000  # characters that are looked through for marks at once: a mark that never closes costs no more


class Attributes(dict[str, str]):
    """The attributes of a page, and how many characters may still be put in their place."""

    left = 4_000_000


def substituted(text: str, attributes: Attributes) -> str:
    """A text with the attributes of the page in place; one that is not set stays as written."""
    if "{" not in text:
        return text

    def value(found: re.Match[str]) -> str:
        name = found[1].lower()
        shown = attributes.get(name, _CHARACTERS.get(name, found[0]))
        attributes.left -= len(shown)
        return shown if attributes.left > 0 else found[0]

    return _ATTRIBUTE.sub(value, text)


def inline(text: str, attributes: Attributes, titled: Titled) -> str:
    """A stretch of AsciiDoc as inline Markdown, on one line. titled: what a reference without words shows."""
    return folded("".join(_marked(part, 0, titled) for part in stretches(substituted(text, attributes))))


def stretches(text: str) -> Iterator[str]:
    """A text in parts that are parted at blanks."""
    while len(text) > _STRETCH:
        at = text.rfind(" ", 1, _STRETCH)
        at = at if at > 0 else _STRETCH
        yield text[:at]
        text = text[at:]
    yield text


def _marked(text: str, depth: int, titled: Titled) -> str:
    parts: list[str] = []
    last = 0
    for found in _PIECE.finditer(text):
        parts += [compose.escape(text[last : found.start()]), _piece(found, depth, titled)]
        last = found.end()
    return "".join([*parts, compose.escape(text[last:])])


def _piece(found: re.Match[str], depth: int, titled: Titled) -> str:
    def inner(words: str) -> str:
        return _marked(words, depth + 1, titled) if depth < 5 else compose.escape(words)

    kind = found.lastgroup or ""
    words = found[kind] if kind else ""
    if kind in ("code2", "code1"):
        return compose.code_span(re.sub(r"^\+(.*)\+$", r"\1", words))
    if kind in ("pass3", "pass", "plus", "mark2", "mark1", "index", "term"):
        return inner(words) if kind.startswith("mark") else compose.escape(words)
    if kind in ("double", "single"):
        return f"“{inner(words)}”" if kind == "double" else f"‘{inner(words)}’"
    if kind == "apostrophe":
        return "’"
    if kind in ("up", "down"):
        return compose.shifted(words, kind == "up") or inner(words)
    if kind.startswith(("bold", "italic")):
        mark = "**" if kind.startswith("bold") else "*"
        shown = inner(words)
        return shown if "*" in shown else f"{mark}{shown}{mark}"
    if kind in ("xref", "xreftext", "xref2", "xref2text"):
        shown = found["xreftext"] or found["xref2text"]
        name = (found["xref"] or found["xref2"] or "").lstrip("#")
        return inner(shown) if shown else _marked(titled(name), depth + 1, str)  # a title shows no further titles
    if kind in ("url", "urltext"):
        label = re.sub(r",?\s*(?:window|role|opts|options)=.*|\^$", "", found["urltext"] or "")
        tail = ""
        address = found["url"]
        if found["urltext"] is None:
            address = address.rstrip(".,;:)!?")
            tail = found["url"][len(address) :]
        return f"[{inner(label)}]({address})" if label else f"<{address}>{tail}"
    if kind in ("link", "linktext"):
        return inner(found["linktext"]) or compose.escape(found["link"])
    if kind == "alt":
        return compose.escape(words.split(",")[0].strip('"'))
    if kind == "footnote":
        return f" ({inner(words)})" if words else ""
    if kind == "key":
        return compose.code_span(words)
    if kind in ("menu", "items"):
        return " → ".join(
            f"**{compose.escape(p.strip())}**" for p in [found["menu"], *found["items"].split(">")] if p.strip()
        )
    if kind == "math":
        return compose.code_span(words)
    return ""
