"""Small tools for English technical text: markup off, sentences, cases."""

from __future__ import annotations

import re
from collections.abc import Iterator

# Bounded, since marks that nothing closes are looked for from each of them.
_IMAGE = re.compile(r"!\[[^\]]{0,2000}\]\([^)]{0,2000}\)")
_LINK = re.compile(r"\[([^\]]{1,2000})\]\([^)\s]{0,2000}(?:\s{1,9}\"[^\"]{0,1000}\")?\)")
_EMPHASIS = re.compile(r"(?<![\w*\\])(\*{1,3}|_{1,3})(?=\S)(.{1,1000}?)(?<=\S)\1(?![\w*])")
_AUTOLINK = re.compile(r"<((?:https?|ftp|mailto):[^<>\s]+)>")
_TAG = re.compile(r"(?<!\\)</?[A-Za-z][^<>\n]*>")
_SPACE = re.compile(r"\s+")
_ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|cf|approx|Dr|Mr|Ms|No|Fig|resp|incl|max|min)\.|\b[A-Z]\.)$")
_ABBREVIATED = 20  # characters in which one stands, with what is before it
_BOUNDARY = re.compile(r"[.!?]+[\"'”’)*_`]*(?=\s|$)")
_ROW = re.compile(r"\s*(?:[|#]|[-*+]\s|\d+[.)]\s|```)")
_WORD = re.compile(r"\w+")
_FEWEST_WORDS, _LONGEST = 3, 400  # words, characters of a statement
_CODE_SPAN = re.compile(r"`[^`]+`")
_BLOCK_AND_ADDRESS = re.compile(r"```.*?```|https?://\S+", re.DOTALL)
_CODE_AND_ADDRESS = re.compile(r"```.*?```|`[^`]*`|https?://\S+", re.DOTALL)


def plain(markdown: str) -> str:
    """Inline Markdown as text on one line; code spans keep their backticks, links keep their words."""
    text = _LINK.sub(r"\1", _IMAGE.sub("", _AUTOLINK.sub(r"\1", markdown)))
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        kept.append(match.group())
        return f"\x00{len(kept) - 1}\x00"

    text = _CODE_SPAN.sub(keep, text)
    text = _TAG.sub("", text)
    for _ in range(2):  # bold around italic
        text = _EMPHASIS.sub(r"\2", text)
    text = re.sub(r"\\([\\`*_{}\[\]()#+.!|<>-])", r"\1", text)
    text = re.sub("\x00(\\d+)\x00", lambda m: kept[int(m.group(1))], text)
    return _SPACE.sub(" ", text).strip()


def without_code(markdown: str, spans: bool = True) -> str:
    """A page's prose: without blocks of code and addresses. spans: without what is code within a line, too."""
    return (_CODE_AND_ADDRESS if spans else _BLOCK_AND_ADDRESS).sub(" ", markdown)


def bare(text: str) -> str:
    """Text without backticks and the quotes around it: a value as one would say it."""
    return text.replace("`", "").strip().strip('"“”').strip()


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Offsets of the sentences of a paragraph of Markdown source."""
    start = 0
    spans = [m.span() for m in _CODE_SPAN.finditer(text)]
    after = 0  # the first span of code that does not end before
    for match in _BOUNDARY.finditer(text):
        mark, end = match.start() + 1, match.end()
        while after < len(spans) and spans[after][1] - 1 <= mark:
            after += 1
        in_code = after < len(spans) and spans[after][0] < mark
        if in_code or _ABBREVIATION.search(text[max(start, mark - _ABBREVIATED) : mark]):
            continue
        if text[start:end].strip():
            yield start + _lead(text[start:end]), end
        start = end
    if text[start:].strip():
        yield start + _lead(text[start:]), start + len(text[start:].rstrip())


def statements(markdown: str) -> list[str]:
    """What of a text can be quoted by itself: sentences, and the rows of tables and lists, word for word."""
    found: dict[str, None] = {}
    for block in re.split(r"\n\s*\n", markdown):
        rows = any(_ROW.match(line) for line in block.splitlines())
        for part in block.splitlines() if rows else [block]:
            if part.lstrip().startswith("#"):
                continue
            for start, end in sentences(part):
                said = part[start:end].strip()
                if len(_WORD.findall(said)) >= _FEWEST_WORDS and len(said) <= _LONGEST:
                    found[said] = None
    return list(found)


def _lead(text: str) -> int:
    return len(text) - len(text.lstrip())


def upper_first(text: str) -> str:
    return text[:1].upper() + text[1:]


def lower_first(text: str) -> str:
    """Lower-case the first letter unless the first word is a name, an acronym or code."""
    first = text.split(" ", 1)[0]
    if first[:1] == "`" or first[1:] != first[1:].lower() or first.partition("'")[0] == "I":
        return text
    return text[:1].lower() + text[1:]


def clip(text: str) -> str:
    """Text without the full stop at its end (dots inside an ellipsis or abbreviation stay)."""
    text = text.strip()
    if text.endswith(".") and not text.endswith("..") and not _ABBREVIATION.search(text):
        return text[:-1].rstrip()
    return text.rstrip(":;,")


def joined(items: list[str]) -> str:
    """`a, b and c`."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"
