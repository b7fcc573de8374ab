"""The ingest stage: a folder in, `documents.jsonl` and `skipped.jsonl` out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from understudy.artifact import write_records
from understudy.errors import InputError, MissingExtraError
from understudy.ingest import site
from understudy.ingest.base import SkipFile, Skipped
from understudy.ingest.config import IngestConfig
from understudy.ingest.convert import Conversions, clean, valid
from understudy.ingest.project import project_name
from understudy.ingest.teach import Lessons
from understudy.stage import Inputs, RunContext, StageOutput
from understudy.types import Document

_NAMED = 8  # kinds of files of unknown format that the log names
_TOLD = 3  # parts of pages that could not be read, of which the log names so many for a reason


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
        skipped.extend(clean(note) for note in site.read(config.kept).skipped)
    counts: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    untaught: Counter[str] = Counter()
    parts: Counter[str] = Counter()
    lessons = Lessons(config.teach)
    left_out: list[PartLeftOut] = []
    conversions = Conversions(config, found)
    project = valid(project_name(config.path)) if config.path else ""

    def documents() -> Iterator[Document]:
        for number, (file, made) in enumerate(conversions.all(found, ctx)):
            ctx.progress("reading", number, len(found))
            if isinstance(made, SkipFile):
                skip = made
                note = clean(Skipped(file.doc_id, skip.reason, skip.detail))
                skipped.append(note)
                if note.reason != "unknown format":  # those are told together
                    ctx.logger.warning("%s: left out: %s: %s", note.path, note.reason, note.detail)
                continue
            document, page = made
            for note in page.skipped:
                skipped.append(note)
                parts[note.reason] += 1
                if parts[note.reason] <= _TOLD:
                    ctx.logger.warning("%s: %s: %s", note.path, note.reason, note.detail)
            counts["documents"] += 1
            counts["characters"] += len(document.text)
            kinds[document.kind] += 1
            why = lessons.why_not(document.doc_id, document.text, document.kind)
            if why:
                untaught[why.partition(":")[0]] += 1
                document = replace(document, untaught=why)
            document = replace(document, site=document.site or project)
            document = replace(document, doc_id=addresses.get(file.doc_id, file.doc_id))
            left_out.extend(PartLeftOut(document.doc_id, p.reason, p.words, valid(p.text)) for p in page.left_out)
            yield document
        ctx.progress("reading", len(found), len(found))

    write_records(ctx.out / "documents.jsonl", documents())
    for reason, count in sorted(parts.items()):
        if count > _TOLD:
            ctx.logger.warning("%s: on %d more pages; skipped.jsonl names them", reason, count - _TOLD)
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


def _unknown(skipped: list[Skipped]) -> str:
    """`12 × .png, 3 × .csv`: the files of unknown format by their endings, the most frequent first."""
    names = [PurePosixPath(s.path) for s in skipped if s.reason == "unknown format"]
    kinds = Counter(name.suffix.lower() or "without ending" for name in names)
    shown = [f"{count} × {kind}" for kind, count in kinds.most_common(_NAMED)]
    rest = sum(count for _, count in kinds.most_common()[_NAMED:])
    return ", ".join([*shown, *([f"{rest} others"] if rest else [])])


def _nothing(path: str, skipped: list[Skipped], reasons: Counter[str]) -> InputError | MissingExtraError:
    extra = next((s for s in skipped if s.reason == "missing extra"), None)
    if extra is not None:
        return MissingExtraError(f"docs.path: {path}: nothing can be read: {extra.path}: {extra.detail}")
    why = ", ".join(f"{n} × {reason}" for reason, n in reasons.most_common()) or "it is empty"
    example = f"; for example {skipped[0].path}" if skipped else ""
    return InputError(f"docs.path: {path}: no readable text in this folder: {why}{example}")
