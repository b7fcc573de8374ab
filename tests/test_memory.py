"""Memory that is freed goes back to the system."""

from __future__ import annotations

import subprocess
import sys

import pytest

from understudy.memory import _glibc

PROGRAM = """
import random, sys
from understudy.memory import give_back

def held():
    return int(next(l.split()[1] for l in open("/proc/self/status") if l.startswith("VmRSS")))

blocks = [bytearray(100_000) for _ in range(2000)]  # on glibc's heap, 200 MB
kept = blocks[::50]  # and in its midst some that stay
before = held()
del blocks
freed = held()
give_back(collect=True)
print(before, freed, held(), len(kept))
"""


@pytest.mark.skipif(_glibc() is None, reason="another C library than glibc")
def test_memory_between_blocks_that_stay_is_given_back():
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=120)
    before, freed, after, _ = map(int, ran.stdout.split())
    assert freed > before - 50_000  # glibc keeps it: without that there would be nothing to do
    assert after < before - 150_000
