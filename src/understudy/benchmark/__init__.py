"""Answerers and questions in, a defensible verdict out."""

from __future__ import annotations

from understudy.benchmark.config import BenchmarkConfig
from understudy.benchmark.summary import Summary

__all__ = ["BenchmarkConfig", "Summary"]
