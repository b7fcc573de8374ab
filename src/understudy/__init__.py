"""Docs in, expert out, with proof."""

from __future__ import annotations

__version__ = "0.1.0"
