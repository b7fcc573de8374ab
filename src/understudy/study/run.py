"""The recipes of a study, run in order: material of each seed, the models, the merges, the chain, the questions."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from understudy.artifact import Artifact, to_plain, write_text
from understudy.engine import map_shards
from understudy.errors import InputError, RecipeError
from understudy.lab.worlds import make_world, write_world
from understudy.pipeline import Pipeline
from understudy.recipe import Recipe
from understudy.stage import Engine
from understudy.study.config import StudyConfig
from understudy.suite import general_suite, write_preferences
from understudy.types import ItemResult, MCQItem

SUITE_SEED = 1000  # the benchmark's own suite has seed 0, choices are made on seed 1, cards on seed 2
MANUAL_SEED = 5000
CHAIN_ARMS = ("base", "base+rag", "base+oracle", "sft", "sft+rag", "sft+oracle")


@dataclass(frozen=True, slots=True)
class Asked:
    """What models answered to one set of questions. right: model or arm → item_id → accuracy, 0 to 1.

    label: item_id → what the question depends on (its document); skill: item_id → kind of question.
    """

    right: Mapping[str, Mapping[str, float]]
    label: Mapping[str, str]
    skill: Mapping[str, str]


@dataclass(slots=True)
class SeedResult:
    """Everything one seed measured.

    general: answers to the general questions by step (`reader`, `lab:math`, `merge slerp`, `aligned`, `naive`,
    `default`). manual: by way of teaching, answers of each arm to the manual's questions. sweep: by way of teaching,
    the content of sweep.json. facts: of the manual. seconds: of each artifact, when it was made.
    """

    seed: int
    facts: int
    general: Asked
    manual: dict[str, Asked] = field(default_factory=dict)
    sweep: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    align: Mapping[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Material:
    manual: str
    suite: str
    preferences: str
    facts: int


Say = Callable[[str], None]


def run_seed(config: StudyConfig, seed: int, out: Path, store: Path, say: Say) -> SeedResult:
    """Run every recipe of one seed; what is in the store already is taken from there."""
    made = _material(config, seed, out)
    found = SeedResult(seed, made.facts, Asked({}, {}, {}))
    general: dict[str, Mapping[str, float]] = {}
    suite = {"questions": made.suite, "floors": []}
    models = ["base", *config.specialists]
    first = _run(config, seed, "models", {"base_model": config.base_model, "benchmark": {**suite, "arms": models}},
                 made, store, found, say)  # fmt: skip
    asked = _asked(first["benchmark"])
    general |= {"reader" if name == "base" else name: rows for name, rows in asked.right.items()}
    for name, merge in config.merges.items():
        sections = {"base_model": config.base_model, "merge": merge, "benchmark": {**suite, "arms": ["base"]}}
        done = _run(config, seed, f"merge-{name}", sections, made, store, found, say)
        general[f"merge {name}"] = _asked(done["benchmark"]).right["base"]
    chain: dict[str, Any] = {"base_model": config.base_model, "merge": config.merges[config.goes_on]}
    if config.align is not None:
        chain["align"] = {"dataset": made.preferences, **config.align}
    for name, sft in config.teach.items():
        taught = {**chain, "generate": config.generate, "index": config.index, "sft": sft}
        arms = {"arms": list(CHAIN_ARMS), "floors": [], **config.benchmark}
        done = _run(config, seed, f"{name}-manual", {**taught, "benchmark": arms}, made, store, found, say)
        found.manual[name] = _asked(done["benchmark"])
        found.sweep[name] = _sweep(done["sft"])
        if "align" in done:
            found.align = done["align"].metrics
        done = _run(
            config, seed, f"{name}-general", {**taught, "benchmark": {**suite, "arms": ["base", "sft"]}},
            made, store, found, say,
        )  # fmt: skip
        right = _asked(done["benchmark"]).right
        general["aligned"], general[name] = right["base"], right["sft"]
    found.general = Asked(general, asked.label, asked.skill)
    return found


def _material(config: StudyConfig, seed: int, out: Path) -> _Material:
    """The seed's manual, general questions and preference pairs as files; the same files for the same seed."""
    place = out / "material" / f"seed-{seed}"
    try:
        place.mkdir(parents=True, exist_ok=True)
        world = make_world(MANUAL_SEED + seed, config.manual.pages, config.manual.facts_per_page)
        write_world(world, place / "manual")
        items = general_suite(config.suite_per_skill, SUITE_SEED + seed)
        rows = (json.dumps(to_plain(item), ensure_ascii=False) for item in items)
        write_text(place / "suite.jsonl", "\n".join(rows) + "\n")
        write_preferences(place / "preferences.jsonl", config.preferences.pairs, seed)
    except OSError as error:
        raise InputError(f"{out}: cannot be written ({error.strerror}); name another folder with --out") from error
    manual, suite, preferences = (_relative(place / name) for name in ("manual", "suite.jsonl", "preferences.jsonl"))
    return _Material(manual, suite, preferences, len(world.facts))


