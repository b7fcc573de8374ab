"""Debian's documentation packages as clean text, with digests: what the lab models read besides worlds.

Packages are given as folders extracted with `dpkg-deb -x PACKAGE.deb FOLDER/NAME`. They are an input of the
build and are never redistributed. `TRAIN` packages are learned from; `HELD_OUT` ones only measure.
"""

from __future__ import annotations

import gzip
import hashlib
import html
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TRAIN = (
    "postgresql-doc-15",
    "python3.11-doc",
    "python-django-doc",
    "git-doc",
    "apache2-doc",
    "rust-doc",
    "debian-reference-en",
    "linux-doc-6.1",
)
HELD_OUT = ("nginx-doc", "perl-doc", "libreoffice-help-en-us")
SUFFIXES = {".html", ".txt", ".rst", ".pod", ".conf", ""}
# Listings, indexes and generated sources: nothing to read in them.
SKIP = re.compile(r"genindex|/src/|implementors|/_sources/|search|copyright|sitemap|/trait\.impl|devicetree/bindings")

_DROP = re.compile(
    r"<(script|style|head|nav|footer|svg|noscript|form)\b.*?</\1\s*>|<!--.*?-->|"
    r"<div[^>]*class=\"(?:sphinxsidebar|related|navheader|navfooter|toc)[^>]*>.*?</div>",
    re.S | re.I,
)
_PRE = re.compile(r"<pre\b[^>]*>(.*?)</pre\s*>", re.S | re.I)
_CELL = re.compile(r"</t[dh]\s*>", re.I)
_BREAK = re.compile(r"<(?:br|hr)\b[^>]*>|</?(?:p|li|tr|h\d|div|dt|dd|ul|ol|table|section|article)\b[^>]*>", re.I)
_TAG = re.compile(r"<[^>]+>")
_SPACES = re.compile(r"[ \t]+")
_POD = re.compile(r"^=(?:head\d|item|over|back|cut|pod|encoding|begin|end|for)\b[ \t]*", re.M)
_POD_CODE = re.compile(r"[A-Z]<+\s?([^<>]*?)\s?>+")


@dataclass(frozen=True, slots=True)
class Source:
    """One documentation file as text; `digest` is the sha256 of the file's bytes."""

    package: str
    path: str
    text: str
    digest: str


def html_text(source: str) -> str:
    """Readable lines of an HTML page: one line a block, cells joined by ` | `, code kept as it stands."""
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        kept.append(html.unescape(_TAG.sub("", match.group(1))).strip("\n"))
        return f"<p>\x00{len(kept) - 1}\x00<p>"

    flat = " ".join(_PRE.sub(keep, _DROP.sub(" ", source)).split())
    flat = _TAG.sub("", _BREAK.sub("\n", _CELL.sub(" | ", flat)))
    lines = (_SPACES.sub(" ", html.unescape(line)).strip(" |\u00b6") for line in flat.split("\n"))
    text = "\n".join(line for line in lines if line)
    return re.sub("\x00(\\d+)\x00", lambda m: kept[int(m.group(1))], text).replace("\u00b6", "")


def plain_text(source: str, suffix: str) -> str:
    """Text, reStructuredText or POD with marks of inline markup removed and paragraphs on one line."""
    if suffix == ".pod":
        source = _POD_CODE.sub(r"\1", _POD_CODE.sub(r"\1", _POD.sub("", source)))
    blocks = []
    for block in re.split(r"\n\s*\n", source.replace("\t", "    ")):
        lines = [line.rstrip() for line in block.strip("\n").split("\n")]
        indented = all(line.startswith("  ") for line in lines)
        if not indented and len(lines) > 1 and all(len(line) > 40 for line in lines[:-1]):
            lines = [" ".join(line.strip() for line in lines)]
        blocks.append("\n".join(lines))
    return "\n".join(b for b in blocks if b.strip())


def english(text: str) -> bool:
    """Whether running English is in it: translations and bare listings are not."""
    return 1000 * (text.count(" the ") + text.count(" is ") + text.count(" to ")) / len(text) >= 3


def read_package(folder: Path, name: str, max_chars: int, seed: int = 0) -> Iterator[Source]:
    """Files of `folder/name` in a seeded order until `max_chars` characters of text are read."""
    root = folder / name
    files = sorted(p for p in root.rglob("*") if p.is_file() and not p.is_symlink())
    random.Random(f"{seed}:{name}").shuffle(files)
    total = 0
    for path in files:
        relative = path.relative_to(root).as_posix()
        suffix = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
        if SKIP.search(relative) or suffix not in SUFFIXES:
            continue
        data = path.read_bytes()
        raw = gzip.decompress(data) if path.suffix == ".gz" else data
        decoded = raw.decode("utf-8", errors="ignore")
        text = html_text(decoded) if suffix == ".html" else plain_text(decoded, suffix)
        if len(text) < 400 or not english(text):
            continue
        yield Source(name, relative, text, hashlib.sha256(data).hexdigest())
        total += len(text)
        if total >= max_chars:
            return


def read_packages(
    folder: Path, names: tuple[str, ...] = TRAIN, max_chars: int = 4_000_000, seed: int = 0
) -> list[Source]:
    """All packages, at most `max_chars` characters of each; missing ones are an error by name."""
    missing = [n for n in names if not (folder / n).is_dir()]
    if missing:
        raise FileNotFoundError(
            f"{folder}: no extracted package {', '.join(missing)}. "
            f"Run `apt-get download {missing[0]}` and `dpkg-deb -x {missing[0]}_*.deb {folder}/{missing[0]}`."
        )
    return [s for n in names for s in read_package(folder, n, max_chars, seed)]


def digest(sources: list[Source]) -> str:
    """One sha256 over all files, independent of their order."""
    return hashlib.sha256("".join(sorted(s.digest for s in sources)).encode()).hexdigest()
