"""What a change of the documentation costs: stages that ran, and their seconds, beside the first time.

    python benchmarks/changes.py --docs FOLDER [--pages 700] [--retriever hybrid]

Copies at most `--pages` pages into a temporary folder and runs ingest, chunk, generate and index; then again with
nothing changed, with one word, with one page, and with 2 % and 20 % of the pages edited, each beside the first run.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import understudy
from understudy.artifact import Artifact
from understudy.pipeline import Planned

RECIPE = {
    "name": "changes",
    "base_model": "lab:reader",
    "generate": {},
}


def copy(source: Path, target: Path, most: int) -> list[Path]:
    """At most `most` pages, evenly spaced, with their folders; the pages in order."""
    pages = sorted(p for p in source.rglob("*") if p.suffix in (".html", ".htm", ".md", ".rst", ".txt") and p.is_file())
    chosen = pages if len(pages) <= most else [pages[i * len(pages) // most] for i in range(most)]
    copied = []
    for page in chosen:
        place = target / page.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(page, place)
        copied.append(place)
    return copied


def edit(page: Path, number: int) -> None:
    """Another word in the middle of a page."""
    data = page.read_bytes()
    middle = data.find(b" the ", len(data) // 2)
    middle = middle if middle >= 0 else len(data)
    page.write_bytes(data[:middle] + f" the edited{number} ".encode() + data[middle + 5 :])


def changes(docs: Path, pages: list[Path]) -> dict[str, Callable[[], object]]:
    """What is done to the folder before each run, by name."""
    return {
        "first time": lambda: None,
        "nothing": lambda: None,
        "one word": lambda: edit(pages[len(pages) // 3], 1),
        "one page added": lambda: (docs / "added.md").write_text("# Added\n\nThe new limit is 12 files.\n"),
        "2 % of the pages": lambda: [edit(page, 2) for page in pages[::50]],
        "20 % of the pages": lambda: [edit(page, 3) for page in pages[::5]],
    }


def run(docs: Path, store: Path, retriever: str) -> tuple[dict[str, float], float]:
    """Seconds of each stage that ran, and of all together."""
    took: dict[str, float] = {}
    began: dict[str, float] = {}

    def watch(line: Planned, artifact: Artifact | None) -> None:
        if artifact is None:
            began[line.step.name] = time.perf_counter()
        elif line.step.name in began:
            took[line.step.name] = time.perf_counter() - began[line.step.name]

    clock = time.perf_counter()
    recipe = {**RECIPE, "docs": {"path": str(docs)}, "index": {"retriever": retriever}}
    understudy.run(recipe, store=store, on_stage=watch)
    return took, time.perf_counter() - clock


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", required=True, type=Path)
    parser.add_argument("--pages", type=int, default=700)
    parser.add_argument("--retriever", default="hybrid")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        docs, store = Path(folder) / "docs", Path(folder) / "store"
        pages = copy(options.docs, docs, options.pages)
        print(f"{len(pages)} pages of {options.docs}; index: {options.retriever}")
        stages = ("ingest", "chunk", "generate", "index")
        print(f"{'':18}" + "".join(f"{s:>10}" for s in stages) + f"{'all, s':>10}{'of first':>10}")
        first: float | None = None
        for name, change in changes(docs, pages).items():
            change()
            took, whole = run(docs, store, options.retriever)
            first = whole if first is None else first
            shown = "".join(f"{took[s]:10.1f}" if s in took else f"{'cached':>10}" for s in stages)
            print(f"{name:18}{shown}{whole:10.1f}{whole / first:10.1%}", flush=True)


if __name__ == "__main__":
    main()
