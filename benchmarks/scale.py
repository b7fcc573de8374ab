"""What a page costs from a hundred pages to a hundred thousand: seconds and memory of each stage, and of a search.

    python benchmarks/scale.py --pages 100,1000,10000
    python benchmarks/scale.py --pages 100000 --workers 4 --vectors

Made-up manuals of about 2.5 kB a page (understudy.lab), cut into passages of at most 48 tokens, about twenty a page,
go through ingest, chunk and index (BM25), each size in a process and a store of its own. Processor seconds are those of
the process and of its workers, `own` those of the process alone, which more workers do not share (those of a Ray
cluster are not counted); memory is the most that a stage held above what the process held when it began, mapped files
included. A search is opened anew; its questions are words of random passages, half of them with words that most of
the passages hold. --teach adds the offline teacher. --vectors adds random vectors of 384 numbers in place of
embeddings: the vector index alone is measured.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PAGES_A_MANUAL = 50
QUESTIONS = 400
WIDTH = 384


def write_pages(folder: Path, pages: int) -> None:
    """Manuals side by side, each of another seed."""
    from understudy.lab.worlds import make_world, write_world

    for seed in range(-(-pages // PAGES_A_MANUAL)):
        n = min(PAGES_A_MANUAL, pages - seed * PAGES_A_MANUAL)
        write_world(make_world(seed, pages=max(1, n - 1), facts_per_page=42), folder / f"{seed // 100}/manual-{seed}")


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
        now = processor_seconds()
        if artifact is not None:
            manifest = artifact.manifest
            rows[planned.step.name] = {
                "processor_seconds": round(now[0] - clock[0], 2),
                "own_processor_seconds": round(now[1] - clock[1], 2),
                "wall_seconds": manifest["wall_seconds"],
                "memory_mb": round((manifest["peak_memory_bytes"] - manifest["start_memory_bytes"]) / 1e6),
                "peak_mb": round(manifest["peak_memory_bytes"] / 1e6),
                "disk_mb": round(sum(f["bytes"] for f in manifest["files"]) / 1e6),
                "counts": {k: v for k, v in artifact.counts.items() if isinstance(v, int)},
            }
            print(planned.step.name, json.dumps(rows[planned.step.name]), file=sys.stderr, flush=True)
        clock = now

    how = {"engine": engine, "workers": workers} if (engine, workers) != ("local", 1) else {}
    done = Pipeline(recipe, folder / "store").run(on_stage=on_stage, **how)
    rows["search"] = searching(done["index"].path)
    if vectors:
        rows["vectors"] = vector_index(folder / "lance", rows["chunk"]["counts"]["chunks"])
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


def vector_index(folder: Path, rows: int) -> dict[str, Any]:
    """The table of vectors over random unit vectors: building it and asking it."""
    import numpy as np

    from understudy.retrieval.dense import open_table, write_table

    rng = np.random.default_rng(0)
    vectors = np.empty((rows, WIDTH), dtype=np.float32)
    for start in range(0, rows, 50_000):
        part = rng.standard_normal((min(50_000, rows - start), WIDTH), dtype=np.float32)
        vectors[start : start + len(part)] = part / np.linalg.norm(part, axis=1, keepdims=True)
    clock = processor_seconds()[0]
    write_table(folder, vectors, 100_000)
    built = processor_seconds()[0] - clock
    table = open_table(folder, vectors, 100_000)
    took = []
    for vector in rng.standard_normal((100, WIDTH), dtype=np.float32):
        at = time.perf_counter()
        table.search(vector).distance_type("dot").nprobes(32).limit(10).to_arrow()
        took.append(1000 * (time.perf_counter() - at))
    took.sort()
    return {"processor_seconds": round(built, 1), "ms_median": round(took[50], 1), "ms_p99": _p99(took)}


def _p99(sorted_ms: list[float]) -> float:
    return round(sorted_ms[min(len(sorted_ms) - 1, int(0.99 * len(sorted_ms)))], 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", default="100,1000,10000")
    parser.add_argument("--engine", default="local", choices=["local", "ray"])
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--vectors", action="store_true")
    parser.add_argument("--teach", action="store_true", help="the offline teacher as well")
    parser.add_argument("--folder", type=Path, help="where pages and store are written; default a temporary one")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
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
            command += ["--teach"] * given.teach
            print(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout, end="", flush=True)


if __name__ == "__main__":
    main()
