"""The key of a stage: everything that can change its result, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from understudy.artifact import Artifact, digest_file, digest_tree
from understudy.config import StageConfig
from understudy.errors import InputError
from understudy.models.resolve import identity, tokenizer_identity
from understudy.pipeline.steps import Step, model_before, steps_of
from understudy.recipe import Recipe, section_of


class _Unknown:
    def __repr__(self) -> str:
        return "unknown"


UNKNOWN = _Unknown()
"""Stands in a key for what an earlier stage, or a download, has still to tell."""


def key_fields(
    recipe: Recipe,
    step: Step,
    config: StageConfig,
    done: Mapping[str, Artifact],
    previous: Mapping[str, Artifact] | None = None,
) -> dict[str, Any]:
    """Everything that enters a stage's key, by name. previous: what it reads of the run that it goes on from."""
    present = {s.name for s, _ in steps_of(recipe)}
    fields: dict[str, Any] = {
        "stage": config.NAME,
        "version": config.VERSION,
        "config": config.identity(),
        "inputs": {
            name: done[name].digest if name in done else UNKNOWN for name in step.reads(config) if name in present
        },
        "files": dict.fromkeys(config.pending(), UNKNOWN)
        or {n: digest_path(p, f"{section_of(step.name)}.{n}") for n, p in config.files().items()},
        "models": {n: _or_unknown(identity(m)) for n, m in config.models().items()},
    }
    if previous:
        fields["previous"] = {name: artifact.digest for name, artifact in previous.items()}
    if config.USES_SEED:
        fields["seed"] = recipe.seed
    if step.model == "base":
        fields["model"] = _or_unknown(identity(recipe.base_model)) if recipe.base_model else None
    elif step.model:
        model = model_before(step.name, recipe.base_model, [s.name for s, _ in steps_of(recipe)], done)
        known = None if model is None else (identity if step.model == "weights" else tokenizer_identity)(model)
        fields["model"] = _or_unknown(known)
    return fields


def digest_path(path: str, where: str) -> str:
    """Digest of a file or folder named in a recipe. Raises InputError naming key and path where it is missing."""
    place = Path(path).expanduser()
    if place.is_dir():
        return digest_tree(place, skip=())
    if place.is_file():
        return digest_file(place)
    raise InputError(f"{where}: {path}: no such file or folder (looked at {place.absolute()})")


def unknown(fields: Mapping[str, Any]) -> list[str]:
    """The dotted names of what is not known yet."""
    return [place for place, value in _leaves(fields) if value is UNKNOWN]


def differences(old: Mapping[str, Any], new: Mapping[str, Any], config: StageConfig) -> Iterator[str]:
    """The fields in which the key in an old manifest and a new one differ, old and new value beside each other.

    config: the new settings; a setting that one of the keys does not hold is at its default there.
    """
    before, after = dict(_leaves(old["key_fields"])), dict(_leaves(new))
    defaults = dict(_leaves({"config": old["config"]})), dict(_leaves({"config": config.model_dump(mode="json")}))
    for place in sorted(before.keys() | after.keys()):
        was, now = before.get(place, defaults[0].get(place)), after.get(place, defaults[1].get(place))
        if place not in before and was is None:
            yield f"{place}: now {_short(now)}"
        elif place not in after and now is None:
            yield f"{place}: no longer {_short(was)}"
        elif was != now:
            yield f"{place}: {_short(was)} → {_short(now)}"


def _or_unknown(value: str | None) -> Any:
    return UNKNOWN if value is None else value


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf of nested mappings and lists with its dotted place."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from _leaves(item, f"{place}.{index}")
    else:
        yield place, value


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:12]}…"
