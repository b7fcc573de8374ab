"""What became of the documentation: every chunk accepted, rejected with a reason, or failed."""

from __future__ import annotations

from collections import Counter
from typing import Any

from understudy.report.sources import Sources
from understudy.types import Chunk, Document

STATUSES = ("accepted", "rejected", "failed")
COUNTED = ("pairs", "items", *STATUSES)
_LISTED = 200  # failed chunks and skipped files named one by one; the counts are always complete


def coverage(sources: Sources, chunks: list[Chunk]) -> dict[str, Any]:
    """Counts by status, reason and document; skipped files by name. Empty parts where a stage did not run."""
    documents = sources.records("ingest", "documents", Document)
    lines = sources.rows("generate", "coverage")
    of_document = {c.chunk_id: c.doc_id for c in chunks}
    names = list(dict.fromkeys([d.doc_id for d in documents] + [c.doc_id for c in chunks]))
    of_name = {d.doc_id: d for d in documents}
    held = Counter(c.doc_id for c in chunks)
    rows: dict[str, dict[str, Any]] = {
        name: _page(of_name.get(name)) | {"doc_id": name, "chunks": held[name]} | dict.fromkeys(COUNTED, 0)
        for name in names
    }
    total: Counter[str] = Counter()
    reasons: dict[str, Counter[str]] = {"rejected": Counter(), "failed": Counter()}
    failed = []
    for line in lines:
        status, chunk_id = str(line.get("status")), str(line.get("chunk_id"))
        reason = str(line.get("reason") or "")
        total[status] += 1
        if status in reasons:
            reasons[status][reason or "no reason given"] += 1
        if status == "failed":
            failed.append({"chunk_id": chunk_id, "doc_id": of_document.get(chunk_id, ""), "reason": reason})
        row = rows.get(of_document.get(chunk_id, ""))
        if row is not None:
            for name in ("pairs", "items"):
                row[name] += int(line.get(name) or 0)
            if status in STATUSES:
                row[status] += 1
    skipped = [
        {"path": str(s.get("path")), "reason": ": ".join(str(s[k]) for k in ("reason", "detail") if s.get(k))}
        for s in sources.rows("ingest", "skipped")
    ]
    return {
        "documents": len(documents),
        "chunks": len(chunks),
        "tokens": sum(c.n_tokens for c in chunks),
        "taught": bool(lines),
        "unaccounted": len(of_document.keys() - {str(line.get("chunk_id")) for line in lines}) if lines else 0,
        "counts": {status: total[status] for status in STATUSES if lines},
        "reasons": {status: dict(sorted(c.items(), key=lambda p: (-p[1], p[0]))) for status, c in reasons.items() if c},
        "by_document": list(rows.values()),
        "failed": failed[:_LISTED],
        "skipped": skipped[:_LISTED],
        "n_skipped": len(skipped),
        "kinds": dict(Counter(d.kind for d in documents).most_common()),
        "n_untaught": sum(bool(d.untaught) for d in documents),
        "large_pages": _counts(sources).get("large_pages") or {},
        "reviewed": _counts(sources).get("reviewed") or {},
    }


def _page(document: Document | None) -> dict[str, Any]:
    """The kind of a page, and why it is not taught, with its title."""
    if document is None:
        return {"title": "", "kind": "", "untaught": ""}
    return {"title": document.title, "kind": document.kind, "untaught": document.untaught}


def _counts(sources: Sources) -> dict[str, Any]:
    artifact = sources.get("generate")
    counts = artifact.manifest.get("counts") if artifact is not None else None
    return counts if isinstance(counts, dict) else {}
