"""The command line of the torture: one part, or all."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections import Counter
from pathlib import Path

from tools.torture import inputs, runs

BAD = (
    "hangs", "unclear", "lost or changed", "not resumed", "not finished", "not healed", "paid twice", "litter",
    "other exit codes",
)  # fmt: skip
WORK = Path("build/torture")


def table(found: inputs.Counts) -> Counter[str]:
    """Print what came of each reader; returns the sums."""
    print(f"  {'reader':24} {'inputs':>9} {'read':>9} {'hangs':>6} {'slowest':>8}")
    for name in sorted(found.inputs):
        slowest = f"{found.slowest.get(name, 0.0):.2f} s"
        print(f"  {name:24} {found.inputs[name]:9,} {found.read[name]:9,} {found.hangs[name]:6} {slowest:>8}")
    for title, kinds in (("unclear", found.unclear), ("given up", found.given_up)):
        for kind, number in kinds.most_common():
            print(f"  {title}: {number} × {kind}: {found.samples[kind]}")
    for name in found.hangs:
        print(f"  hang: {name}: {found.samples[f'hang: {name}']}")
    print(f"  inputs {found.first} to {found.next - 1}; {found.cpu:.0f} s of the processor, {found.peak_mb} MB at most")
    return Counter(
        {
            "inputs": found.inputs.total(), "read": found.read.total(), "given up": found.given_up.total(),
            "hangs": found.hangs.total(), "unclear": found.unclear.total(),
        }
    )  # fmt: skip


def main() -> int:
    reader = argparse.ArgumentParser(prog="python -m tools.torture", description=__doc__)
    reader.add_argument("part", choices=("inputs", "kills", "whole", "pairs", "disk", "endpoint", "all"))
    reader.add_argument("--seed", type=int, default=1)
    reader.add_argument("--count", type=int, default=None)
    reader.add_argument("--seconds", type=float, default=86_400.0, help="for inputs: no longer than this")
    reader.add_argument("--first", type=int, default=0, help="for inputs: the number of the first one")
    reader.add_argument("--largest", type=int, default=None, help="for inputs: bytes of each at most")
    reader.add_argument("--only", default=None, help="for inputs: one reader, by its name in the table")
    asked = reader.parse_args()
    usual = {"inputs": 1_000_000, "kills": 70, "whole": 100, "pairs": 20, "disk": 10_000, "endpoint": len(runs.MODES)}
    if asked.part == "all":  # each part in a process of its own: some bound their memory, some load a shim
        words = [sys.executable, "-m", "tools.torture"]
        ended = [subprocess.run([*words, part, "--seed", str(asked.seed)]).returncode for part in usual]
        return int(any(ended))
    part, count = asked.part, asked.count or usual[asked.part]
    folder = (WORK / part).absolute()
    if part == "disk":
        runs.with_shim(folder)
    if part == "inputs":
        found = inputs.run(
            asked.seed, count, asked.seconds,
            first=asked.first, largest=asked.largest, told=folder.with_suffix(".json"), only=asked.only,
        )  # fmt: skip
        counts = table(found)
    elif part in ("kills", "whole"):
        counts = runs.kills(asked.seed, count, folder, whole=part == "whole")
    else:
        counts = {"pairs": runs.pairs, "disk": runs.disk, "endpoint": runs.endpoint}[part](asked.seed, count, folder)
    bad = {name: counts[name] for name in BAD if counts[name]}
    told = ", ".join(f"{name} {number:,}" for name, number in counts.items() if number)
    print(f"{part} (seed {asked.seed}): {told}: {'FAILED' if bad else 'nothing lost, hung or unclear'}", flush=True)
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
