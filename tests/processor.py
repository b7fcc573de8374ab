"""Processor time of a call, for tests of how it grows with the size of what is read."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

LINEAR = 12
"""Times as long as the call may take on four times the size: sixteen would be the square, and a busy machine errs."""


def seconds_of(call: Callable[[], object]) -> float:
    """The least of two, without the collector of garbage, which reads all that other tests have left in memory."""
    times = []
    gc.collect()
    gc.disable()
    try:
        for _ in range(2):
            began = time.process_time()
            call()
            times.append(time.process_time() - began)
    finally:
        gc.enable()
    return min(times)
