"""Encodings as the web labels them: a page that says latin-1 is read as every browser reads it, as Windows-1252."""

from __future__ import annotations

import codecs
import re

from understudy.ingest.base import SkipFile, Source

_SAID = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)
_BOMS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_WINDOWS = dict.fromkeys(
    [
        "ascii",
        "ansi_x3.4-1968",
        "us-ascii",
        "iso-8859-1",
        "iso8859-1",
        "iso_8859-1",
        "iso88591",
        "latin1",
        "latin-1",
        "l1",
        "cp819",
        "ibm819",
        "cp1252",
        "x-cp1252",
    ],
    "cp1252",
)
# https://encoding.spec.whatwg.org/#names-and-labels, where it differs from Python's own names
_LABELS = _WINDOWS | {
    "iso-8859-9": "cp1254", "iso8859-9": "cp1254", "latin5": "cp1254", "x-cp1254": "cp1254",
    "iso-8859-11": "cp874", "iso8859-11": "cp874", "tis-620": "cp874", "dos-874": "cp874",
    "gb2312": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030", "chinese": "gb18030", "gb_2312-80": "gb18030",
    "big5": "big5hkscs", "big5-hkscs": "big5hkscs", "x-x-big5": "big5hkscs", "cn-big5": "big5hkscs",
    "shift_jis": "cp932", "shift-jis": "cp932", "sjis": "cp932", "x-sjis": "cp932", "windows-31j": "cp932",
    "ms_kanji": "cp932", "x-euc-jp": "euc_jp", "csisoshift_jis": "cp932",
    "euc-kr": "cp949", "ks_c_5601-1987": "cp949", "korean": "cp949", "ksc5601": "cp949", "windows-949": "cp949",
    "macintosh": "mac_roman", "mac": "mac_roman", "x-mac-roman": "mac_roman", "x-mac-cyrillic": "mac_cyrillic",
    "iso-8859-8-i": "iso8859-8", "logical": "iso8859-8", "koi": "koi8_r", "koi8": "koi8_r", "koi8-ru": "koi8_u",
    "unicode-1-1-utf-8": "utf-8", "x-unicode20utf8": "utf-8", "utf-16": "utf-8", "utf-16le": "utf-8",
    "utf-16be": "utf-8", "unicode": "utf-8",
}  # fmt: skip


def decode(source: Source) -> str:
    """The text of a page with `\\n` line breaks.

    Bytes that are UTF-8 are read as that, whatever the page says. Raises SkipFile for binary data, and where
    neither the page nor the settings say an encoding that fits.
    """
    data = source.data
    if data.startswith(_BOMS) or b"\0" in data[:8192]:
        return source.text()
    said = _SAID.search(data[:1024])
    label = said[1].decode("ascii", "replace").lower() if said else ""
    if label.startswith("iso-2022"):  # seven bits: looks like UTF-8 and is not
        return _decoded(data, label)
    try:
        return _unix(data.decode("utf-8"))
    except UnicodeDecodeError:
        if not label or _LABELS.get(label, label) in ("utf-8", "utf8"):
            return source.text()
        return _decoded(data, label)


def marked(data: bytes, label: str) -> bytes:
    """Bytes of an encoding that their server named, as UTF-8 with a mark, which wins over what a page says of itself;
    as they are where they are UTF-8, or not what the server says."""
    if not label or data.startswith(_BOMS):
        return data
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        try:
            return codecs.BOM_UTF8 + _decoded(data, label).encode("utf-8", "replace")
        except SkipFile:
            return data
    return data


def _decoded(data: bytes, label: str) -> str:
    name = _LABELS.get(label, label)
    try:
        if name == "cp1252":
            return _unix(data.decode("cp1252", "understudy.c1"))
        return _unix(data.decode(name))
    except (UnicodeDecodeError, LookupError) as error:
        raise SkipFile("wrong encoding", f"is not {label}: {error}") from error


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _undefined(error: UnicodeError) -> tuple[str, int]:
    """The five bytes that Windows-1252 does not define are control characters to a browser."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(b) for b in error.object[error.start : error.end]), error.end


codecs.register_error("understudy.c1", _undefined)
