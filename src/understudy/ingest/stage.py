"""The ingest stage: a folder in, `documents.jsonl` and `skipped.jsonl` out."""

from __future__ import annotations

import hashlib
import importlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, cast

from understudy import outline
from understudy.artifact import digest_json, from_plain, to_plain, write_records
from understudy.errors import InputError, MissingExtraError
from understudy.ingest import html, site
from understudy.ingest.base import Format, Page, SkipFile, Skipped, Source
from understudy.ingest.config import IngestConfig
from understudy.ingest.formats import SUFFIXES
from understudy.ingest.html_site import top
from understudy.ingest.kinds import kind_of
from understudy.ingest.teach import Lessons
from understudy.ingest.walk import Found, read_bytes
from understudy.kept import Kept
from understudy.stage import Inputs, RunContext, StageOutput
from understudy.types import Document

_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NAMED = 8  # kinds of files of unknown format that the log names
_FIRST_TEXT = 20_000  # characters in which a title is looked for
SELF_CONTAINED = frozenset({"html", "markdown", "mdx", "text", "notebook", "office", "epub", "mediawiki"})
"""Formats that read no file besides the page's own: their conversions are kept."""


@dataclass(frozen=True, slots=True)
class PartLeftOut:
    """A part of a document that is no content, one line of `left_out.jsonl`. text: how it begins."""

    doc_id: str
    reason: str
    words: int
    text: str


def run(config: IngestConfig, inputs: Inputs, ctx: RunContext) -> StageOutput:
    """Read every file that the settings name.

    A file that cannot be read is left out, named in `skipped.jsonl` and counted by reason; it never stops
    the stage. Raises InputError where nothing can be read at all, MissingExtraError where an optional library
    would have helped.
    """
    found, skipped = config.walk()
    addresses: dict[str, str] = {}
    if config.kept is not None:
        addresses = site.addresses(config.kept)
        skipped.extend(_clean(note) for note in site.read(config.kept).skipped)
    counts: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    untaught: Counter[str] = Counter()
    lessons = Lessons(config.teach)
    left_out: list[PartLeftOut] = []
    pages = {f.doc_id: f for f in found if f.format == "html"}
    sites = html.look_around(pages, config.encoding, config.max_bytes)
    conversions = Conversions(config, ctx.root, sites)

    def documents() -> Iterator[Document]:
        for number, file in enumerate(found):
            ctx.progress("reading", number, len(found))
            try:
                document, page = conversions.convert(file)
            except SkipFile as skip:
                note = _clean(Skipped(file.doc_id, skip.reason, skip.detail))
                skipped.append(note)
                if note.reason != "unknown format":  # those are told together
                    ctx.logger.warning("%s: left out: %s: %s", note.path, note.reason, note.detail)
                continue
            for note in page.skipped:
                skipped.append(note)
                ctx.logger.warning("%s: %s: %s", note.path, note.reason, note.detail)
            counts["documents"] += 1
            counts["characters"] += len(document.text)
            kinds[document.kind] += 1
            why = lessons.why_not(document.doc_id, document.text, document.kind)
            if why:
                untaught[why.partition(":")[0]] += 1
                document = replace(document, untaught=why)
            document = replace(document, doc_id=addresses.get(file.doc_id, file.doc_id))
            left_out.extend(PartLeftOut(document.doc_id, p.reason, p.words, _valid(p.text)) for p in page.left_out)
            yield document
        ctx.progress("reading", len(found), len(found))

    write_records(ctx.out / "documents.jsonl", documents())
    if unknown := _unknown(skipped):
        ctx.logger.warning("left out, of unknown format: %s; skipped.jsonl names them", unknown)
    write_records(ctx.out / "skipped.jsonl", sorted(skipped, key=lambda s: s.path))
    write_records(ctx.out / "left_out.jsonl", left_out)
    words = Counter[str]()
    for part in left_out:
        words[part.reason] += part.words
    reasons = Counter(s.reason for s in skipped)
    if not counts["documents"]:
        raise _nothing(config.place, skipped, reasons)
    return StageOutput(
        counts={
            "files": len(found),
            **counts,
            "kinds": dict(sorted(kinds.items())),
            "untaught": dict(sorted(untaught.items())),
            "skipped": dict(sorted(reasons.items())),
            "left_out_words": dict(sorted(words.items())),
        }
    )


