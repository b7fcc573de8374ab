"""Where a JavaScript statement of an MDX file ends: brackets, strings, templates and comments are followed."""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)
      | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
      | (?P<tick>`) | (?P<open>[({\[]) | (?P<close>[)}\]]) | (?P<line>\n) | (?P<escaped>\\.)""",
    re.VERBOSE | re.DOTALL,
)
# A line that ends like this goes on in the next one.
_GOES_ON = re.compile(
    r"(?:=>|[=,+*&|?:(<.-]|\b(?:default|const|let|var|function|class|return|extends|from|async))\s*\Z"
)
_BLANK = re.compile(r"\n[ \t]*(?:\n|\Z)")
_MOST = 200_000  # characters of one statement


def statement_end(text: str, start: int) -> int:
    """The offset of the line break that ends the statement which begins at `start`.

    One whose brackets never close ends at the first blank line, since what follows would be lost with it.
    """
    stack: list[str] = []
    at, limit = start, min(len(text), start + _MOST)
    while found := _TOKEN.search(text, at, limit):
        at = found.end()
        kind = found.lastgroup
        inside = bool(stack) and stack[-1] == "`"
        if inside:
            if kind == "tick":
                stack.pop()
            elif found[0] == "{" and text[found.start() - 1] == "$":
                stack.append("{")
            elif kind in ("string", "comment"):
                at = found.start() + 1  # in a template these are letters
        elif kind == "tick":
            stack.append("`")
        elif kind == "open":
            stack.append(found[0])
        elif kind == "close":
            if stack:
                stack.pop()
        elif kind == "line" and not stack and not _GOES_ON.search(text, max(start, found.start() - 20), found.start()):
            return found.start()
    if not stack:
        return limit
    blank = _BLANK.search(text, start)
    return blank.start() if blank else len(text)
