"""Runs on disk: `runs/<name>/<number>/run.json`, one number a variant; a finished run is never overwritten."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from understudy.artifact import Artifact, to_plain, write_json, write_text
from understudy.errors import InputError, StoreError, did_you_mean
from understudy.pipeline.steps import model_before
from understudy.pipeline.store import Store
from understudy.recipe import Recipe
from understudy.redact import redact

CARRIED = "serve.json"
"""In a store that was exported to be served elsewhere: its run, and the arm it was exported for."""
BASE = "base"
"""The folder of its base model there."""
_NUMBER = re.compile(r"[1-9][0-9]*")


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What `run.json` holds: the recipe as it ran and the key of each stage's artifact.

    stages: all that the recipe has, in order. until: the stage after which the run was told to stop.
    """

    name: str
    number: int
    recipe: Mapping[str, Any]
    recipe_text: str
    command: str
    created: str
    artifacts: Mapping[str, str] = field(default_factory=dict)
    stages: tuple[str, ...] = ()
    finished: bool = False
    until: str | None = None

    @property
    def label(self) -> str:
        """`name@number`, by which every command takes it."""
        return f"{self.name}@{self.number}"

    def folder(self, root: Path) -> Path:
        """Where the record, its links and its report lie."""
        return Store(root.absolute()).runs() / self.name / str(self.number)

    def settings(self) -> Recipe:
        """The recipe that ran."""
        return Recipe.model_validate(dict(self.recipe))


@dataclass(frozen=True, slots=True)
class OpenedRun:
    """A run with those of its artifacts that are in the store, by stage. arm: the one it was exported for."""

    record: RunRecord
    artifacts: Mapping[str, Artifact]
    arm: str | None = None

    @property
    def model(self) -> str | None:
        """The model as it reaches fine-tuning; None where what was to make it is not in the store."""
        record = self.record
        return model_before("sft", record.settings().base_model, record.stages, self.artifacts)

    def artifact(self, stage: str) -> Artifact:
        """The artifact of a stage. Raises InputError saying why it is not there and what brings it."""
        if stage in self.artifacts:
            return self.artifacts[stage]
        raise InputError(f"run '{self.record.label}' has no {stage}: {self.lacks(stage)}")

    def lacks(self, stage: str) -> str:
        """Why a stage's artifact is not there, and what brings it."""
        record = self.record
        again = "`understudy run` with its recipe goes on from there"
        if stage not in record.stages:
            return f"its recipe leaves it out; add `{'docs' if stage == 'ingest' else stage}:` to have it"
        if stage in record.artifacts:
            return "its artifact is no longer in the store; run the recipe again to make it anew"
        if record.until is not None:
            return f"the run was told to stop after '{record.until}'; {again} without --until"
        return f"the run stopped before it; {again}"


def begin(store: Store, recipe: Recipe, stages: tuple[str, ...], *, text: str, command: str) -> RunRecord:
    """The record under which a recipe runs now: the newest of its name where that is the same recipe, else a new one
    with the next number."""
    runs = _numbers(store.runs() / recipe.name)
    newest = load_run(store.root, recipe.name, runs[-1]) if runs else None
    resolved = recipe.resolved()
    if newest is not None and newest.recipe == json.loads(json.dumps(resolved)):
        return newest
    number = _claimed(store, recipe.name, runs[-1] + 1 if runs else 1)
    return RunRecord(recipe.name, number, resolved, redact(text), redact(command), _now(), {}, stages)


def begin_again(store: Store, record: RunRecord) -> RunRecord:
    """The same recipe under the next number: what it reads has changed since it finished."""
    number = _claimed(store, record.name, _numbers(store.runs() / record.name)[-1] + 1)
    return replace(record, number=number, created=_now(), artifacts={}, finished=False, until=None)


def _claimed(store: Store, name: str, number: int) -> int:
    """The number, or where the store is shared by machines the next that none of them has."""
    while store.remote is not None and not store.remote.claim_run(name, number):
        number += 1
    return number


def save(store: Store, record: RunRecord, done: Mapping[str, Artifact]) -> None:
    """Write the record with its links to the artifacts."""
    folder = record.folder(store.root)
    folder.mkdir(parents=True, exist_ok=True)
    plain = to_plain(record)
    write_text(folder / "recipe.yaml", plain.pop("recipe_text"))
    write_json(folder / "run.json", plain)
    if store.remote is not None:
        store.remote.push_run(folder)
    for name, artifact in done.items():
        _link(folder / name, artifact.path)


