"""The lines of a roff page with its own definitions carried out: strings, macros and conditions.

Only what shapes text is followed: `.ds`, `.de`, `.if`, `.ie`, `.el` (as on a terminal), each within bounds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

Numbered = tuple[int, str]  # a line of the source and what it says

_MOST_LINES = 100_000  # of a page once its macros are carried out
_LONGEST = 4_000  # characters of a string
_GROWTH = 4_000_000  # characters that strings and macros may add to a page
_DEEPEST = 20  # macros in macros, conditions in conditions
_PREDEFINED = {
    "Gt": ">", "Lt": "<", "Am": "&", "Ba": "|", "Le": "≤", "Ge": "≥", "Ne": "≠", "Pm": "±", "If": "∞", "q": '"',
    "lp": "(", "rp": ")", "Lq": "“", "Rq": "”", "lq": "“", "rq": "”", "R": "®", "Tm": "™", "Px": "POSIX", "Na": "NaN",
}  # fmt: skip
_REQUEST = re.compile(r"^[.'][ \t]*([^\s\\\"]{1,32})[ \t]*(.*)$", re.DOTALL)
_STRING = re.compile(r"\\\*(?:\((..)|\[([^\]\s]{1,60})\]|([^(\[\s]))")
_REGISTER = re.compile(r"\\n[+-]?(?:\((..)|\[([^\]]{0,60})\]|(.))")
_ARGUMENT = re.compile(r'"((?:[^"]|"")*)"?|((?:[^\s\\]|\\.)+)')
_PARAMETER = re.compile(r"\\\\?\$(?:(\d)|\*|@)")
_COMPARED = re.compile(r"\s*(-?\d{1,9})\s*(?:([<>=]=?)\s*(-?\d{1,9}))?")


def arguments(text: str) -> list[str]:
    """The arguments of a request: words, or texts in quotes in which `""` is a quote."""
    if '"' not in text and "\\" not in text:
        return text.split()
    return [quoted.replace('""', '"') or bare for quoted, bare in _ARGUMENT.findall(text)]


@dataclass
class Lines:
    """Reads a page. known: macros that the reader itself understands, whose definitions are passed over."""

    known: frozenset[str]
    strings: dict[str, str] = field(default_factory=lambda: dict(_PREDEFINED))
    macros: dict[str, list[str]] = field(default_factory=dict)
    _made: int = 0
    _left: int = _GROWTH
    _else: list[bool] = field(default_factory=lambda: [False])

    def read(self, text: str) -> Iterator[Numbered]:
        """The lines that a terminal would show or act on."""
        lines: list[Numbered] = []
        joined = ""
        for number, raw in enumerate(text.split("\n"), 1):
            line = joined + raw
            if line.endswith("\\") and not line.endswith("\\\\") and len(line) < _LONGEST:
                joined = line[:-1]
                continue
            lines.append((number - (1 if joined else 0), line))
            joined = ""
        if joined:
            lines.append((len(lines), joined))
        yield from self._run(lines, 0)

    def _run(self, lines: list[Numbered], depth: int) -> Iterator[Numbered]:
        index = 0
        while index < len(lines) and self._made < _MOST_LINES:
            number, raw = lines[index]
            index += 1
            line = _without_comment(raw) if "\\" in raw else raw
            if raw[:1] not in (".", "'"):
                self._made += 1
                yield number, self.filled(line)
                continue
            found = _REQUEST.match(line)
            if found is None:
                if line.strip(" \t.'\\{}"):  # else a comment, an empty request or the end of a condition
                    self._made += 1
                    yield number, self.filled(line)
                continue
            name, rest = found[1], found[2]
            if name in ("de", "de1", "am", "am1", "ig"):
                index = self._define(lines, index, name, rest)
            elif name in ("ds", "as", "ds1", "as1"):
                self._string(name, rest)
            elif name in ("if", "ie", "el"):
                taken, body = self._condition(name, rest)
                inner, index = _block(lines, index, number, body)
                if taken and depth < _DEEPEST:
                    self._else.append(False)
                    yield from self._run(inner, depth + 1)
                    self._else.pop()
            elif name in self.macros and name not in self.known and depth < _DEEPEST:
                values = arguments(self.filled(rest))
                self._left -= sum(map(len, self.macros[name])) + len(rest)
                if self._left <= 0:
                    continue
                yield from self._run([(number, _called(line, values)) for line in self.macros[name]], depth + 1)
            else:
                self._made += 1
                yield number, self.filled(line)

    def filled(self, line: str) -> str:
        """A line with the page's own strings in place."""
        if "\\*" not in line:
            return line

        def value(found: re.Match[str]) -> str:
            shown = self.strings.get(found[1] or found[2] or found[3], found[0])
            self._left -= len(shown)
            return shown if self._left > 0 else ""

        return _STRING.sub(value, line)

    def _define(self, lines: list[Numbered], index: int, name: str, rest: str) -> int:
        """Note a macro; the index after its end."""
        words = rest.split()
        end = (words[0] if words else "") if name == "ig" else (words[1] if len(words) > 1 else "")
        closing = re.compile(rf"^[.'][ \t]*{re.escape(end or '.')}(?:\s|$)")
        body: list[str] = []
        while index < len(lines) and not closing.match(lines[index][1]):
            body.append(lines[index][1])
            index += 1
        if name != "ig" and words and len(body) < 500:
            old = self.macros.get(words[0], []) if name.startswith("am") else []
            self.macros[words[0]] = [*old, *body][:500]
        return index + 1

    def _string(self, name: str, rest: str) -> None:
        word, _, value = rest.partition(" ")
        value = self.filled(value.lstrip().removeprefix('"'))
        if word and len(value) <= _LONGEST and len(self.strings) < 10_000:
            old = self.strings.get(word, "") if name.startswith("as") else ""
            self.strings[word] = (old + value)[:_LONGEST]

    def _condition(self, name: str, rest: str) -> tuple[bool, str]:
        """Whether a condition holds on a terminal, and what follows it."""
        if name == "el":
            return self._else[-1], rest
        text = _REGISTER.sub(lambda f: "1" if (f[1] or f[2] or f[3]) == ".g" else "0", self.filled(rest)).lstrip()
        holds = True
        while text.startswith("!"):
            holds, text = not holds, text[1:].lstrip()
        number = _COMPARED.match(text)
        if number:
            first, second = int(number[1]), int(number[3] or 0)
            result = {"<": first < second, ">": first > second, "=": first == second, "==": first == second,
                      "<=": first <= second, ">=": first >= second}.get(number[2] or ">", False)  # fmt: skip
            body = text[number.end() :]
        elif text[:1] in ("'", '"') and text.count(text[0]) >= 3:
            first_text, second_text, body = text[1:].split(text[0], 2)
            result = first_text == second_text
        elif text[:1] in ("d", "r") and text[1:2] == " ":
            word, _, body = text[2:].lstrip().partition(" ")
            result = text[0] == "d" and (word in self.strings or word in self.macros)
        else:
            result, body = text[:1] in ("n", "o"), text[1:]
        taken = result == holds
        if name == "ie":
            self._else[-1] = not taken
        return taken, body.lstrip()


