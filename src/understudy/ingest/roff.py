"""The roff language as far as text needs it: requests, escapes and fonts."""

from __future__ import annotations

import re
import unicodedata

from understudy.ingest import compose
from understudy.ingest.roff_lines import arguments

_CHARACTERS = {
    "aq": "'", "dq": '"', "em": "—", "en": "–", "hy": "-", "mi": "-", "bu": "•", "co": "©", "rg": "®", "tm": "™",
    "lq": "“", "rq": "”", "oq": "‘", "cq": "’", "rs": "\\", "ti": "~", "ha": "^", "ga": "`", "at": "@", "sh": "#",
    "Do": "$", "lC": "{", "rC": "}", "lB": "[", "rB": "]", "bv": "|", "ba": "|", "br": "|", "sl": "/", "<=": "≤",
    ">=": "≥", "!=": "≠", "->": "→", "<-": "←", "+-": "±", "mu": "×", "de": "°", "12": "½", "la": "⟨", "ra": "⟩",
    "Tm": "™", "C+": "C++", "fo": "‹", "fc": "›", "Fo": "«", "Fc": "»", "==": "≡", "~~": "≈", "if": "∞", "pl": "+",
    "ss": "ß", "ae": "æ", "AE": "Æ", "/o": "ø", "/O": "Ø", "eu": "€", "Eu": "€", "Po": "£", "ct": "¢", "ps": "¶",
    "sc": "§", "ci": "○", "sq": "□", "OK": "✓", "ul": "_", "cm": ",", "es": "∅", "14": "¼", "34": "¾", "mc": "µ",
    "*m": "μ", "*a": "α", "*b": "β", "a~": "~", "a^": "^", "R": "®", "Rs": "\\",
}  # fmt: skip
_ACCENTS = {"'": "\u0301", "`": "\u0300", "^": "\u0302", ":": "\u0308", "~": "\u0303", ",": "\u0327", "o": "\u030a"}
_FONT = {"B": "\x01", "3": "\x01", "I": "\x02", "2": "\x02", "CB": "\x01", "CI": "\x02", "BI": "\x01"}
_ESCAPE = re.compile(
    r"""\\(?:
        f(?:\((?P<font2>..)|\[(?P<fontn>[^\]]{0,60})\]|(?P<font1>.))
      | \((?P<pair>..) | \[(?P<long>[^\]]{1,60})\]
      | \*(?:\((?P<string2>..)|\[(?P<stringn>[^\]]{0,60})\]|(?P<string1>.))
      | s[+-]?(?:\(\d\d|\[\d+\]|'[+-]?\d+'|[1-3]\d|\d)
      | N'(?P<code>\d{1,7})' | [hvwlLDoNbBXZ]'[^']{0,200}' | [knFgmMVY](?:\(..|\[[^\]]{0,60}\]|[+-]?.)
      | (?P<space>[\s0~]) | (?P<shown>[-'`.\\e_]) | z | . )""",
    re.VERBOSE,
)


_MACRO = re.compile(r"^[.']\s*([^\s\\\"]+)\s*(.*)$")
_MARKS = re.compile("([\x01\x02\x03])")
_IDENTIFIER = re.compile(r"[-_/=.\[\]<>$(){}0-9]|^[a-z]+$")


def macro(line: str) -> tuple[str | None, list[str]]:
    """The name and arguments of a request line; (None, []) for a line of text."""
    if not line or line[0] not in ".'":
        return None, []
    found = _MACRO.match(line)
    if not found:
        return None, []
    return found[1], arguments(found[2])


def font(name: str, text: str) -> str:
    """Roff text in a font: B, I or R."""
    return f"\\f{name}{text}\\fR" if name != "R" else text


def page_name(written: str) -> str:
    """The name of a page: one in capitals is written so by custom, every other as it is called."""
    return written.lower() if written == written.upper() else written


def plain(text: str) -> str:
    """Text without fonts and escapes."""
    return _MARKS.sub("", _resolve(text))


def inline(text: str) -> str:
    """Text as inline Markdown: bold becomes code where it is an identifier or option, else `**`; italics `*`."""
    parts = _MARKS.split(_resolve(text))
    if len(parts) == 1:
        return compose.escape(parts[0])
    shown = [_styled(parts[0], "")]
    for mark, piece in zip(parts[1::2], parts[2::2], strict=True):
        shown.append(_styled(piece, mark))
    return "".join(shown)


def _character(name: str) -> str:
    r"""What `\[name]` shows: a glyph by its name, by its code points (`u0041_0301`), or a letter with its accent."""
    if name in _CHARACTERS:
        return _CHARACTERS[name]
    if re.fullmatch(r"u[0-9A-Fa-f]{4,6}(?:_[0-9A-Fa-f]{4,6}){0,4}", name):
        codes = [int(code, 16) for code in name[1:].split("_")]
        return "".join(map(chr, codes)) if max(codes) <= 0x10FFFF else ""
    if len(name) == 2 and name[0] in _ACCENTS and name[1].isalpha():
        return unicodedata.normalize("NFC", name[1] + _ACCENTS[name[0]])
    return name if len(name) == 1 else ""


def _resolve(text: str) -> str:
    if "\\" not in text:
        return text

    def replace(found: re.Match[str]) -> str:
        name = found["font1"] or found["font2"] or found["fontn"]
        if name is not None or found["fontn"] == "":
            return _FONT.get(name or "", "\x03")
        special = found["pair"] or found["long"]
        if special:
            return _character(special)
        string = found["string1"] or found["string2"] or found["stringn"]
        if string:
            return _CHARACTERS.get(string, "")
        if found["code"]:
            return chr(int(found["code"])) if int(found["code"]) <= 0x10FFFF else ""
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
    if mark == "\x01" and _IDENTIFIER.search(words):
        return before + compose.code_span(words) + after
    return f"{before}{'**' if mark == chr(1) else '*'}{compose.escape(words)}{'**' if mark == chr(1) else '*'}{after}"
