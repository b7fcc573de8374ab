"""Cyclic shifts: every option stands once in every place, so that a taste for a place cannot pay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def rotate(options: Sequence[T], shift: int) -> list[T]:
    """The options as shown in a shift: place p shows option (p + shift) mod k."""
    k = len(options)
    return [options[(place + shift) % k] for place in range(k)]


def by_content(shown: Sequence[T], shift: int) -> list[T]:
    """The inverse of `rotate`: values by place become values by option."""
    k = len(shown)
    return [shown[(option - shift) % k] for option in range(k)]


def place_of(option: int, shift: int, k: int) -> int:
    """The place (0 = A) where an option stands in a shift."""
    return (option - shift) % k
