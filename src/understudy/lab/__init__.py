"""Tiny models and made-up manuals with known truth: what everything offline can be checked with.

`path("reader")` is the folder of a bundled model; `worlds.make_world(seed)` a manual with its truth.
"""

from __future__ import annotations

from pathlib import Path

from understudy.models import bundled


def names() -> list[str]:
    """The bundled models, sorted."""
    return bundled.names()


def path(name: str) -> Path:
    """The folder of the bundled model `name`, as `transformers` loads it; an adapter's sum is made at first use.

    Raises InputError, naming the known models, where there is none of that name.
    """
    return bundled.whole(bundled.source(name))


def shipped(name: str) -> Path:
    """The folder in which it is shipped: an adapter without its base. Raises InputError as `path` does."""
    return bundled.source(name)
