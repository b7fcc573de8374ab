"""Whatever a file holds: a document or a reason, in bounded time and memory, and nothing else."""

from __future__ import annotations

import importlib.util
import json
import resource
import sys
import time
from dataclasses import asdict
from pathlib import Path

import pytest

from understudy import outline
from understudy.ingest.base import SkipFile
from understudy.ingest.convert import convert
from understudy.ingest.formats import format_of
from understudy.ingest.walk import Found

_spec = importlib.util.spec_from_file_location("mutated", Path(__file__).with_name("mutated.py"))
assert _spec is not None
assert _spec.loader is not None
mutated = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(mutated)

SECONDS = 10.0  # of processor, for one file
BYTES = 2_000_000_000


def hold(folder: Path, seed: int, count: int, largest: int) -> tuple[int, int, float]:
    """Read `count` mutated files. Returns how many became documents, how many were refused, and the slowest one's
    seconds of processor."""
    read = refused = 0
    slowest = 0.0
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # what other tests of this process took
    for number, (name, data) in enumerate(mutated.mutated(seed, count, largest)):
        path = folder / name
        path.write_bytes(data)
        began = time.process_time()
        try:
            document, _ = convert(Found(path, name, format_of(name) or "text", folder), "cp1252", 20_000_000)
        except SkipFile:
            refused += 1
        except BaseException:
            (folder / f"failed-{seed}-{number}-{name}").write_bytes(data)
            print(f"seed {seed}, number {number}, {name}: kept in {folder}", file=sys.stderr)
            raise
        else:
            read += 1
            outline.parse(document.text)
            json.dumps(asdict(document), allow_nan=False, ensure_ascii=False).encode()
            offsets = [offset for offset, _ in document.places]
            assert offsets == sorted(offsets), (seed, number, name)
            assert not offsets or 0 <= offsets[0] <= offsets[-1] <= len(document.text), (seed, number, name)
            assert not {"\x10", "\x11"} & set(document.text) or document.format in ("markdown", "mdx", "text")
        took = time.process_time() - began
        slowest = max(slowest, took)
        assert took < SECONDS, (seed, number, name, took)
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - held) * 1024 < BYTES
    return read, refused, slowest


@pytest.mark.timeout(1200)
def test_a_thousand_mutated_files(tmp_path):
    read, refused, _ = hold(tmp_path, seed=1, count=1_000, largest=6_000)
    assert read > 400
    assert refused > 50


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("seed", range(2, 12))
def test_a_hundred_thousand_mutated_files(tmp_path, seed):
    hold(tmp_path, seed, count=10_000, largest=400_000)
