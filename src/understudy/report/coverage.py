"""What became of the documentation: every chunk accepted, rejected with a reason, or failed."""

from __future__ import annotations

from collections import Counter
from typing import Any

from understudy.report.sources import Sources
from understudy.types import Chunk, Document

STATUSES = ("accepted", "rejected", "failed")
_LISTED = 200  # failed chunks and skipped files named one by one; the counts are always complete


def coverage(sources: Sources, chunks: list[Chunk]) -> dict[str, Any]:
    """Counts by status, reason and document; skipped files by name. Empty parts where a stage did not run."""
    documents = sources.records("ingest", "documents", Document)
    lines = sources.rows("generate", "coverage")
    of_document = {c.chunk_id: c.doc_id for c in chunks}
    names = list(dict.fromkeys([d.doc_id for d in documents] + [c.doc_id for c in chunks]))
    titles = {d.doc_id: d.title for d in documents}
    held = Counter(c.doc_id for c in chunks)
    rows: dict[str, dict[str, Any]] = {
        name: {"doc_id": name, "title": titles.get(name, ""), "chunks": held[name], "pairs": 0, "items": 0}
        | dict.fromkeys(STATUSES, 0)
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
    }
