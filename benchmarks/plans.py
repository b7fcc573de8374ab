"""How far plans are off: what each stage was planned to take beside what it took, as factors of error.

    python benchmarks/plans.py [--pages 6 12 24] [--until index] [--recipe FILE ...]

Runs a recipe over made-up manuals of growing size in one store: the first plan rests on rough speeds, the others on
what the stages took before. With `--recipe`, each file is run in a store of its own, so that its plan rests on rough
speeds. A factor of 1 is exact; 2 is twice too much or half too little. Of what is planned to end within a second, and
does, the plan says no more, and it is right. `–`: the stage says nothing of it.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import understudy
from understudy.artifact import Artifact
from understudy.lab.worlds import make_world, write_world
from understudy.pipeline import Planned


def factor(said: float | None, took: float, least: float = 0.0) -> str:
    """least: below it plans say no more than that it is below."""
    if said and max(said, took) < least:
        return "1"
    return "–" if not said or not took else f"{max(said / took, took / said):.2f}"


def measured(recipe: object, store: Path, until: str | None, title: str) -> None:
    planned = {line.step.name: line for line in understudy.plan(recipe, store=store).lines}  # type: ignore[arg-type]
    took: dict[str, Artifact] = {}

    def watch(line: Planned, artifact: Artifact | None) -> None:
        if artifact is not None and line.artifact is None:
            took[line.step.name] = artifact

    understudy.run(recipe, store=store, until=until, on_stage=watch)  # type: ignore[arg-type]
    for stage, artifact in took.items():
        estimate, manifest = planned[stage].estimate, artifact.manifest
        print(
            f"{title:22} {stage:10} {manifest['wall_seconds']:9.1f} s  time × "
            f"{factor(estimate.seconds, manifest['wall_seconds'], 1.0):>6}  memory × "
            f"{factor(estimate.memory_bytes, manifest['peak_memory_bytes']):>6}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, nargs="*", default=[6, 12, 24])
    parser.add_argument("--until", default="index")
    parser.add_argument("--recipe", type=Path, nargs="*", default=[])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for number, pages in enumerate(options.pages):
            docs = Path(folder) / f"docs{number}"
            write_world(make_world(number, pages=pages), docs)
            recipe = {
                "name": f"plans{number}",
                "base_model": "lab:reader",
                "docs": {"path": str(docs)},
                "generate": {},
                "index": {"retriever": "bm25"},
            }
            measured(recipe, Path(folder) / "store", options.until, f"{pages} pages")
    for recipe_file in options.recipe:
        with tempfile.TemporaryDirectory() as folder:
            measured(recipe_file, Path(folder), None, recipe_file.stem)


if __name__ == "__main__":
    main()
