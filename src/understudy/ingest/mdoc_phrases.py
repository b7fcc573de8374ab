"""What mdoc(7) says in fixed words: references, return values, exit codes, libraries."""

from __future__ import annotations

from collections.abc import Sequence

from understudy.ingest import compose

PARTS = "ATBIJRNVUPQCDO"  # of a reference, in the order in which they are shown; `%A` is an author
_TITLES = frozenset("TBIJ")
_LIBRARIES = {
    "libc": "Standard C Library", "libm": "Math Library", "libcrypt": "Crypt Library",
    "libedit": "Command Line Editor Library",
    "libcurses": "Curses Library", "libncurses": "Curses Library", "libpthread": "POSIX Threads Library",
    "librt": "POSIX Real-time Library", "libutil": "System Utilities Library", "libz": "Compression Library",
    "libkvm": "Kernel Data Access Library", "libbsd": "Utility functions from BSD systems",
    "libmd": "Message Digest Library",
}  # fmt: skip


def reference(parts: Sequence[tuple[str, str]]) -> str:
    """A work in one sentence: authors, title, where it stands, when. Parts are (letter, Markdown)."""
    shown: list[str] = []
    for letter in PARTS:
        found = [
            f"*{text}*" if letter in _TITLES and "*" not in text else text for k, text in parts if k == letter and text
        ]
        if letter == "A" and len(found) > 1:
            found = [f"{', '.join(found[:-1])} and {found[-1]}"]
        shown += found
    return ", ".join(shown) + ("." if shown else "")


def returns(names: Sequence[str]) -> str:
    """What `.Rv -std` says of functions."""
    said = "returns" if len(names) == 1 else "return"
    return (
        f"The {_listed([f'{n}()' for n in names])} function{'s' * (len(names) > 1)} {said} the value 0 if successful; "
        "otherwise the value -1 is returned and the global variable `errno` is set to indicate the error."
    )


def exits(names: Sequence[str]) -> str:
    """What `.Ex -std` says of programs."""
    return (
        f"The {_listed(names)} utilit{'y exits' if len(names) == 1 else 'ies exit'} 0 on success, "
        "and >0 if an error occurs."
    )


def library(name: str) -> str:
    """A library by its name in words, with how it is linked."""
    if not name:
        return ""
    known = _LIBRARIES.get(name)
    linked = f"-l{name.removeprefix('lib')}"
    return f"{known} ({name}, {linked})" if known else f"library “{name}”"


def _listed(names: Sequence[str]) -> str:
    spans = [compose.code_span(n) for n in names]
    return " and ".join(filter(None, [", ".join(spans[:-1]), spans[-1]]))