def _block(lines: list[Numbered], index: int, number: int, body: str) -> tuple[list[Numbered], int]:
    r"""The lines that a condition governs, up to the matching `\}`, and the index after them."""
    depth = body.count("\\{") - body.count("\\}")
    inner = [(number, _bare(body))] if _bare(body).strip() else []
    while depth > 0 and index < len(lines):
        at, line = lines[index]
        depth += line.count("\\{") - line.count("\\}")
        text = line if depth > 0 else line.replace("\\}", "", 1) if line.strip(".'\\} ") else ""
        if text.strip():
            inner.append((at, text))
        index += 1
    return inner, index


def _bare(body: str) -> str:
    return body.removeprefix("\\{").lstrip() if body.startswith("\\{") else body


def _called(line: str, values: list[str]) -> str:
    r"""A line of a macro with `\\$1` and `\\$*` in place."""

    def value(found: re.Match[str]) -> str:
        if found[1]:
            place = int(found[1])
            return values[place - 1] if 0 < place <= len(values) else ""
        return " ".join(values if found[0].endswith("*") else [f'"{v}"' for v in values])

    return _PARAMETER.sub(value, line).replace("\\\\", "\\")[:_LONGEST]


def _without_comment(line: str) -> str:
    at = 0
    while (at := line.find("\\", at)) >= 0 and at + 1 < len(line):
        if line[at + 1] in '"#':
            return line[:at].rstrip() if line[:1] in ".'" else line[:at]
        at += 2
    return line
