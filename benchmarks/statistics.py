"""Do the benchmark's statistics keep their promises? 2,000 simulated benchmarks a design, with known truth.

Prints, beside each other: how often 95 % intervals hold the truth, how often a verdict is given where there is no
difference, how often a true difference of the stated minimum detectable effect gets its verdict; and what
the t-test over 200 rounds of the same questions, as published in 2024, makes of the same data.

    python benchmarks/statistics.py [--benchmarks 2000] [--seed 0]
"""

from __future__ import annotations

import sys

if __name__ == "statistics":
    # A script of this folder, or a library it uses, wants the standard library's module of this name, and this
    # folder comes first on its path: hand it over.
    import importlib.util
    import sysconfig

    _spec = importlib.util.spec_from_file_location("statistics", f"{sysconfig.get_path('stdlib')}/statistics.py")
    assert _spec
    assert _spec.loader
    sys.modules["statistics"] = importlib.util.module_from_spec(_spec)
    _spec.loader.exec_module(sys.modules["statistics"])
else:
    import argparse
    import time

    from understudy.evaluation.statistics.simulate import ROUNDS, Design, validate


def designs() -> tuple[Design, ...]:
    """Few and many documents, equal and unequal ones, easy and hard questions; the last one is as published."""
    return (
        Design(clusters=10, questions=120, icc=0.0),
        Design(clusters=12, questions=200, icc=0.2),
        Design(clusters=20, questions=300, icc=0.2),
        Design(clusters=26, questions=300, icc=0.1, accuracy=0.85),
        Design(clusters=26, questions=300, icc=0.1, accuracy=0.3),
        Design(clusters=40, questions=300, icc=0.1),
        Design(clusters=60, questions=900, icc=0.1),
        Design(clusters=50, questions=50, icc=0.0, arm_icc=0.3, spread=1e6),
    )


def main() -> None:
    """Print one line a design."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--benchmarks", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(f"{options.benchmarks} simulated benchmarks a design; t-test: {ROUNDS} rounds of the same questions")
    print(
        f"{'design':<56} {'largest':>7} {'covers':>7} {'covers':>7} {'BCa':>6} {'false':>6} {'stated':>7} "
        f"{'power':>6} | {'t-test':>6} {'t-test':>6}"
    )
    print(
        f"{'':<56} {'document':>7} {'acc.':>6} {'diff.':>7} {'diff.':>6} {'pos.':>6} {'mde':>7} {'there':>6} | "
        f"{'covers':>6} {'f.pos.':>6}"
    )
    started = time.perf_counter()
    for design in designs():
        found = validate(design, benchmarks=options.benchmarks, seed=options.seed)
        print(
            f"{design!s:<56} {found.sizes[2]:>7} {found.coverage_accuracy:>7.1%} {found.coverage_difference:>7.1%} "
            f"{found.coverage_bootstrap:>6.1%} {found.false_positives:>6.1%} {found.mde:>7.3f} "
            f"{found.power_at_mde:>6.1%} | {found.published_coverage:>6.1%} {found.published_false_positives:>6.1%}",
            flush=True,
        )
    print(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