class Conversions:
    """Conversions, kept by the content of the file and of what its site shares."""

    def __init__(self, config: IngestConfig, root: Path, sites: html.Sites) -> None:
        self.config = config
        self.sites = sites
        self._kept = Kept(root, "pages")
        self._shared: dict[str, str] = {}

    def convert(self, file: Found) -> tuple[Document, Page]:
        """One file as `convert` gives it. Raises SkipFile where it cannot be a document."""
        config = self.config
        data = _bytes(file, config.max_bytes)
        if file.format not in SELF_CONTAINED:
            return convert(file, config.encoding, config.max_bytes, self.sites, data)
        how = [config.VERSION, file.doc_id, file.format, file.plain, config.encoding, self._site(file)]
        key = digest_json([how, hashlib.sha256(data).hexdigest()])
        known = self._kept.get([key]).get(key)
        if known is not None:
            document, page = json.loads(known)
            return from_plain(Document, document), from_plain(Page, page)
        found = convert(file, config.encoding, config.max_bytes, self.sites, data)
        noted = replace(found[1], text="", metadata={}, places=())  # the document holds them
        self._kept.put({key: json.dumps([to_plain(found[0]), to_plain(noted)]).encode()})
        return found

    def _site(self, file: Found) -> str:
        """What an HTML page's site shares, as a digest."""
        if file.format != "html":
            return ""
        name = top(file.doc_id)
        if name not in self._shared:
            site = self.sites.of(file.doc_id)
            shared = [sorted(map(list, site.blocks)), sorted(site.links), sorted(site.titles), site.pages]
            self._shared[name] = digest_json(shared)
        return self._shared[name]


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
) -> tuple[Document, Page]:
    """One file as a Document, and as its format read it. Raises SkipFile where it cannot be a document.

    sites: what the HTML pages of the folder share. data: the file's bytes, where they were read already.
    """
    data = _bytes(file, max_bytes) if data is None else data
    source = Source(file.path, data, encoding, file.root)
    name = file.format
    try:
        page = _page(name, source, file.doc_id, sites)
    except SkipFile as skip:
        if not file.plain or skip.reason != "unknown format":
            raise
        name = "text"
        page = _page(name, source)
    page = replace(page, text=_valid(page.text), title=_valid(page.title), metadata=_valid(dict(page.metadata)))
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
        places=tuple((offset, _valid(label)) for offset, label in page.places),
        kind=kind_of(page.text, title, file.doc_id, page.linked),
    )
    return document, replace(page, skipped=tuple(_clean(replace(s, path=s.path or file.doc_id)) for s in page.skipped))


def _page(name: str, source: Source, doc_id: str = "", sites: html.Sites | None = None) -> Page:
    format = cast(Format, importlib.import_module(f"understudy.ingest.{name}"))
    try:
        return html.read(source, doc_id, sites) if name == "html" else format.read(source)
    except (SkipFile, MemoryError):
        raise
    except Exception as error:  # a parser's own failure on one file is not the failure of the stage
        raise SkipFile("cannot be parsed", f"as {name}: {type(error).__name__}: {str(error)[:200]}") from error


def _valid(value: Any) -> Any:
    """Texts, and those in mappings and lists, without lone surrogates, which no UTF-8 file can hold."""
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_valid(k): _valid(v) for k, v in value.items()}
    return [_valid(v) for v in value] if isinstance(value, (list, tuple)) else value


def _clean(skipped: Skipped) -> Skipped:
    """A note whose words can be printed: they may quote the file."""
    path, detail = (_CONTROLS.sub(" ", _valid(text)) for text in (skipped.path, skipped.detail[:500]))
    return Skipped(path, skipped.reason, detail)


def _unknown(skipped: list[Skipped]) -> str:
    """`12 × .png, 3 × .csv`: the files of unknown format by their endings, the most frequent first."""
    names = [PurePosixPath(s.path) for s in skipped if s.reason == "unknown format"]
    kinds = Counter(name.suffix.lower() or "without ending" for name in names)
    shown = [f"{count} × {kind}" for kind, count in kinds.most_common(_NAMED)]
    rest = sum(count for _, count in kinds.most_common()[_NAMED:])
    return ", ".join([*shown, *([f"{rest} others"] if rest else [])])


def title_of(page: Page, doc_id: str) -> str:
    """The page's own title, else its first heading, else the file's name in words."""
    if page.title.strip():
        return " ".join(page.title.split())
    start = page.text[:_FIRST_TEXT]
    headings: list[outline.Block] = []
    if start.startswith("# "):  # no heading is above the first of the first level: nothing else need be read
        headings = _headings(start.partition("\n")[0])
    headings = headings or _headings(start)
    if headings:
        return min(headings, key=lambda b: b.level).content
    name = PurePosixPath(doc_id)
    own = name.stem if name.suffix.lower() in SUFFIXES else name.name  # `release-2.1` ends with its version
    stem = name.parent.name if own.lower() in ("index", "readme") and name.parent.name else own
    return re.sub(r"[-_]+", " ", stem).strip() or doc_id


def _headings(text: str) -> list[outline.Block]:
    return [b for b in outline.parse(text) if b.kind == "heading" and b.content]


def _nothing(path: str, skipped: list[Skipped], reasons: Counter[str]) -> InputError | MissingExtraError:
    extra = next((s for s in skipped if s.reason == "missing extra"), None)
    if extra is not None:
        return MissingExtraError(f"docs.path: {path}: nothing can be read: {extra.path}: {extra.detail}")
    why = ", ".join(f"{n} × {reason}" for reason, n in reasons.most_common()) or "it is empty"
    example = f"; for example {skipped[0].path}" if skipped else ""
    return InputError(f"docs.path: {path}: no readable text in this folder: {why}{example}")
