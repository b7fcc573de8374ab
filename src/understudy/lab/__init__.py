"""Tiny models, made-up worlds with known truth, and a general suite: everything offline can be checked with.

`path("reader")` is the folder of a bundled model; `worlds.make_world(seed)` a manual with its truth.
"""

from __future__ import annotations

from pathlib import Path

from understudy.errors import UnderstudyError

MODELS = Path(__file__).parent / "models"


def names() -> list[str]:
    """The bundled models, sorted."""
    return sorted(p.parent.name for p in MODELS.glob("*/config.json"))


def path(name: str) -> Path:
    """The folder of the bundled model `name`, as `transformers` loads it.

    Raises UnderstudyError, naming the known models, where there is none of that name.
    """
    if name not in names():
        raise UnderstudyError(f"lab:{name}: no such bundled model. Known: {', '.join(names()) or 'none'}.")
    return MODELS / name
