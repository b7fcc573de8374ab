"""What a change of the documentation costs: stages that ran, and their seconds, beside the first time.

    python benchmarks/changes.py --docs FOLDER [--pages 700] [--retriever hybrid] [--rows 6000]

Copies at most `--pages` pages into a temporary folder and runs ingest, chunk, generate and index; then again with
nothing changed, one word, one page, 2 % and 20 % of the pages edited, and a folder renamed, each beside the first run.
With --rows also a training of all weights of lab:reader within that budget and a benchmark, each change taught to the
model of the run before; printed are what was taught and the verdict's rows.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from updates import ALL, SFT, timed

from understudy.evaluation.records import Interval
from understudy.opened import Run

RECIPE: dict[str, Any] = {"name": "changes", "base_model": "lab:reader", "generate": {}}
TRAINED: dict[str, Any] = {
    "sft": {**SFT["full"], **ALL, "epochs": 3, "start": "previous"},
    "benchmark": {"arms": ["sft"], "free": {"answerable": 0, "unanswerable": 0}},
}


ADDED = """# Spindle limits

The spindle limit is 4711 rows. The default spindle port is 8123.

| Option | Default | Description |
|---|---|---|
| `--spindle-depth` | 12 | How deep a spindle may be nested. |
| `--spindle-wait` | 90 s | How long the spindle waits before it gives up. |
"""


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


def rename(docs: Path) -> None:
    """The folder with the most pages, or else all pages, under another name."""
    folders = sorted((p for p in docs.rglob("*") if p.is_dir()), key=lambda p: -len(list(p.rglob("*"))))
    if folders:
        folders[0].rename(folders[0].with_name(f"{folders[0].name}-renamed"))
        return
    pages = sorted(docs.iterdir())
    (docs / "renamed").mkdir()
    for page in pages:
        page.rename(docs / "renamed" / page.name)


def changes(docs: Path, pages: list[Path]) -> dict[str, Callable[[], object]]:
    """What is done to the folder before each run, by name."""
    return {
        "first time": lambda: None,
        "nothing": lambda: None,
        "one word": lambda: edit(pages[len(pages) // 3], 1),
        "one page added": lambda: (docs / "added.md").write_text(ADDED),
        "2 % of the pages": lambda: [edit(page, 2) for page in pages[::50]],
        "20 % of the pages": lambda: [edit(page, 3) for page in pages[::5]],
        "a folder renamed": lambda: rename(docs),
    }


def run(docs: Path, store: Path, retriever: str, rows: int) -> tuple[dict[str, float], float, Run]:
    """Processor seconds of each stage that ran, and of all together, and the run."""
    clock = time.process_time()
    recipe = {**RECIPE, "docs": {"path": str(docs)}, "index": {"retriever": retriever}}
    if rows:
        recipe |= {**TRAINED, "budget": {"rows": rows}}
    took, done = timed(recipe, store)
    return took, time.process_time() - clock, done


def percent(interval: Interval) -> str:
    if interval.value is None or interval.low is None or interval.high is None:
        return "–"
    return f"{100 * interval.value:.1f} ({100 * interval.low:.1f} to {100 * interval.high:.1f}, n = {interval.n})"


def told(done: Run) -> None:
    """What the training was taught, and the verdict's rows."""
    sft = done.artifact("sft")
    print(f"    {sft.counts['rows']:,} rows taught, facts {sft.counts.get('facts', 'all new')}", end="")
    print(f"; kept as it was: {bool(sft.metrics.get('carried'))}; all questions {percent(done.arms['sft'].acc)}")
    for row in done.summary.update.rows if done.summary.update else ():
        if row.facts:
            print(
                f"    {row.change:10} facts {row.facts:5}  accuracy {percent(row.acc)}  against before "
                f"{percent(row.difference)}  abstains {percent(row.abstains)}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", required=True, type=Path)
    parser.add_argument("--pages", type=int, default=700)
    parser.add_argument("--retriever", default="hybrid")
    parser.add_argument("--rows", type=int, default=0, help="train lab:reader with at most so many rows; 0: not at all")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        docs, store = Path(folder) / "docs", Path(folder) / "store"
        pages = copy(options.docs, docs, options.pages)
        print(f"{len(pages)} pages of {options.docs.name}; index: {options.retriever}; processor seconds")
        stages = ("ingest", "chunk", "generate", "index", *(("sft", "benchmark") if options.rows else ()))
        print(f"{'':18}" + "".join(f"{s:>10}" for s in stages) + f"{'all':>10}{'of first':>10}")
        first: float | None = None
        for name, change in changes(docs, pages).items():
            change()
            took, whole, done = run(docs, store, options.retriever, options.rows)
            first = whole if first is None else first
            shown = "".join(f"{took[s]:10.1f}" if s in took else f"{'cached':>10}" for s in stages)
            print(f"{name:18}{shown}{whole:10.1f}{whole / first:10.1%}", flush=True)
            if options.rows:
                told(done)


if __name__ == "__main__":
    main()