def load_run(root: Path, name: str, number: int) -> RunRecord | None:
    """The record of a run, or None where there is no such run. Raises StoreError where it is damaged."""
    folder = Store(root.absolute()).runs() / name / str(number)
    known = {f.name for f in fields(RunRecord)}
    try:
        plain = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        text = (folder / "recipe.yaml").read_text(encoding="utf-8")
        values = {key: value for key, value in plain.items() if key in known}
        return RunRecord(**{**values, "recipe_text": text, "stages": tuple(values["stages"])})
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise StoreError(f"{folder / 'run.json'}: damaged ({error}); run the recipe again to write it anew") from error


def list_runs(root: Path) -> list[RunRecord]:
    """All runs of a store, newest first."""
    folder = Store(root.absolute()).runs()
    names = sorted(p.name for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []
    found = [run for name in names for n in _numbers(folder / name) if (run := load_run(root, name, n)) is not None]
    return sorted(found, key=lambda run: (run.created, run.number), reverse=True)


def find_run(name: str, root: Path) -> RunRecord:
    """A run by `name` (the newest finished one, else the newest) or `name@number`. Raises InputError naming the runs
    there are."""
    wanted, at, number = name.partition("@")
    numbers = _numbers(Store(root.absolute()).runs() / wanted)
    if at and _NUMBER.fullmatch(number) and int(number) in numbers:
        numbers = [int(number)]
    elif at:
        numbers = []
    found = [run for n in numbers if (run := load_run(root, wanted, n)) is not None]
    if found:
        return next((run for run in reversed(found) if run.finished), found[-1])
    labels = [run.label for run in list_runs(root)]
    there = f"there are: {', '.join(labels)}" if labels else "there are none yet; `understudy run RECIPE` makes one"
    raise InputError(f"no run '{name}' in {root}; {there}.{did_you_mean(name, labels)}")


def open_run(name: str, root: Path) -> OpenedRun:
    """A run and its artifacts; see `find_run`. In an exported store the base model is that of its folder."""
    record, arm = find_run(name, root), None
    if (said := carried(root)) is not None:
        record, arm = replace(record, recipe={**record.recipe, "base_model": str(root.absolute() / BASE)}), said["arm"]
    return OpenedRun(record, artifacts_of(record, root), arm)


def carried(folder: Path) -> Mapping[str, str] | None:
    """`run` and `arm` of an exported store; None for any other folder. Raises StoreError where that is damaged."""
    if not os.path.isfile(folder / CARRIED):  # noqa: PTH113 - Path.is_file raises for a name that is too long
        return None
    try:
        said: dict[str, str] = json.loads((folder / CARRIED).read_text(encoding="utf-8"))
        return {"run": str(said["run"]), "arm": str(said["arm"])}
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise StoreError(f"{folder / CARRIED}: damaged ({error}); export the run again") from error


def artifacts_of(run: RunRecord, root: Path) -> dict[str, Artifact]:
    """The artifacts of a run that are still in the store, by stage."""
    store = Store(root.absolute())
    found = {stage: store.find(stage, key) for stage, key in run.artifacts.items()}
    return {stage: artifact for stage, artifact in found.items() if artifact is not None}


def runs_of(root: Path, name: str) -> list[RunRecord]:
    """The runs of a name, oldest first."""
    numbers = _numbers(Store(root.absolute()).runs() / name)
    return [run for n in numbers if (run := load_run(root, name, n)) is not None]


def previous_keys(root: Path, name: str) -> Mapping[str, str]:
    """The newest key of each stage over the runs of a name."""
    keys: dict[str, str] = {}
    for number in _numbers(Store(root.absolute()).runs() / name):
        run = load_run(root, name, number)
        keys |= run.artifacts if run else {}
    return keys


def _numbers(folder: Path) -> list[int]:
    """The numbers under which a name has run, ascending."""
    if not folder.is_dir():
        return []
    return sorted(int(p.name) for p in folder.iterdir() if _NUMBER.fullmatch(p.name) and (p / "run.json").is_file())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _link(link: Path, target: Path) -> None:
    """Point a relative symlink at an artifact, replacing an older one in one step."""
    temporary = link.with_name(f".{link.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    try:
        temporary.symlink_to(os.path.relpath(target, link.parent))
        temporary.replace(link)
    except OSError:  # a file system without symlinks: run.json still names the keys
        temporary.unlink(missing_ok=True)
