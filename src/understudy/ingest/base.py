"""What a format of this room is: a module with `read(source) -> Page`, named in `formats.py`."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from understudy.errors import InputError

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class SkipFile(InputError):
    """A file that is left out. reason: a few words to count by; detail: what exactly, and what to do."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Skipped:
    """An entry left out. reason: one of a few words to count by; detail: what exactly, and what to do.

    path: relative to the documentation folder; empty in what a format notes of its own file.
    """

    path: str
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A file as a format gets it.

    fallback: the encoding to try where the bytes are not UTF-8, if any. root: the documentation folder, in which
    files that this one includes may stand; None where it may include none. shared: what the format read of the whole
    folder beforehand, if it does (`rst_titles`).
    """

    path: Path
    data: bytes
    fallback: str | None = None
    root: Path | None = None
    shared: Any = None

    def text(self, declared: re.Pattern[bytes] | None = None) -> str:
        """The decoded text with `\\n` line breaks.

        declared: finds the encoding's name (group 1) in the first 1,024 bytes, where the format has a way to
        say it. Raises SkipFile for binary data and for an encoding that cannot be known.
        """
        for mark, marked in _BOMS:
            if self.data.startswith(mark):
                return self._decode(marked)
        if b"\0" in self.data[:8192]:
            raise SkipFile("binary")
        try:
            return _unix(self.data.decode("utf-8"))
        except UnicodeDecodeError as error:
            said = declared.search(self.data[:1024]) if declared else None
            encoding = said[1].decode("ascii", "replace") if said else self.fallback
            if encoding is None:
                line = self.data.count(b"\n", 0, error.start) + 1
                byte = self.data[error.start]
                raise SkipFile(
                    "not UTF-8",
                    f"byte 0x{byte:02x} in line {line}; set docs.encoding (such as cp1252) or convert it",
                ) from error
            return self._decode(encoding)

    def _decode(self, encoding: str) -> str:
        try:
            return _unix(self.data.decode(encoding))
        except (UnicodeDecodeError, LookupError) as error:
            raise SkipFile("wrong encoding", f"is not {encoding}: {error}") from error


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A part of a file that is no content. reason: a few words to count by; text: how it begins."""

    reason: str
    words: int
    text: str


@dataclass(frozen=True, slots=True)
class Page:
    """A file as Markdown.

    first_line: the line of the source on which `text` begins (1 where converted). places: as in `Document`; needed
    where `text` is not the source line by line. skipped: parts of the file, or files that it names, left out.
    left_out: parts of the file that are no content. linked: the share of its words within links, where `text` does
    not show all of these. site: as in `Document`.
    """

    text: str
    title: str = ""
    first_line: int = 1
    metadata: Mapping[str, Any] = field(default_factory=dict)
    places: tuple[tuple[int, str], ...] = ()
    skipped: tuple[Skipped, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    linked: float | None = None
    site: str = ""


class Format(Protocol):
    """The shape of every format's module."""

    def read(self, source: Source) -> Page:
        """The file as Markdown. Raises SkipFile where it cannot be read."""
        ...
