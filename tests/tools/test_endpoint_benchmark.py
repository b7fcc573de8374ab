"""benchmarks/endpoint.py on a few chunks: everything is accounted for, and no kept answer is asked for again."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "endpoint.py"


def test_it_measures_a_run_a_kill_and_a_cap() -> None:
    few = ["--chunks", "30", "--concurrency", "8", "--latency", "0.02", "--kills", "1"]
    done = subprocess.run([sys.executable, str(SCRIPT), *few], capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    accounted = re.search(r"accounted for: \{(.*)\}, (\d+) facts", done.stdout)
    assert accounted
    assert sum(map(int, re.findall(r"\d+", accounted[1]))) == 30
    assert "kept and sent again: 0;" in done.stdout
    billed = re.search(r"cap ([\d.]+) USD, 1 kills: billed ([\d.]+) USD", done.stdout)
    assert billed
    assert float(billed[2]) <= float(billed[1])
