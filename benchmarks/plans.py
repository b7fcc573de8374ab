"""How far plans are off: what each stage was planned to take and make beside what it did, as factors of error.

    python benchmarks/plans.py [--pages 6 12 24] [--until index]
    python benchmarks/plans.py --recipe recipes/quickstart.yaml recipes/real-quick.yaml [--set docs.path=FOLDER]
    python benchmarks/plans.py --recipe recipes/real.yaml --store .understudy

Runs a recipe over made-up manuals of growing size in one store: the first plan rests on rough speeds, the others on
what the stages took before. With `--recipe`, each file is planned in an empty store, so that its plan rests on rough
speeds, and run in a store of its own or in `--store`, where what was made before is compared as it was made.

A factor of 1 is exact; 2 is twice too much or half too little. `clock` compares the time with the clock's, which other
work on the processors makes longer, `processor` with the processor's seconds (give OMP_NUM_THREADS=1, so that both
speak of one processor). Of what is planned to end within a second, and does, the plan says no more, and it is right.
`–`: the stage says nothing of it, or nothing is known of it.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import understudy
from understudy.artifact import Artifact
from understudy.lab.worlds import make_world, write_world
from understudy.pipeline import Planned

COUNTS = ("documents", "characters", "chunks", "pairs", "taught", "items", "rows", "answers")


def factor(said: float | None, took: float | None, least: float = 0.0) -> str:
    """least: below it plans say no more than that it is below."""
    if said and took and max(said, took) < least:
        return "1"
    return "–" if not said or not took else f"{max(said / took, took / said):.2f}"


def made(artifact: Artifact) -> dict[str, Any]:
    """The counts of an artifact in the words of estimates."""
    counts = artifact.counts
    found = {**counts, "taught": counts.get("splits", {}).get("train")}
    if "formats" in counts:
        found["rows"] = counts["rows"] - counts["formats"].get("replay", 0)
    return found


def measured(
    recipe: Any, planned_in: Path, store: Path, until: str | None, title: str, settings: Sequence[str] = ()
) -> None:
    planned = {line.step.name: line for line in understudy.plan(recipe, set=settings, store=planned_in).lines}
    found: dict[str, Artifact] = {}

    def watch(line: Planned, artifact: Artifact | None) -> None:
        if artifact is not None:
            found[line.step.name] = artifact

    understudy.run(recipe, set=settings, store=store, until=until, on_stage=watch)
    for stage, artifact in found.items():
        if planned[stage].artifact is None:
            row(title, planned[stage], artifact.manifest, made(artifact))


def row(title: str, planned: Planned, manifest: Mapping[str, Any], counts: Mapping[str, Any]) -> None:
    estimate, worked = planned.estimate, manifest.get("processor_seconds")
    clock, peak = manifest["wall_seconds"], manifest["peak_memory_bytes"]
    numbers = [(name, estimate.counts.get(name), counts.get(name)) for name in COUNTS]
    told = ", ".join(f"{name} {a:,.0f} for {b:,.0f}" for name, a, b in numbers if a is not None and b is not None)
    print(
        f"{title:12} {planned.step.name:10} clock {clock:7.1f} s × {factor(estimate.seconds, clock, 1.0):>5}  "
        f"processor {worked or 0:7.1f} s × {factor(estimate.seconds, worked, 1.0):>5}  "
        f"memory {peak / 1e6:6,.0f} MB × {factor(estimate.memory_bytes, peak):>5}  planned {told or '–'}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, nargs="*", default=[6, 12, 24])
    parser.add_argument("--until", help="the last stage; default index of made-up manuals, the last of recipes")
    parser.add_argument("--recipe", type=Path, nargs="*", default=[])
    parser.add_argument("--set", nargs="*", default=[], dest="settings", help="settings of the recipes: key=value")
    parser.add_argument("--store", type=Path, help="where recipes run, and what was made is found")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for number, pages in enumerate([] if options.recipe else options.pages):
            docs, store = Path(folder) / f"docs{number}", Path(folder) / "store"
            write_world(make_world(number, pages=pages), docs)
            recipe = {
                "name": f"plans{number}",
                "base_model": "lab:reader",
                "docs": {"path": str(docs)},
                "generate": {},
                "index": {"retriever": "bm25"},
            }
            measured(recipe, store, store, options.until or "index", f"{pages} pages")
    for file in options.recipe:
        with tempfile.TemporaryDirectory() as folder:
            store = options.store or Path(folder) / "store"
            measured(file, Path(folder) / "empty", store, options.until, file.stem, options.settings)


if __name__ == "__main__":
    main()
