"""Planted readers for every test of this folder."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


def _load() -> ModuleType:
    """tests are not a package (importmode importlib), so the helper module is loaded by its path."""
    if "planted" not in sys.modules:
        spec = importlib.util.spec_from_file_location("planted", Path(__file__).with_name("planted.py"))
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules["planted"] = module
        spec.loader.exec_module(module)
    return sys.modules["planted"]


_load()


@pytest.fixture
def planted() -> ModuleType:
    """The module of planted readers and worlds."""
    return _load()
