"""Reading a merge file: one YAML document a merge; later documents may name earlier ones as their models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from understudy import yaml_text
from understudy.errors import InputError, RecipeError, did_you_mean
from understudy.merge import schema
from understudy.merge.schema import MergeDocument


def load(path: Path) -> list[MergeDocument]:
    """The merges of a file, in the order in which they can be done; the last is the one that is wanted.

    Raises InputError (no such file) and RecipeError (not YAML, a wrong key or value, a circle of merges).
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    try:
        documents = [d for d in yaml_text.load_all(text) if d is not None]
    except yaml_text.YamlError as error:
        raise RecipeError(f"{path}: not YAML: {error}") from error
    if not documents:
        raise RecipeError(f"{path}: empty; see docs/merge.md for a first merge")
    return order(path, [parse(path, d, n if len(documents) > 1 else None) for n, d in enumerate(documents, 1)])


def parse(path: Path, document: Any, number: int | None = None) -> MergeDocument:
    """One YAML document as a merge.

    Keys that are not known are left alone, as mergekit leaves them, and noted. Raises RecipeError naming file, key and
    the nearest right word.
    """
    where = f"{path}, document {number}" if number else str(path)
    if not isinstance(document, dict):
        raise RecipeError(f"{where}: a merge is a mapping (merge_method: …, models: …), not {type(document).__name__}")
    document = document["merge"] if set(document) == {"merge"} else document
    notes: list[str] = []
    document = _known(document, MergeDocument, "", notes)
    try:
        return MergeDocument.model_validate(document).with_notes(notes)
    except ValidationError as error:
        problems = [*dict.fromkeys(_explain(where, e) for e in error.errors()), *(f"{where}: {n}" for n in notes)]
        raise RecipeError("\n".join(problems[:5])) from error


# key → the class of its value, or of each entry of its list or mapping
_CLASSES: dict[str, type[BaseModel]] = {
    "models": schema.InputModel,
    "slices": schema.OutputSlice,
    "sources": schema.InputSlice,
    "tokenizer": schema.TokenizerConfig,
    "tokens": schema.TokenConfig,
    "modules": schema.OutputModule,
}


def _known(value: Any, owner: type[BaseModel], place: str, notes: list[str]) -> Any:
    """A mapping without the keys that its class does not know, all the way down; each is noted.

    Keys that begin with `_` or `.` hold YAML anchors and are left out without a word.
    """
    if not isinstance(value, dict):
        return value
    known = [f.alias or n for n, f in owner.model_fields.items()]
    kept: dict[Any, Any] = {}
    for key, inner in value.items():
        if key not in known:
            if not str(key).startswith(("_", ".")):
                notes.append(f"{place}{key} has no effect: no such key.{did_you_mean(str(key), known)}")
            continue
        below = _CLASSES.get(key)
        if below is not None and isinstance(inner, list):
            inner = [_known(entry, below, f"{place}{key}.{n}.", notes) for n, entry in enumerate(inner)]
        elif below is not None and key in ("tokens", "modules") and isinstance(inner, dict):
            inner = {name: _known(entry, below, f"{place}{key}.{name}.", notes) for name, entry in inner.items()}
        elif below is not None:
            inner = _known(inner, below, f"{place}{key}.", notes)
        kept[key] = inner
    return kept


def _explain(where: str, error: Any) -> str:
    place = ".".join(str(p) for p in error["loc"])
    value = error.get("input")
    if error["type"] == "extra_forbidden":  # only `search:`, which is not mergekit's
        known = list(schema.SearchConfig.model_fields)
        return f"{where}: {place}: no such key.{did_you_mean(str(error['loc'][-1]), known)}"
    if error["type"] == "missing":
        return f"{where}: {place}: missing"
    if error["type"] == "literal_error":
        expected = error["ctx"]["expected"].replace("'", "").replace(" or ", ", ")
        return f"{where}: {place}: {value!r} is not one of {expected}.{did_you_mean(str(value), expected.split(', '))}"
    message = error["msg"].removeprefix("Value error, ")
    return f"{where}: {place}: {message}" if place else f"{where}: {message}"


def order(path: Path, merges: list[MergeDocument]) -> list[MergeDocument]:
    """Sort so that each merge comes after those it names; the unnamed (or last) one ends the list."""
    if len(merges) == 1:
        return merges
    unnamed = [m for m in merges if m.name is None]
    if len(unnamed) > 1:
        raise RecipeError(f"{path}: {len(unnamed)} merges have no name; all but the last one need `name:`")
    names = [m.name for m in merges if m.name is not None]
    if len(set(names)) < len(names):
        twice = next(n for n in names if names.count(n) > 1)
        raise RecipeError(f"{path}: two merges are named '{twice}'")
    for name in names:
        if name in ("", ".", "..") or "/" in name or "\\" in name:
            raise RecipeError(f"{path}: name: {name!r} cannot be the name of a folder")
    by_name = {m.name: m for m in merges if m.name is not None}
    final = unnamed[0] if unnamed else merges[-1]
    done: list[MergeDocument] = []
    open_: list[str] = []

    def visit(merge: MergeDocument) -> None:
        if any(merge is d for d in done):
            return
        label = merge.name or "the unnamed merge"
        if label in open_:
            raise RecipeError(f"{path}: the merges need one another in a circle: {' → '.join([*open_, label])}")
        open_.append(label)
        for reference in merge.references():
            if reference.partition("+")[0] in by_name:
                visit(by_name[reference.partition("+")[0]])
        open_.pop()
        done.append(merge)

    visit(final)
    left = [m.name for m in merges if not any(m is d for d in done)]
    if left:
        raise RecipeError(f"{path}: the merge '{left[0]}' is not used by {final.name or 'the last one'}; remove it")
    return done
