"""The locks: every package has its hashes, and everything that the project needs is in them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tools.sbom import bill, components

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("requirements.lock", "requirements-pypi.lock")


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("name", LOCKS)
def test_every_entry_has_hashes_and_no_address(name: str) -> None:
    text = (ROOT / name).read_text()
    pinned = re.findall(r"^[A-Za-z0-9][\w.-]*==", text, re.MULTILINE)
    assert len(components(text)) == len(pinned) > 10
    assert "://" not in text


@pytest.mark.parametrize("name", LOCKS)
def test_what_the_project_needs_is_pinned_within_its_bounds(name: str) -> None:
    listed = components((ROOT / name).read_text())
    pinned = {normal(c["name"]): c["version"].partition("+")[0] for c in listed}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for line in (*project["dependencies"], *project["optional-dependencies"]["dev"]):
        needed = Requirement(line)
        assert needed.specifier.contains(pinned[normal(needed.name)]), line


def test_torch_is_named_as_its_cpu_build_in_one_lock_and_brings_cuda_in_the_other() -> None:
    small, plain = (components((ROOT / name).read_text()) for name in LOCKS)
    assert {c["version"].partition("+")[2] for c in small if c["name"] == "torch"} == {"cpu", ""}
    assert {c["version"].partition("+")[2] for c in plain if c["name"] == "torch"} == {""}
    assert not any(c["name"].startswith("nvidia") for c in small)
    assert sum(c["name"].startswith("nvidia") for c in plain) > 5


def test_the_bill_of_materials_lists_both_locks_the_same_way_each_time() -> None:
    texts = [(ROOT / name).read_text() for name in LOCKS]
    made = bill(texts, "0")
    assert made == bill(texts[::-1], "0")
    listed = {(c["name"], c["version"]) for t in texts for c in components(t)}
    assert {(c["name"], c["version"]) for c in made["components"]} == listed
    assert all(len(r["hashes"][0]["content"]) == 64 for c in made["components"] for r in c["externalReferences"])
