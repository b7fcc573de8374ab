"""Merging side by side with mergekit: speed, memory and agreement, on models made on the spot.

    python benchmarks/merge.py                 # SLERP, TIES and DARE-TIES of 1.1 B bfloat16 models, and a copy
    python benchmarks/merge.py --parity        # every common method on small random models
    python benchmarks/merge.py --large         # SLERP of two 14.5 GB models within 2 GB of memory

mergekit lives in an environment of its own; UNDERSTUDY_MERGEKIT_PYTHON names its interpreter:

    python3 -m venv mergekit-venv && mergekit-venv/bin/pip install mergekit==0.1.5 torch==2.13.0
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from merge_parity import print_parity
from merge_speed import ENV, SIZES, large, speed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="do not measure mergekit's memory, which takes a run")
    parser.add_argument("--parity", action="store_true", help="agreement with mergekit instead")
    parser.add_argument("--large", action="store_true", help="the 7 B merge instead")
    parser.add_argument("--only", choices=("slerp", "ties", "dare_ties"))
    parser.add_argument("--size", choices=tuple(SIZES), default="1b", help="parameters of each model")
    parser.add_argument("--dir", type=Path, help="where to put the models (a temporary folder otherwise)")
    arguments = parser.parse_args()
    if not os.environ.get(ENV):
        print(f"{ENV} is not set: mergekit is left out")
    with tempfile.TemporaryDirectory(dir=arguments.dir) as place:
        if arguments.parity:
            print_parity(Path(place))
            return
        if arguments.large:
            large(Path(place))
            return
        speed(Path(place), arguments.size, arguments.rounds, arguments.only, arguments.quick)


if __name__ == "__main__":
    main()
