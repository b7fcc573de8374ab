"""The ingest stage: a folder in, `documents.jsonl` and `skipped.jsonl` out."""

from __future__ import annotations

import hashlib
import importlib
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import cast

from understudy import outline
from understudy.artifact import write_records
from understudy.errors import InputError, MissingExtraError
from understudy.ingest.base import Format, Page, SkipFile, Source
from understudy.ingest.config import IngestConfig
from understudy.ingest.walk import Found, Skipped, walk
from understudy.stage import Inputs, RunContext, StageOutput
from understudy.types import Document

_SURROGATE = re.compile("[\ud800-\udfff]")
_FIRST_TEXT = 20_000  # characters in which a title is looked for


def run(config: IngestConfig, inputs: Inputs, ctx: RunContext) -> StageOutput:
    """Read every file that the settings name.

    A file that cannot be read is left out, named in `skipped.jsonl` and counted by reason; it never stops
    the stage. Raises InputError where nothing can be read at all, MissingExtraError where an optional library
    would have helped.
    """
    found, skipped = walk(config.path, config.include, config.exclude, config.gitignore, config.max_bytes)
    counts: Counter[str] = Counter()

    def documents() -> Iterator[Document]:
        for number, file in enumerate(found):
            ctx.progress("reading", number, len(found))
            try:
                document = read(file, config.encoding)
            except SkipFile as skip:
                skipped.append(Skipped(file.doc_id, skip.reason, skip.detail))
                ctx.logger.warning("%s: left out: %s", file.doc_id, skip)
                continue
            counts["documents"] += 1
            counts["characters"] += len(document.text)
            yield document
        ctx.progress("reading", len(found), len(found))

    write_records(ctx.out / "documents.jsonl", documents())
    write_records(ctx.out / "skipped.jsonl", sorted(skipped, key=lambda s: s.path))
    reasons = Counter(s.reason for s in skipped)
    if not counts["documents"]:
        raise _nothing(config.path, skipped, reasons)
    return StageOutput(counts={"files": len(found), **counts, "skipped": dict(sorted(reasons.items()))})


def read(file: Found, encoding: str | None = None) -> Document:
    """One file as a Document. Raises SkipFile with the reason where it cannot be one."""
    try:
        data = file.path.read_bytes()
    except OSError as error:
        raise SkipFile("unreadable", error.strerror or str(error)) from error
    if not data:
        raise SkipFile("empty", "0 bytes")
    format = cast(Format, importlib.import_module(f"understudy.ingest.{file.format}"))
    try:
        page = format.read(Source(file.path, data, encoding))
    except (SkipFile, MemoryError):
        raise
    except Exception as error:  # a parser's own failure on one file is not the failure of the stage
        raise SkipFile("cannot be parsed", f"as {file.format}: {type(error).__name__}: {error}") from error
    text = _SURROGATE.sub("\ufffd", page.text)
    if not text.strip():
        raise SkipFile("no text", f"nothing to read in it as {file.format}")
    return Document(
        doc_id=file.doc_id,
        text=text,
        title=title_of(page, file.doc_id),
        format=file.format,
        digest=hashlib.sha256(data).hexdigest(),
        first_line=page.first_line,
        metadata=page.metadata,
        places=page.places,
    )


def title_of(page: Page, doc_id: str) -> str:
    """The page's own title, else its first heading, else the file's name in words."""
    if page.title.strip():
        return " ".join(page.title.split())
    blocks = outline.parse(page.text[:_FIRST_TEXT])
    headings = [b for b in blocks if b.kind == "heading" and b.content]
    if headings:
        return min(headings, key=lambda b: b.level).content
    name = PurePosixPath(doc_id)
    stem = name.parent.name if name.stem.lower() in ("index", "readme") and name.parent.name else name.stem
    return re.sub(r"[-_]+", " ", stem).strip() or doc_id


def _nothing(path: str, skipped: list[Skipped], reasons: Counter[str]) -> InputError | MissingExtraError:
    extra = next((s for s in skipped if s.reason == "missing extra"), None)
    if extra is not None:
        return MissingExtraError(f"docs.path: {path}: nothing can be read: {extra.path}: {extra.detail}")
    why = ", ".join(f"{n} × {reason}" for reason, n in reasons.most_common()) or "it is empty"
    example = f"; for example {skipped[0].path}" if skipped else ""
    return InputError(f"docs.path: {path}: no readable text in this folder: {why}{example}")
