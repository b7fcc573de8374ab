"""The licences of a merge's parents, as their model cards state them."""

from __future__ import annotations

import re

from understudy import yaml_text
from understudy.merge.parents import Parent

_FRONT = re.compile(r"\A---\s*\n(.*?)\n---\s*\n", re.DOTALL)
_PERMISSIVE = {"apache-2.0", "mit", "bsd", "bsd-2-clause", "bsd-3-clause", "cc0-1.0", "unlicense", "isc", "openrail"}


def licence_of(parent: Parent) -> str | None:
    """The licence that a model's README states in its front matter, None where it states none."""
    try:
        found = _FRONT.match((parent.folder / "README.md").read_text(encoding="utf-8", errors="replace"))
        value = yaml_text.load(found[1]).get("license") if found else None
    except (OSError, yaml_text.YamlError, AttributeError):
        return None
    return str(value).lower() if value else None


def licence_warnings(parents: list[Parent]) -> list[str]:
    """What the user should look into before sharing the result."""
    stated = {p.reference: licence_of(p) for p in parents}
    named = {v for v in stated.values() if v}
    listed = ", ".join(f"{r}: {v or 'not stated'}" for r, v in stated.items())
    if len(named) > 1 and not named <= _PERMISSIVE:
        return [f"the models have different licences ({listed}); the result must satisfy all of them"]
    if named and None in stated.values():
        return [f"a model states no licence ({listed})"]
    return []
