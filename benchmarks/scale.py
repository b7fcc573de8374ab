"""What a page costs from a hundred pages to a hundred thousand: seconds and memory of each stage, and of a search.

    python benchmarks/scale.py --pages 100,1000,10000
    python benchmarks/scale.py --pages 100000 --workers 4 --vectors
    python benchmarks/scale.py --pages 100000 --index

Made-up manuals of about 2.5 kB a page (understudy.lab), cut into passages of at most 48 tokens, about twenty a page,
go through ingest, chunk and index (BM25), each size in a process and a store of its own. Processor seconds are those of
the process and of its workers, `own` those of the process alone, which more workers do not share (those of a Ray
cluster are not counted); memory is the most that a stage held above what the process held when it began, mapped files
included. A search is opened anew; its questions are words of random passages, half of them with words that most of
the passages hold. --teach adds the offline teacher. --vectors adds made-up vectors of 384 numbers in place of
embeddings, about 500 around each of many centres: their cells alone are measured, and what share of the ten nearest
vectors a search finds, with as many cells as it reads and with 64, since real vectors are grouped less clearly.
--index measures the index alone: passages are cut from the same pages with a pair of scissors, as long as the chunk
stage's are and about as many, so that neither it nor ingest has to run.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from understudy.artifact import Artifact
    from understudy.types import Chunk

PAGES_A_MANUAL = 50
QUESTIONS = 400
WIDTH = 384
LONGEST = 165  # characters of a passage


def write_pages(folder: Path, pages: int) -> None:
    """Manuals side by side, each of another seed."""
    from understudy.lab.worlds import make_world, write_world

    for seed in range(-(-pages // PAGES_A_MANUAL)):
        n = min(PAGES_A_MANUAL, pages - seed * PAGES_A_MANUAL)
        write_world(make_world(seed, pages=max(1, n - 1), facts_per_page=42), folder / f"{seed // 100}/manual-{seed}")


def cut(pages: int) -> Iterator[Chunk]:
    """Passages of the same pages, of lines or sentences and about as long as those of the chunk stage."""
    from understudy.lab.worlds import make_world
    from understudy.types import Chunk

    for seed in range(-(-pages // PAGES_A_MANUAL)):
        n = min(PAGES_A_MANUAL, pages - seed * PAGES_A_MANUAL)
        for name, page in make_world(seed, pages=max(1, n - 1), facts_per_page=42).documents.items():
            doc_id, at, line, heads = f"{seed // 100}/manual-{seed}/{name}", 0, 1, [""]
            for text in scissors(page):
                heads += [row.lstrip("# ") for row in text.splitlines() if row.startswith("#")]
                place = (heads[1], heads[-1]) if len(heads) > 2 else (heads[-1],)
                lines = line + text.rstrip().count("\n")
                chunk_id = f"{seed:08x}{at:08x}"
                yield Chunk(chunk_id, doc_id, text, at, at + len(text), line, lines, 37, heads[1], place)
                at, line = at + len(text), line + text.count("\n")


def scissors(page: str) -> Iterator[str]:
    """A page in pieces of at most LONGEST characters that end where a line or a sentence does and begin with a heading
    where they hold one."""
    piece = ""
    for part in re.split(r"(?<=\n)|(?<=\. )", page):
        if piece.strip() and (len(piece) + len(part) > LONGEST or part.startswith("#")):
            yield piece
            piece = ""
        piece += part
    yield piece


def index_alone(folder: Path, pages: int, vectors: bool) -> dict[str, Any]:
    """The index of passages that were never pages in a folder, made by its stage."""
    from understudy.artifact import Artifact, seal, write_records
    from understudy.index.config import IndexConfig
    from understudy.index.stage import run
    from understudy.stage import Inputs, RunContext, execute

    (folder / "chunk").mkdir(parents=True)
    chunks = write_records(folder / "chunk" / "chunks.jsonl", cut(pages))
    seal(folder / "chunk", {"stage": "chunk", "key": "chunk", "counts": {"chunks": chunks}, "metrics": {}})
    inputs, work = Inputs({"chunk": Artifact.open(folder / "chunk")}), folder / "work"
    ctx = RunContext(out=work / "out", work=work, root=folder)
    clock = processor_seconds()
    config, target = IndexConfig.model_validate({"retriever": "bm25"}), folder / "index"
    made = execute(run, config, inputs, key="index", key_fields={}, target=target, ctx=ctx)
    rows = {"pages": pages, "index": measured(made, clock)}
    print("index", json.dumps(rows["index"]), file=sys.stderr, flush=True)
    rows["search"] = searching(made.path)
    if vectors:
        rows["vectors"] = vector_index(folder / "cells", chunks)
    return rows


def measured(artifact: Artifact, clock: tuple[float, float]) -> dict[str, Any]:
    """What a stage took since `clock`, by its artifact."""
    now, manifest = processor_seconds(), artifact.manifest
    return {
        "processor_seconds": round(now[0] - clock[0], 2),
        "own_processor_seconds": round(now[1] - clock[1], 2),
        "wall_seconds": manifest["wall_seconds"],
        "memory_mb": round((manifest["peak_memory_bytes"] - manifest["start_memory_bytes"]) / 1e6),
        "peak_mb": round(manifest["peak_memory_bytes"] / 1e6),
        "disk_mb": round(sum(f["bytes"] for f in manifest["files"]) / 1e6),
        "counts": {k: v for k, v in artifact.counts.items() if isinstance(v, int)},
    }


def processor_seconds() -> tuple[float, float]:
    """Of this process and the children that have ended, and of this process alone."""
    own, others = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    alone = own.ru_utime + own.ru_stime
    return alone + others.ru_utime + others.ru_stime, alone


def one_size(folder: Path, pages: int, engine: str, workers: int, vectors: bool, teach: bool) -> dict[str, Any]:
    """Run the stages over `pages` pages below `folder` and measure them."""
    from understudy.pipeline.loop import Pipeline
    from understudy.recipe import parse

    docs = folder / "docs"
    write_pages(docs, pages)
    recipe = parse(
        json.dumps(
            {
                "name": "scale",
                "base_model": "lab:reader",
                "docs": {"path": str(docs)},
                "chunk": {"chunk_size": 48, "chunk_overlap": 0},
                **({"generate": {}} if teach else {}),
                "index": {"retriever": "bm25"},
            }
        )
    )
    clock = processor_seconds()
    rows: dict[str, Any] = {"pages": pages, "engine": engine, "workers": workers}

    def on_stage(planned: Any, artifact: Any) -> None:
        nonlocal clock
        if artifact is not None:
            rows[planned.step.name] = measured(artifact, clock)
            print(planned.step.name, json.dumps(rows[planned.step.name]), file=sys.stderr, flush=True)
        clock = processor_seconds()

    how = {"engine": engine, "workers": workers} if (engine, workers) != ("local", 1) else {}
    done = Pipeline(recipe, folder / "store").run(on_stage=on_stage, **how)
    rows["search"] = searching(done["index"].path)
    if vectors:
        rows["vectors"] = vector_index(folder / "cells", rows["chunk"]["counts"]["chunks"])
    return rows


def searching(path: Path) -> dict[str, Any]:
    """Opening an index and asking it, in seconds and milliseconds."""
    from understudy.retrieval.open import open_index

    clock = time.perf_counter()
    index = open_index(path)
    opened = time.perf_counter() - clock
    rng = random.Random(0)
    took, busy = [], []
    for number in range(QUESTIONS):
        words = index.chunks[rng.randrange(len(index.chunks))].text.split()
        asked = rng.sample(words, min(len(words), rng.randrange(3, 10)))
        if number % 2:
            asked += ["default", "uses", "the", "port", "is", "for"]
        clock, worked = time.perf_counter(), time.process_time()
        index.search(" ".join(asked), 5)
        took.append(1000 * (time.perf_counter() - clock))
        busy.append(1000 * (time.process_time() - worked))
    took.sort()
    busy.sort()
    found = {"open_seconds": round(opened, 3), "ms_median": round(took[len(took) // 2], 1), "ms_p99": _p99(took)}
    return {**found, "processor_ms_median": round(busy[len(busy) // 2], 1), "processor_ms_p99": _p99(busy)}


def vector_index(file: Path, rows: int) -> dict[str, Any]:
    """The cells of made-up unit vectors: making them and asking them, beside comparing all vectors."""
    import numpy as np

    from understudy.retrieval import mapped
    from understudy.retrieval.cells import Cells
    from understudy.retrieval.dense import Dense
    from understudy.stage import _PeakMemory

    rng = np.random.default_rng(0)
    middles = rng.standard_normal((max(1, rows // 500), WIDTH), dtype=np.float32)

    def some(n: int) -> np.ndarray:
        made = middles[rng.integers(len(middles), size=n)] + rng.standard_normal((n, WIDTH), dtype=np.float32)
        return made / np.linalg.norm(made, axis=1, keepdims=True)

    vectors = mapped.create(file.with_suffix(".vectors"), {"vectors": (np.float32, (rows, WIDTH))})["vectors"]
    for start in range(0, rows, 50_000):
        vectors[start : start + 50_000] = some(min(50_000, rows - start))
    clock, began = processor_seconds()[0], time.perf_counter()
    with _PeakMemory() as memory:
        cells = Cells.make(vectors, file)
    built, wall = processor_seconds()[0] - clock, time.perf_counter() - began
    questions = some(200)

    def asked(index: Dense) -> tuple[list[set[int]], dict[str, float]]:
        took, busy, found = [], [], []
        for vector in questions:
            at, worked = time.perf_counter(), time.process_time()
            found.append({row for row, _ in index.nearest(vector, 10)})
            took.append(1000 * (time.perf_counter() - at))
            busy.append(1000 * (time.process_time() - worked))
        took.sort()
        busy.sort()
        middle = len(took) // 2
        return found, {
            "ms_median": round(took[middle], 1),
            "ms_p99": _p99(took),
            "processor_ms_median": round(busy[middle], 1),
            "processor_ms_p99": _p99(busy),
        }

    wider = Cells(cells.centres, cells.starts, cells.rows, cells.vectors, 64)
    near, searches = asked(Dense(vectors, cells, lambda: None))  # type: ignore[arg-type,return-value]
    _, of_64 = asked(Dense(vectors, wider, lambda: None))  # type: ignore[arg-type,return-value]
    exact, whole = asked(Dense(vectors, None, lambda: None))  # type: ignore[arg-type,return-value]
    return {
        "rows": rows,
        "processor_seconds": round(built, 1),
        "wall_seconds": round(wall, 1),
        "memory_mb": round((memory.peak_bytes - memory.start_bytes) / 1e6),
        "vectors_mb": round(vectors.nbytes / 1e6),
        "disk_mb": round(file.stat().st_size / 1e6),
        "cells": len(cells.centres),
        "read": cells.probes,
        "recall_at_10": sum(len(a & b) for a, b in zip(near, exact, strict=True)) / (10 * len(exact)),
        **searches,
        "64_cells": of_64,
        "all": whole,
    }


def _p99(sorted_ms: list[float]) -> float:
    return round(sorted_ms[min(len(sorted_ms) - 1, int(0.99 * len(sorted_ms)))], 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", default="100,1000,10000")
    parser.add_argument("--engine", default="local", choices=["local", "ray"])
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--vectors", action="store_true")
    parser.add_argument("--teach", action="store_true", help="the offline teacher as well")
    parser.add_argument("--index", action="store_true", help="the index alone")
    parser.add_argument("--folder", type=Path, help="where pages and store are written; default a temporary one")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.alone and given.index:
        print(json.dumps(index_alone(given.folder, int(given.pages), given.vectors)))
        return
    if given.alone:
        print(
            json.dumps(
                one_size(given.folder, int(given.pages), given.engine, given.workers, given.vectors, given.teach)
            )
        )
        return
    for pages in given.pages.split(","):
        if given.folder is not None:
            given.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=given.folder) as folder:
            command = [sys.executable, __file__, "--alone", "--pages", pages, "--folder", folder]
            command += ["--engine", given.engine, "--workers", str(given.workers)] + ["--vectors"] * given.vectors
            command += ["--teach"] * given.teach + ["--index"] * given.index
            print(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout, end="", flush=True)


if __name__ == "__main__":
    main()
