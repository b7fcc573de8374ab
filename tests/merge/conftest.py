"""Small random models, made by the maker that the benchmark uses."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def _load(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def maker() -> ModuleType:
    """benchmarks/merge_models.py: shapes, random models, independent reading and writing of safetensors."""
    return _load("merge_models", BENCHMARKS / "merge_models.py")


@pytest.fixture(scope="session")
def comparison(maker: ModuleType) -> ModuleType:
    """benchmarks/merge_parity.py: agreement with mergekit."""
    _load("merge_speed", BENCHMARKS / "merge_speed.py")
    return _load("merge_parity", BENCHMARKS / "merge_parity.py")


@pytest.fixture(scope="session")
def reference() -> ModuleType:
    """Every method in float64 on whole tensors."""
    return _load("merge_reference", Path(__file__).with_name("float64.py"))


@pytest.fixture(scope="session")
def family(maker: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A float32 base and three fine-tunes of it."""
    place = tmp_path_factory.mktemp("family")
    shape = maker.Shape(hidden=32, layers=2, vocabulary=96, intermediate=48)
    base = maker.make_model(place / "base", shape, seed=0, dtype="F32")
    made = {f"m{i}": maker.make_model(place / f"m{i}", shape, seed=i, base=base, dtype="F32") for i in (1, 2, 3)}
    return {"base": base, **made}
