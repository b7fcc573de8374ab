"""The roff language as far as text needs it: lines, arguments, escapes, fonts and tables."""

from __future__ import annotations

import re
from collections.abc import Sequence

from understudy.ingest import compose

_CHARACTERS = {
    "aq": "'", "dq": '"', "em": "—", "en": "–", "hy": "-", "mi": "-", "bu": "•", "co": "©", "rg": "®", "tm": "™",
    "lq": "“", "rq": "”", "oq": "‘", "cq": "’", "rs": "\\", "ti": "~", "ha": "^", "ga": "`", "at": "@", "sh": "#",
    "Do": "$", "lC": "{", "rC": "}", "lB": "[", "rB": "]", "bv": "|", "ba": "|", "br": "|", "sl": "/", "<=": "≤",
    ">=": "≥", "!=": "≠", "->": "→", "<-": "←", "+-": "±", "mu": "×", "de": "°", "12": "½", "la": "⟨", "ra": "⟩",
    "Tm": "™", "L": "\"", "R": "\"", "C+": "C++", "fo": "‹", "fc": "›", "==": "≡", "~~": "≈", "if": "∞", "pl": "+",
}  # fmt: skip
_FONT = {"B": "\x01", "3": "\x01", "I": "\x02", "2": "\x02", "CB": "\x01", "CI": "\x02", "BI": "\x01"}
_ESCAPE = re.compile(
    r"""\\(?:
        f(?:\((?P<font2>..)|\[(?P<fontn>[^\]]*)\]|(?P<font1>.))
      | \((?P<pair>..) | \[(?P<long>[^\]]+)\]
      | \*(?:\((?P<string2>..)|\[(?P<stringn>[^\]]*)\]|(?P<string1>.))
      | s[+-]?(?:\(\d\d|\[\d+\]|'[+-]?\d+'|[1-3]\d|\d)
      | [hvwlLDoNbBXZ]'[^']*' | [knFgmMVY](?:\(..|\[[^\]]*\]|[+-]?.)
      | (?P<space>[\s0~]) | (?P<shown>[-'`.\\e_]) | z | . )""",
    re.VERBOSE,
)
_ARGUMENT = re.compile(r'"((?:[^"]|"")*)"?|(\S+)')


def logical_lines(text: str) -> list[str]:
    """The lines with comments, conditionals' bodies of groff, and definitions of macros taken out."""
    text = re.sub(r"\\\n", "", text)
    lines: list[str] = []
    skipping = ""
    for raw in text.split("\n"):
        line = re.sub(r'\\["#].*$', "", raw)
        if skipping:
            if re.match(rf"^[.']\s*{re.escape(skipping)}(\s|$)", line):
                skipping = ""
            continue
        if re.match(r"^[.'](\s*$|\s*\\?$)", line) and raw.strip():
            continue
        opened = re.match(r"^[.']\s*(?:de1?|am1?|ig)\b\s*(\S*)\s*(\S*)", line)
        if opened:
            skipping = opened[2] or "." if not line.lstrip(".' ").startswith("ig") else opened[1] or "."
            continue
        lines.append(line)
    return lines


def macro(line: str) -> tuple[str | None, list[str]]:
    """The name and arguments of a request line; (None, []) for a line of text."""
    if not line or line[0] not in ".'":
        return None, []
    found = re.match(r"^[.']\s*([^\s\\\"]+)\s*(.*)$", line)
    if not found:
        return None, []
    return found[1], [quoted.replace('""', '"') or bare for quoted, bare in _ARGUMENT.findall(found[2])]


def font(name: str, text: str) -> str:
    """Roff text in a font: B, I or R."""
    return f"\\f{name}{text}\\fR" if name != "R" else text


def plain(text: str) -> str:
    """Text without fonts and escapes."""
    return re.sub("[\x01\x02\x03]", "", _resolve(text))


def inline(text: str) -> str:
    """Text as inline Markdown: bold becomes code where it is an identifier or option, else `**`; italics `*`."""
    parts = re.split("([\x01\x02\x03])", _resolve(text))
    shown = [_styled(parts[0], "")]
    for mark, piece in zip(parts[1::2], parts[2::2], strict=True):
        shown.append(_styled(piece, mark))
    return "".join(shown)


def tbl(lines: Sequence[str]) -> list[list[str]]:
    """The rows of a tbl(1) table, with the format lines left out."""
    separator = "\t"
    rows: list[list[str]] = []
    body = False
    pending: list[str] | None = None
    for line in lines:
        if not body:
            tab = re.search(r"tab\s*\((.)\)", line)
            separator = tab[1] if tab else separator
            body = line.rstrip().endswith(".")
        elif pending is not None:
            if line.startswith("T}"):
                rows[-1][-1] = inline(" ".join(pending))
                rest = line[2:].split(separator)[1:]
                pending = [] if rest and rest[-1] == "T{" else None
                rows[-1] += ["" if c == "T{" else inline(c) for c in rest]
            else:
                pending.append(line)
        elif not re.fullmatch(r"[_=\s]*", line):
            cells = line.split(separator)
            pending = [] if cells[-1] == "T{" else None
            rows.append(["" if c == "T{" else inline(c) for c in cells])
    return rows


def _resolve(text: str) -> str:
    def replace(found: re.Match[str]) -> str:
        name = found["font1"] or found["font2"] or found["fontn"]
        if name is not None or found["fontn"] == "":
            return _FONT.get(name or "", "\x03")
        special = found["pair"] or found["long"]
        if special:
            code = re.fullmatch(r"u([0-9A-Fa-f]{4,6})", special)
            return chr(int(code[1], 16)) if code else _CHARACTERS.get(special, special if len(special) == 1 else "")
        string = found["string1"] or found["string2"] or found["stringn"]
        if string:
            return _CHARACTERS.get(string, "")
        if found["space"]:
            return " "
        shown = found["shown"]
        return {"e": "\\", "\\": "\\"}.get(shown, shown) if shown else ""

    return _ESCAPE.sub(replace, text)


def _styled(text: str, mark: str) -> str:
    words = text.strip()
    if not words or mark not in ("\x01", "\x02"):
        return compose.escape(text)
    before, after = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    if mark == "\x01" and re.search(r"[-_/=.\[\]<>$(){}0-9]|^[a-z]+$", words):
        return before + compose.code_span(words) + after
    return f"{before}{'**' if mark == chr(1) else '*'}{compose.escape(words)}{'**' if mark == chr(1) else '*'}{after}"
