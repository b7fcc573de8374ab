"""Inputs that nobody writes: bytes and JSON values changed at random, the same for the same seed."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Sequence
from typing import Any

ODD: tuple[Any, ...] = (
    0, -1, 1, 2**31, 2**63, 2**64, -(2**63), 1.5, 1e300, float("inf"), float("nan"), None, True, "x", "", " ", [], {},
    [[]], [None], {"": None}, "9" * 20, "\ud800", "\0", "../../x", "/etc/passwd", "a\nb", "\u202e\x1b[31m", "1e999",
    "x" * 3000,
)  # fmt: skip
_MARKS = "# > - * ` ~ | : ; . , = + _ [ ] ( ) { } < > / \\ & \" ' ! $ % ^"
TOKENS = [
    *(token.encode() for token in _MARKS.split()),
    b"\n", b"\n\n", b"\r\n", b"\t", b"    ", b"\0", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\x10",
    b"\x11", b"\x1b[31m", "\u2028".encode(), "\u202e".encode(), b"```", b"~~~", b"---\n", b"+++\n", b":::",
    b"!!! note\n",
    b"<table>", b"</table>", b"<div>", b"</div>", b"<!--", b"-->", b"<![CDATA[", b"]]>", b"&amp;", b"&#x110000;",
    b"<script>", b"<details><summary>x</summary>\n\n", b"</details>", b"{{", b"}}", b"{|", b"|}",
    b".. include:: d.rst\n", b".. ", b"::\n", b"|===\n", b"====\n", b"[[", b"]]", b"(((", b"{a}", b":a: {a}\n",
    b"include::k.adoc[]\n", b".ds a \\*a\\*a\n", b".de X\n", b"..\n", b".if n \\{\\\n", b".TS\n", b".TE\n", b"\\*[",
    b"\\[u", b"\\N'9999999'", b".Bl -column\n", b"\\f(", b".so e.1\n", b"*a", b"&a", b"<<: ", b"9" * 400,
    b"0x" + b"f" * 400, b"!!int ", b"!!binary ", b"!!timestamp ", b"$ref: '#/paths'", b"export const a = {",
    b"import a from 'b'\n", b"rowspan=99999 ", b"colspan=0 ", b":rspan:`99`", b"\\ud800", b"[" * 50, b"{" * 50,
    b"(" * 50, b"> " * 50, b"    a", b"<nowiki>", b"{/*", b"pass:[", b"a=b", b"[http://a ", b"|a|", b"null", b"true",
    b"-1", b"1e999", b"NaN", b"<think>", b"</think>", b"```json\n", b'"', b'""', b'"\n',
]  # fmt: skip


def mutate(draw: random.Random, data: bytes, others: Sequence[bytes] = (), largest: int = 400_000) -> bytes:
    """The bytes changed one to eight times, cut at `largest`. others: what a piece may be taken from."""
    for _ in range(draw.choice((1, 1, 2, 3, 5, 8))):
        data = _changed(draw, data, others)[:largest]
    return data


def _changed(draw: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """One change: cut, doubled, a token that parsers stumble over, noise, lines in another order."""
    size = len(data)
    a = draw.randrange(size + 1)
    b = min(size, a + draw.choice((1, 3, 10, 40, 200)))
    kind = draw.randrange(9)
    if kind == 0:
        return data[:a] + data[b:]
    if kind == 1:
        return data[:b] + data[a:b] * draw.choice((1, 2, 5)) + data[b:]
    if kind == 2:
        return data[:a] + draw.choice(TOKENS) + data[a:]
    if kind == 3:
        return data[:a] + draw.choice(TOKENS) * draw.choice((2, 10, 100, 3000)) + data[a:]
    if kind == 4:
        return data[:a] + draw.randbytes(b - a) + data[b:]
    if kind == 5:
        return data[: max(1, a)]
    if kind == 6 and others:
        other = draw.choice(others)
        at = draw.randrange(len(other))
        return data[:a] + other[at : at + draw.choice((20, 200, 2000))] + data[a:]
    if kind == 7:
        lines = data.split(b"\n")
        draw.shuffle(lines) if draw.random() < 0.3 else lines.insert(draw.randrange(len(lines)), draw.choice(lines))
        return b"\n".join(lines)
    return data[:a] + data[a:b] * draw.choice((50, 500, 5000)) + data[b:]


def mutate_json(draw: random.Random, value: Any, largest: int = 400_000) -> bytes:
    """A JSON value with some of its parts replaced, left out, wrapped or doubled; its text is changed now and then."""
    value = copy.deepcopy(value)
    for _ in range(draw.choice((0, 1, 1, 1, 2, 4))):
        value = _replaced(draw, value)
    text = json.dumps(value, ensure_ascii=draw.random() < 0.5).encode("utf-8", "surrogatepass")
    return mutate(draw, text, (), largest) if draw.random() < 0.3 else text


def _replaced(draw: random.Random, value: Any) -> Any:
    """The value with one part of it changed, chosen on a walk from the top."""
    if not isinstance(value, (dict, list)) or not value or draw.random() < 0.1:
        return copy.deepcopy(draw.choice((*ODD, [value], {"x": value}, [value] * 40, str(value))))
    place: Any = draw.choice(list(value)) if isinstance(value, dict) else draw.randrange(len(value))
    kind = draw.random()
    if kind < 0.1:
        del value[place]
    elif kind < 0.15 and isinstance(value, list):
        value += copy.deepcopy([value[place]] * draw.choice((1, 3, 200)))
    elif kind < 0.15 and isinstance(value, dict):
        value[draw.choice(("x", "", "__proto__", str(place).upper()))] = value.pop(place)
    else:
        value[place] = _replaced(draw, value[place])
    return value
