"""A file becomes a document: here, in other processes or on other machines, and kept by its content."""

from __future__ import annotations

import hashlib
import importlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any, cast

from understudy import outline
from understudy.artifact import digest_json, from_plain, to_plain
from understudy.engine import map_kept
from understudy.ingest import html
from understudy.ingest.base import Format, Page, SkipFile, Skipped, Source
from understudy.ingest.config import IngestConfig
from understudy.ingest.formats import SUFFIXES
from understudy.ingest.html_site import top
from understudy.ingest.kinds import kind_of
from understudy.ingest.rst_titles import Titles, look_around
from understudy.ingest.walk import Found, read_bytes
from understudy.kept import Kept
from understudy.normal import folded
from understudy.stage import RunContext
from understudy.types import Document

_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NAMED = re.compile(
    r"\s*(?P<m>[*_`]{0,2})(?P<name>[\w\\.+-]+?(?:\(\d\w*\))?)(?P=m)(?P<n> ?\(\d\w*\))? (?:\\?-{1,3}|—|–) "
)
_FIRST_TEXT = 20_000  # characters in which a title is looked for
_AT_ONCE = 32  # files of a shard
SELF_CONTAINED = frozenset({"html", "markdown", "mdx", "text", "notebook", "office", "epub", "mediawiki"})
"""Formats that read no file besides the page's own: their conversions are kept."""

Made = tuple[Document, Page] | SkipFile
"""A document and its page as its format read it, or why there is none."""


@dataclass(frozen=True, slots=True)
class _Bytes:
    """A file with its content, or why it has none."""

    file: Found
    data: bytes
    skip: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class _Shared:
    """What some files are converted with."""

    encoding: str | None
    max_bytes: int
    sites: html.Sites
    titles: Titles | None = None


class Conversions:
    """Conversions, kept by the content of the file and of what its site shares."""

    def __init__(self, config: IngestConfig, found: Sequence[Found]) -> None:
        self.config = config
        by_format = {name: [f for f in found if f.format == name] for name in ("html", "rst")}
        how = (config.encoding, config.max_bytes)
        self.sites = html.look_around({f.doc_id: f for f in by_format["html"]}, *how)
        self.titles = look_around(by_format["rst"], *how)
        self._digests: dict[str, str] = {}

    def all(self, found: Iterable[Found], ctx: RunContext) -> Iterator[tuple[Found, Made]]:
        """Each file with what became of it, in order."""
        made = map_kept(
            _convert_all,
            map(self._read, found),
            ctx,
            shared=self._shared,
            key=self._key,
            kept=Kept(ctx.root, "pages"),
            at_once=_AT_ONCE,
            name="pages",
        )
        for one, value in made:
            told = json.loads(value)
            if "skip" in told:
                yield one.file, SkipFile(*told["skip"])
            else:
                yield one.file, (from_plain(Document, told["document"]), from_plain(Page, told["page"]))

    def _read(self, file: Found) -> _Bytes:
        try:
            return _Bytes(file, _bytes(file, self.config.max_bytes))
        except SkipFile as skip:
            return _Bytes(file, b"", (skip.reason, skip.detail))

    def _key(self, one: _Bytes) -> str | None:
        file, config = one.file, self.config
        if one.skip is not None or file.format not in SELF_CONTAINED:
            return None
        how = [config.VERSION, file.doc_id, file.format, file.plain, config.encoding, self._site(file)]
        return digest_json(["object", how, hashlib.sha256(one.data).hexdigest()])

    def _shared(self, some: list[_Bytes]) -> _Shared:
        """Only what these files' sites share is sent along."""
        titles = self.titles if any(one.file.format == "rst" for one in some) else None
        sites = self.sites.only(one.file.doc_id for one in some)
        return _Shared(self.config.encoding, self.config.max_bytes, sites, titles)

    def _site(self, file: Found) -> str:
        """What an HTML page's site shares, as a digest."""
        if file.format != "html":
            return ""
        name = top(file.doc_id)
        if name not in self._digests:
            site = self.sites.of(file.doc_id)
            shared = [sorted(map(list, site.blocks)), sorted(site.links), sorted(site.titles), site.pages]
            self._digests[name] = digest_json(shared)
        return self._digests[name]


def _convert_all(shard: tuple[_Shared, list[_Bytes]]) -> list[tuple[bytes, bool]]:
    """A shard of the work: each file as JSON, and whether it may be kept (a failure may pass)."""
    shared, some = shard
    found = []
    for one in some:
        try:
            if one.skip is not None:
                raise SkipFile(*one.skip)
            document, page = convert(one.file, shared.encoding, shared.max_bytes, shared.sites, one.data, shared.titles)
        except SkipFile as skip:
            found.append((json.dumps({"skip": [valid(skip.reason), valid(skip.detail)]}).encode(), False))
            continue
        noted = replace(page, text="", metadata={}, places=())  # the document holds them
        value = json.dumps({"document": to_plain(document), "page": to_plain(noted)}).encode()
        found.append((value, one.file.format in SELF_CONTAINED))
    return found


