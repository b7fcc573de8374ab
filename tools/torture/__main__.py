"""The command line of the torture: one part, or all."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from tools.torture import inputs, runs

BAD = (
    "hangs", "unclear", "lost or changed", "not resumed", "not finished", "not healed", "paid twice", "litter",
    "other exit codes",
)  # fmt: skip
WORK = Path("build/torture")


def main() -> int:
    reader = argparse.ArgumentParser(prog="python -m tools.torture", description=__doc__)
    reader.add_argument("part", choices=("inputs", "kills", "whole", "pairs", "disk", "endpoint", "all"))
    reader.add_argument("--seed", type=int, default=1)
    reader.add_argument("--count", type=int, default=None)
    reader.add_argument("--seconds", type=float, default=1800.0, help="for inputs: no longer than this")
    asked = reader.parse_args()
    usual = {"inputs": 1_000_000, "kills": 70, "whole": 30, "pairs": 20, "disk": 400, "endpoint": len(runs.MODES)}
    failed = False
    for part in usual if asked.part == "all" else (asked.part,):
        count = asked.count or usual[part]
        folder = (WORK / part).absolute()
        if part == "inputs":
            found = inputs.run(asked.seed, count, asked.seconds)
            counts = Counter(
                {"inputs": found.inputs.total(), "hangs": found.hangs.total(), "unclear": found.unclear.total()}
            )
            for name in sorted(found.inputs):
                print(f"  {name}: {found.inputs[name]:,} inputs, {found.hangs[name]} hangs")
            for kind, number in found.unclear.most_common():
                print(f"  unclear: {number} × {kind}: {found.samples[kind]}")
        elif part in ("kills", "whole"):
            counts = runs.kills(asked.seed, count, folder, whole=part == "whole")
        else:
            counts = {"pairs": runs.pairs, "disk": runs.disk, "endpoint": runs.endpoint}[part](
                asked.seed, count, folder
            )
        bad = {name: counts[name] for name in BAD if counts[name]}
        told = ", ".join(f"{name} {number:,}" for name, number in counts.items() if number)
        print(f"{part} (seed {asked.seed}): {told}: {'FAILED' if bad else 'nothing lost, hung or unclear'}", flush=True)
        failed = failed or bool(bad)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
