"""benchmarks/gpu.py on tiny shapes: the path that a GPU will take, with figures that add up."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "gpu.py"


@pytest.fixture(scope="module")
def gpu() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gpu_benchmark", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["gpu_benchmark"] = module
    spec.loader.exec_module(module)
    return module


def test_it_trains_and_scores_a_tiny_model(gpu: ModuleType) -> None:
    said: list[str] = []
    rows = gpu.run("tiny", 2, "cpu", ("lora", "scoring"), said.append)
    assert [row.name for row in rows] == ["lora", "scoring"]
    lora, scoring = rows
    assert lora.rows == 16  # two updates of sixteen rows, the first not timed
    assert lora.memory is None
    assert lora.seconds > 0
    parameters = int(said[0].split(" ")[0].replace(",", ""))
    assert lora.flops == 4 * parameters * lora.tokens
    assert scoring.tokens == 4 * (40 + 4 * 19)
    assert any("3,800 pairs times 3 epochs would take" in line for line in said)


def test_the_7b_shape_is_a_7b() -> None:
    """Counted from the shape, since nobody builds it in a test."""
    spec = importlib.util.spec_from_file_location("gpu_shapes", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["gpu_shapes"] = module
    spec.loader.exec_module(module)
    hidden, layers, heads, key_value, inner, words = module.SHAPES["7b"]
    head = hidden // heads
    layer = hidden * (2 * hidden + 2 * key_value * head) + 3 * hidden * inner + 2 * hidden
    assert layers * layer + 2 * words * hidden + hidden == 7_241_732_096  # as the published Mistral-7B has


def test_rows_are_as_long_as_the_published_pairs(gpu: ModuleType) -> None:
    rows = gpu.rows_of(400, 2048, 32000)
    answers = [len(row.ids) - row.read for row in rows]
    assert 70 < sum(answers) / len(answers) < 90
    assert all(len(row.ids) <= 2048 for row in rows)
    assert sum(row.read > 600 for row in rows) == 200
