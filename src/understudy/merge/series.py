"""Merges that build on one another: a file of several documents, done in order, the last one kept."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from understudy.artifact import digest_json, write_text
from understudy.merge.engine import MergeReport, merge
from understudy.merge.parents import Resolve, as_folder
from understudy.merge.schema import Merge
from understudy.merge.stream import Progress


def parts_folder(out: Path) -> Path:
    """Where the named merges lie while the last one is not finished."""
    return out.parent / f".{out.name}.parts"


def merge_series(
    documents: Sequence[Merge],
    out: Path,
    *,
    max_memory: int | None = None,
    threads: int | None = None,
    seed: int = 0,
    work: Path | None = None,
    resolve: Resolve = as_folder,
    progress: Progress = lambda what, done, total: None,
) -> MergeReport:
    """Do the merges in order (`document.load` sorts them) and return the last one's report; as `engine.merge`.

    The earlier ones live in a hidden folder (beside `out`, or in `work`) until the last one is there.
    """
    parts = work / "parts" if work else parts_folder(out)

    def resolve_part(reference: str) -> Path:
        return parts / reference if reference in names else resolve(reference)

    names = {d.name for d in documents[:-1]}
    for document in documents[:-1]:
        target, stamp = parts / str(document.name), digest_json([document.identity(), seed])
        mark = parts / f".{document.name}.done"
        if mark.is_file() and target.is_dir() and mark.read_text() == stamp:
            continue
        mark.unlink(missing_ok=True)
        shutil.rmtree(target, ignore_errors=True)
        merge(
            document, target, max_memory=max_memory, threads=threads, seed=seed, resolve=resolve_part, progress=progress
        )  # fmt: skip
        write_text(mark, stamp)
    report = merge(
        documents[-1], out, max_memory=max_memory, threads=threads, seed=seed,
        work=work / "model" if work else None, resolve=resolve_part, progress=progress,
    )  # fmt: skip
    shutil.rmtree(parts, ignore_errors=True)
    return report
