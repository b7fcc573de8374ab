"""Estimates by what stages took on this machine."""

from __future__ import annotations

from pathlib import Path

from understudy.artifact import Artifact
from understudy.chunk.config import ChunkConfig
from understudy.ingest.config import IngestConfig
from understudy.pipeline.timings import Timings
from understudy.stage import Estimate

CHUNK = ChunkConfig()


def took(seconds: float, memory: float) -> Artifact:
    return Artifact(Path("nowhere"), {"wall_seconds": seconds, "peak_memory_bytes": memory})


def test_an_estimate_is_multiplied_by_the_median_of_what_stages_took(tmp_path: Path) -> None:
    timings = Timings(tmp_path)
    said = Estimate({"chunks": 10}, seconds=10, memory_bytes=1000)
    assert timings.scaled(CHUNK, said) == said
    for seconds in (20, 30, 500):
        timings.note(CHUNK, said, took(seconds, 500))
    found = Timings(tmp_path).scaled(CHUNK, Estimate({"chunks": 20}, seconds=20, memory_bytes=4000))
    assert (found.seconds, found.memory_bytes, found.counts) == (60, 2000, {"chunks": 20})
    assert timings.scaled(IngestConfig(path="."), said) == said


def test_what_is_not_known_stays_so_and_what_took_no_time_says_nothing(tmp_path: Path) -> None:
    timings = Timings(tmp_path)
    timings.note(CHUNK, Estimate(), took(20, 500))
    timings.note(CHUNK, Estimate(seconds=10), took(0.01, 500))
    assert timings.scaled(CHUNK, Estimate(seconds=10)) == Estimate(seconds=10)
    timings.note(CHUNK, Estimate(seconds=10), took(5, 500))
    assert timings.scaled(CHUNK, Estimate()).seconds is None
    assert timings.scaled(CHUNK, Estimate(seconds=10)).seconds == 5


def test_only_the_last_runs_count(tmp_path: Path) -> None:
    timings = Timings(tmp_path)
    for number in range(40):
        timings.note(CHUNK, Estimate(seconds=1), took(number + 1, 1))
    assert (timings.scaled(CHUNK, Estimate(seconds=1)).seconds or 0) > 25


def test_what_an_earlier_release_estimated_otherwise_says_nothing(tmp_path: Path) -> None:
    timings = Timings(tmp_path)
    said = Estimate(seconds=10, memory_bytes=1e9)
    timings.note(CHUNK, Estimate(seconds=10, memory_bytes=1e6), took(20, 6e8))
    assert timings.scaled(CHUNK, said) == Estimate(seconds=20, memory_bytes=1e9)
    timings.note(CHUNK, said, took(20, 6e8))
    assert timings.scaled(CHUNK, said) == Estimate(seconds=20, memory_bytes=6e8)
