"""Signs of life in a log file: whatever a stage is busy with, and with the time left where it can be known."""

from __future__ import annotations

import time

import pytest

from understudy.cli import watch
from understudy.cli.watch import Watch


def test_a_stage_that_says_nothing_is_still_heard_of(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(watch, "EVERY", 0.05)
    with Watch() as shown:
        monkeypatch.setattr(shown, "say", said.append)
        shown.stage("index")
        time.sleep(0.3)
    assert len(said) >= 2
    assert all(line.startswith("  index (") for line in said)
    count = len(said)
    time.sleep(0.15)
    assert len(said) <= count + 1  # and not of one that is over


def test_the_time_left_is_counted_from_where_this_work_began(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr(watch.time, "monotonic", lambda: clock[0])
    shown = Watch()
    progress = shown.stage("benchmark")
    clock[0] += 100
    progress("base", 32, 320)  # resumed: what was there before says nothing of the speed
    clock[0] += 60
    progress("base", 64, 320)
    assert shown._where() == "benchmark: base 64 of 320 (2 min 40 s, about 8 min 00 s left)"
    progress("base+rag", 0, 320)
    assert shown._where() == "benchmark: base+rag 0 of 320 (2 min 40 s)"
    clock[0] += 30
    progress("loss 1.2, 4 min left", 160, 320)
    assert shown._where() == "benchmark: loss 1.2, 4 min left 160 of 320 (3 min 10 s)"
