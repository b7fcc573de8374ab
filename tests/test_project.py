"""What the project says of itself is so: its dependencies, extras, version, layout and documentation."""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import understudy
from understudy.cli.doctor import EXTRAS
from understudy.cli.main import app

ROOT = Path(__file__).resolve().parents[1]
# Required and not imported by name, with the reason.


@cache
def project() -> dict[str, Any]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)["project"]


@cache
def named_modules() -> frozenset[str]:
    """Top modules that the package imports, or names in a string (importlib)."""
    found = set()
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                found.add(node.module.partition(".")[0])
            elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                name = ast.unparse(node.func).rpartition(".")[2]
                if name in ("import_module", "files", "find_spec"):
                    found.add(str(node.args[0].value).partition(".")[0])
    return frozenset(found)


def distribution(requirement: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[><=;\[ ]", requirement)[0]).lower()


_OTHERWISE = {"python-pptx": "pptx"}  # of what need not be installed: a module that is not named as its distribution


def modules(name: str) -> set[str]:
    """The top modules of a distribution; its usual name where it is not installed."""
    provided = {m for m, names in metadata.packages_distributions().items() if name in map(distribution, names)}
    return provided or {_OTHERWISE.get(name, name.replace("-", "_"))}


def test_every_required_dependency_is_imported() -> None:
    required = {distribution(r) for r in project()["dependencies"]}
    idle = {name for name in required if not modules(name) & named_modules()}
    assert not idle


def test_every_extra_is_used_and_what_doctor_names_is_an_extra() -> None:
    extras = {name: rs for name, rs in project()["optional-dependencies"].items() if name != "dev"}
    for name, requirements in extras.items():
        for requirement in requirements:
            assert modules(distribution(requirement)) & named_modules(), f"{name}: {requirement} is imported by nothing"
    for feature, module, extra in EXTRAS:
        assert module in {m for r in project()["optional-dependencies"][extra] for m in modules(distribution(r))}
        assert module in named_modules() or extra == "dev", feature
    # What the README offers can be installed.
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("Extras:"))
    assert set(re.findall(r"`(\w+)`", line)) == {extra for _, _, extra in EXTRAS}


def test_doctor_says_ready_or_the_command() -> None:
    output = CliRunner().invoke(app, ["doctor", "--no-gpu"]).output
    for feature, _, extra in EXTRAS:
        line = next(line for line in output.splitlines() if line.startswith(feature))
        assert line.endswith("ready") or f"pip install 'understudy[{extra}]'" in line


def test_the_version_is_said_and_one() -> None:
    said = CliRunner().invoke(app, ["--version"])
    assert said.exit_code == 0
    assert said.output == f"understudy {understudy.__version__}\n"
    assert understudy.__version__ == project()["version"]


@pytest.mark.parametrize("command", ["init", "plan", "run", "lab", "study"])
def test_help_of_commands_is_there(command: str) -> None:
    assert CliRunner().invoke(app, [command, "--help"]).exit_code == 0