def read(file: Found, encoding: str | None = None, max_bytes: int = 20_000_000) -> Document:
    """One file as a Document. Raises SkipFile with the reason where it cannot be one."""
    return convert(file, encoding, max_bytes)[0]


def _bytes(file: Found, max_bytes: int) -> bytes:
    try:
        data = read_bytes(file.path, max_bytes)
    except OSError as error:
        raise SkipFile("unreadable", error.strerror or str(error)) from error
    if not data:
        raise SkipFile("empty", "0 bytes")
    return data


def convert(
    file: Found,
    encoding: str | None,
    max_bytes: int,
    sites: html.Sites | None = None,
    data: bytes | None = None,
    titles: Titles | None = None,
) -> tuple[Document, Page]:
    """One file as a Document, and as its format read it. Raises SkipFile where it cannot be a document.

    sites: what the HTML pages of the folder share. data: the file's bytes, where they were read already. titles: those
    of the folder's reStructuredText.
    """
    data = _bytes(file, max_bytes) if data is None else data
    source = Source(file.path, data, encoding, file.root, replace(titles, at=file.doc_id) if titles else None)
    name = file.format
    try:
        page = _page(name, source, file.doc_id, sites)
    except SkipFile as skip:
        if not file.plain or skip.reason != "unknown format":
            raise
        name = "text"
        page = _page(name, source)
    page = replace(page, text=valid(page.text), title=valid(page.title), metadata=valid(dict(page.metadata)))
    if not page.text.strip():
        raise SkipFile("no text", f"nothing to read in it as {name}")
    title = title_of(page, file.doc_id)
    document = Document(
        doc_id=file.doc_id,
        text=page.text,
        title=title,
        format=name,
        digest=hashlib.sha256(data).hexdigest(),
        first_line=page.first_line,
        metadata=page.metadata,
        places=tuple((offset, valid(label)) for offset, label in page.places),
        kind=kind_of(page.text, title, file.doc_id, page.linked),
        site=folded(valid(page.site)),
    )
    return document, replace(page, skipped=tuple(clean(replace(s, path=s.path or file.doc_id)) for s in page.skipped))


def _page(name: str, source: Source, doc_id: str = "", sites: html.Sites | None = None) -> Page:
    format = cast(Format, importlib.import_module(f"understudy.ingest.{name}"))
    try:
        return html.read(source, doc_id, sites) if name == "html" else format.read(source)
    except (SkipFile, MemoryError):
        raise
    except Exception as error:  # a parser's own failure on one file is not the failure of the stage
        raise SkipFile("cannot be parsed", f"as {name}: {type(error).__name__}: {str(error)[:200]}") from error


def valid(value: Any) -> Any:
    """Texts, and those in mappings and lists, without lone surrogates, which no UTF-8 file can hold."""
    if isinstance(value, str):
        return value if value.isascii() else _SURROGATE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {valid(k): valid(v) for k, v in value.items()}
    return [valid(v) for v in value] if isinstance(value, (list, tuple)) else value


def clean(skipped: Skipped) -> Skipped:
    """A note whose words can be printed: they may quote the file."""
    path, detail = (_CONTROLS.sub(" ", valid(text)) for text in (skipped.path, skipped.detail[:500]))
    return Skipped(path, skipped.reason, detail)


def title_of(page: Page, doc_id: str) -> str:
    """The page's own title, else its first heading, else the file's name in words; of a manual page that begins with
    the section NAME, the name that stands there."""
    if page.title.strip():
        return folded(page.title)
    start = page.text[:_FIRST_TEXT]
    headings: list[outline.Block] = []
    begins = f"\n{start}".find("\n# ")
    if begins >= 0:  # no heading is above the first of the first level: what follows need not be read
        end = start.find("\n", begins)
        headings = [h for h in _headings(start[:end] if end >= 0 else start) if h.level == 1]
    headings = headings or _headings(start)
    if headings:
        title = min(headings, key=lambda b: b.level).content
        named = _NAMED.match(start, headings[0].end) if title.casefold() == "name" else None
        return (named["name"] + (named["n"] or "").strip()).replace("\\", "") if named else title
    name = PurePosixPath(doc_id)
    own = name.stem if name.suffix.lower() in SUFFIXES else name.name  # `release-2.1` ends with its version
    stem = name.parent.name if own.lower() in ("index", "readme") and name.parent.name else own
    return re.sub(r"[-_]+", " ", stem).strip() or doc_id


def _headings(text: str) -> list[outline.Block]:
    return [b for b in outline.parse(text) if b.kind == "heading" and b.content]
