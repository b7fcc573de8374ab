"""How long a person waits for `--help`, `plan` and a misspelt recipe, beside an empty Python program.

python benchmarks/startup.py [--runs 7]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def seconds(arguments: list[str], runs: int) -> float:
    """Median wall time of a command in seconds, after one run that warms the caches."""
    took = []
    for _ in range(runs + 1):
        started = time.perf_counter()
        subprocess.run(arguments, capture_output=True, cwd=ROOT, check=False)
        took.append(time.perf_counter() - started)
    return statistics.median(took[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    recipe = (ROOT / "recipes" / "quickstart.yaml").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        misspelt = Path(folder) / "misspelt.yaml"
        misspelt.write_text(recipe.replace("chunk_size", "chunk_sise"), encoding="utf-8")
        program = [sys.executable, "-m", "understudy.cli.main"]
        cases = {
            "empty program": [sys.executable, "-c", "pass"],
            "understudy --help": [*program, "--help"],
            "understudy plan": [*program, "plan", "recipes/quickstart.yaml", "--store", str(Path(folder) / "store")],
            "a misspelt recipe": [*program, "run", str(misspelt)],
        }
        for name, arguments in cases.items():
            print(f"{name:20} {seconds(arguments, runs):6.3f} s")


if __name__ == "__main__":
    main()
