"""AGENTS.md, the tree of the README and the pages of the documentation say what is there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from understudy import recipe

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "understudy"
DOCS = ROOT / "docs"
# A page about a room of another name.
ROOMS = {
    "lab-models": ("tools/lab_models",),
    "lab-study": ("src/understudy/study",),
    "teachers": ("src/understudy/generate",),
    "statistics": ("src/understudy/evaluation/statistics", "src/understudy/evaluation"),
    "benchmark": ("src/understudy/benchmark", "src/understudy/evaluation"),
    "index": ("src/understudy/index", "src/understudy/retrieval"),
    "lab": ("src/understudy/lab", "src/understudy/suite"),
}
FILE = re.compile(r"`([\w./-]+\.(?:py|txt))`")
IN_REPOSITORY = re.compile(r"(?<![\w./-])((?:src/understudy|tests|benchmarks|tools|recipes|docs)/[\w./-]*[\w/])")
MODULE = re.compile(r"python -m ((?:tools|understudy)[\w.]*)")


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def bullets(section: str) -> dict[str, str]:
    """The bullets of a section of AGENTS.md: what is added → the recipe."""
    body = text(ROOT / "AGENTS.md").split(f"## {section}\n")[1].split("\n## ")[0]
    found = re.findall(r"^- \*\*(.+?)\*\*: (.+?)(?=\n- |\Z)", body.strip(), flags=re.M | re.S)
    return dict(found)


def there(name: str, *places: Path) -> bool:
    return any((place / name).exists() for place in (ROOT, ROOT / "src", PACKAGE, *places))


def test_every_recipe_of_adding_names_files_that_exist() -> None:
    recipes = bullets("Add a …")
    assert {"merge method", "document format", "teacher", "retriever", "stage"} <= recipes.keys()
    for what, how in recipes.items():
        named = re.findall(r"`([\w./-]+(?:\.py|\.md|/))`", how)
        assert named, what
        for name in named:
            assert there(name), f"AGENTS.md, add a {what}: {name} is not there"


def test_what_a_recipe_of_adding_names_in_a_file_stands_there() -> None:
    """`name` of `file`, and the protocol's methods beside its file."""
    for what, how in bullets("Add a …").items():
        for name, file in re.findall(r"`(\w+)`\s+of\s+`([\w./]+\.py)`", how):
            assert re.search(rf"\b{name}\b", text(PACKAGE / file)), f"add a {what}: {name} is not in {file}"
    for method in ("rank", "weigh"):
        assert f"def {method}(" in text(PACKAGE / "retrieval" / "base.py")


def test_the_floors_are_those_that_are_checked() -> None:
    block = text(ROOT / "AGENTS.md").split("`lint-imports` checks it.\n\n```\n")[1].split("```")[0]
    said = [{name.strip() for name in line.split(",")} for line in block.strip().splitlines()]
    with (ROOT / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    layers = next(c for c in contracts if c["type"] == "layers")["layers"]
    checked = [{name.strip(" ()").removeprefix("understudy.") for name in re.split(r"[|:]", line)} for line in layers]
    assert said == checked
    for name in set().union(*checked):
        assert there(name) or there(f"{name}.py"), name


def test_the_tree_of_the_readme_is_the_tree() -> None:
    block = text(ROOT / "README.md").split("## The house\n\n```\n")[1].split("```")[0]
    inner = re.findall(r"^  ([\w.]+)/? ", block, flags=re.M)
    assert len(set(inner)) == len(inner)
    found = {p.name for p in PACKAGE.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    assert set(inner) == found - {"__init__.py"}
    for name in re.findall(r"^([\w.]+)/", block, flags=re.M):
        assert (ROOT / name).is_dir(), name


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda p: p.stem)
def test_a_page_names_only_files_that_exist(page: Path) -> None:
    said = text(page)
    rooms = [ROOT / room for room in ROOMS.get(page.stem, (f"src/understudy/{page.stem}",))]
    for name in FILE.findall(said):
        assert there(name, *rooms), f"{page.name}: {name} is not there"
    for name in IN_REPOSITORY.findall(said):
        assert there(name.rstrip(".")), f"{page.name}: {name} is not there"
    for name in MODULE.findall(said):
        place = name.replace(".", "/")
        assert there(f"{place}.py") or there(f"{place}/__main__.py"), f"{page.name}: python -m {name}"


def test_every_room_has_a_page() -> None:
    stages = {p.parent.name for p in PACKAGE.glob("*/stage.py")}
    assert stages
    for name in stages | {"models", "report", "review", "lab", "retrieval", "evaluation", "suite", "study"}:
        pages = [p for p in DOCS.glob("*.md") if p.stem == name or f"src/understudy/{name}" in ROOMS.get(p.stem, ())]
        assert pages, name


def test_recipes_in_the_documentation_are_valid() -> None:
    """Whole recipes as they stand; sections of one, in a recipe that has the rest."""
    checked = 0
    for page in (ROOT / "README.md", *sorted(DOCS.glob("*.md"))):
        for block in re.findall(r"^```yaml\n(.*?)^```", text(page), flags=re.M | re.S):
            keys = set(re.findall(r"^(\w+):", block, flags=re.M))
            if not keys or not keys <= set(recipe.Recipe.model_fields):
                continue
            rest = {"name": "name: x", "base_model": "base_model: lab:reader", "docs": "docs: {path: d}"}
            rest |= {"generate": "generate: {}"} if keys & {"sft"} else {}
            if "merge" in keys:
                del rest["base_model"]
            whole = "\n".join(line for key, line in rest.items() if key not in keys)
            recipe.parse(f"{whole}\n{block}", where=f"{page.name}: {block[:60]!r}")
            checked += 1
    assert checked > 8
