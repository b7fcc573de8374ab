"""Docs in, expert out, with proof."""

from __future__ import annotations

from understudy import network

network.silence()  # before any library is imported that reads its switches then

__version__ = "0.1.0"
