"""What a merge will do, said before it does it: `--dry-run`."""

from __future__ import annotations

from collections.abc import Sequence

from understudy.merge.engine import available_threads, plan
from understudy.merge.parents import Resolve
from understudy.merge.schema import Merge
from understudy.merge.stream import open_sources
from understudy.merge.survey import survey

# Rough: bytes a second and thread of one pass over cached inputs, and bytes a second of writing
_READ, _WRITE = 3.0e9, 2.0e9


def describe(
    documents: Sequence[Merge], *, resolve: Resolve, max_memory: int | None = None, threads: int | None = None
) -> list[str]:
    """Lines of text: method, models, tensors, bytes, time, memory and warnings of each merge."""
    lines: list[str] = []
    names = {d.name for d in documents[:-1]}
    for document in documents:
        label = f"{document.name}: " if document.name else ""
        waits = [r for r in document.references() if r in names]
        if waits:
            lines.append(f"{label}{document.merge_method}; planned when {', '.join(waits)} is merged")
            continue
        todo = plan(document, resolve)
        used = threads or document.threads or available_threads()
        seconds = todo.method.passes * todo.input_bytes / (_READ * used) + todo.nbytes / _WRITE
        limit = max_memory or document.max_memory
        dtypes = ", ".join(sorted({t.dtype for t in todo.tensors}))
        lines += [
            f"{label}{todo.method.title} ({todo.method.paper})",
            *(
                f"  {p.reference}: {p.architecture}, {p.n_layers} layers, {_gb(p.checkpoint.nbytes)}"
                for p in todo.parents.values()
            ),
            f"  writes {len(todo.tensors)} tensors, {_gb(todo.nbytes)}, as {dtypes}",
            f"  takes about {max(seconds, 1):.0f} s with {used} threads from a warm cache, memory within {_gb(limit)}",
            *(
                f"  {x.reference}: cosine {_figure(x.cosine)} to {todo.reference.reference}, "
                f"change {_figure(x.change)} (of a sample)"
                for x in survey(todo, [open_sources(todo, t) for t in todo.tensors])
            ),
            *(f"  warning: {w}" for w in todo.warnings),
        ]
    return lines


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _gb(number: float) -> str:
    return f"{number / 1e9:.2f} GB"