def _relative(path: Path) -> str:
    """A path as a recipe writes it: from the folder in which the command is started, where that is shorter."""
    return min(os.path.relpath(path), str(path), key=len)


def _run(
    config: StudyConfig,
    seed: int,
    part: str,
    sections: Mapping[str, Any],
    made: _Material,
    store: Path,
    found: SeedResult,
    say: Say,
) -> dict[str, Artifact]:
    """One recipe through the pipeline."""
    values = {
        "name": f"{config.name}-{seed}-{part}",
        "seed": seed,
        "docs": {"path": made.manual},
        "chunk": config.chunk,
        **sections,
    }
    recipe = build_recipe(values, part)
    say(f"seed {seed}: {part}")
    pipeline = Pipeline(recipe, store, recipe_text=json.dumps(recipe.resolved(), indent=2), command="understudy study")
    done = pipeline.run()
    for stage, artifact in done.items():
        found.seconds[f"{stage} {artifact.key[:12]}"] = float(artifact.manifest["wall_seconds"])
    return done


def build_recipe(values: Mapping[str, Any], part: str) -> Recipe:
    """A recipe from its values. Raises RecipeError naming the section of the study that is wrong."""
    try:
        return Recipe.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(p) for p in first["loc"])
        raise RecipeError(f"study, {part}: {place}: {first['msg'].removeprefix('Value error, ')}") from error


def _asked(benchmark: Artifact) -> Asked:
    items = benchmark.records("items", MCQItem)
    right: dict[str, dict[str, float]] = {}
    for row in benchmark.records("results", ItemResult):
        if row.acc is not None and not row.arm.startswith("floor:"):
            right.setdefault(row.arm, {})[row.item_id] = row.acc
    return Asked(
        right,
        {item.item_id: item.doc_id or item.item_id for item in items},
        {item.item_id: item.kind for item in items},
    )


def _sweep(sft: Artifact) -> Mapping[str, Any]:
    path = sft.path / "sweep.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return found


def run(
    config: StudyConfig,
    out: Path,
    store: Path,
    *,
    jobs: int = 1,
    engine: Engine = "local",
    say: Say = lambda text: None,
) -> Sequence[SeedResult]:
    """All seeds, `jobs` at a time, each in a process of its own where there are several or where Ray runs them.

    On a cluster `out` and `store` lie where all its machines find them.
    """
    seeds = range(1, config.seeds + 1)
    if jobs <= 1 and engine == "local":
        return [run_seed(config, seed, out, store, say) for seed in seeds]
    common = config, out.absolute(), store.absolute(), jobs
    # A process a seed: what the libraries keep of one (over 5 GB) is gone before the next.
    found = map_shards(
        _seed, seeds, common=common, engine=engine, workers=jobs, fresh=True, name=lambda _, seed: f"seed {seed}"
    )
    return list(found)


def _seed(seed: int, common: tuple[StudyConfig, Path, Path, int]) -> SeedResult:
    """A shard of the work. It takes its part of the processors, and says nothing but what the study says."""
    import warnings

    import torch

    config, out, store, jobs = common
    warnings.simplefilter("ignore")
    torch.set_num_threads(max(1, torch.get_num_threads() // jobs))
    return run_seed(config, seed, out, store, _print)


def _print(text: str) -> None:
    print(text, flush=True)
