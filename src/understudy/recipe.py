"""The recipe: one YAML file that says everything a run depends on.

A section left out skips its stage; an empty section takes the defaults. Paths are relative to the folder from
which the command is started.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from understudy import yaml_text
from understudy.align.config import AlignConfig
from understudy.benchmark.config import BenchmarkConfig
from understudy.chunk.config import ChunkConfig
from understudy.config import StageConfig
from understudy.errors import RecipeError, did_you_mean
from understudy.generate.config import GenerateConfig
from understudy.index.config import IndexConfig
from understudy.ingest.config import IngestConfig
from understudy.merge.config import MergeConfig
from understudy.models.hosts import contacts
from understudy.sft.config import SftConfig

_SECTIONS = ("merge", "align", "docs", "chunk", "generate", "index", "sft", "benchmark")


class Budget(BaseModel):
    """What a run may take. What does not fit is left out, spread over the documentation, and named."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    hours: float | None = Field(
        default=None,
        gt=0,
        description="of the whole recipe, by the plan's estimates: the training gets fewer rows until it fits",
    )
    usd: float | None = Field(
        default=None, gt=0, description="most US dollars for the teacher; needs `generate.remote.price`"
    )
    rows: int | None = Field(default=None, ge=1, description="most training rows made from pairs, all epochs together")


class Recipe(BaseModel):
    """Everything a run depends on: a name, a seed, a base model and the settings of each stage."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=80, description="what the run is called in other commands"
    )
    seed: int = Field(default=0, ge=0, lt=2**32, description="decides everything that is drawn by chance")
    base_model: str | None = Field(
        default=None,
        description="the model to teach: lab:reader, hf:org/name, ./folder, gguf:file; or a merge makes it",
    )
    budget: Budget | None = Field(
        default=None, description="what a run may take; what does not fit is left out, and named"
    )
    merge: MergeConfig | None = Field(default=None, description="models in, one model out, in place of base_model")
    align: AlignConfig | None = Field(
        default=None, description="a model and preferences in, a model that follows them out"
    )
    docs: IngestConfig | None = Field(default=None, description="files in, documents out")
    chunk: ChunkConfig | None = Field(default=None, description="documents in, passages out")
    generate: GenerateConfig | None = Field(default=None, description="passages in, pairs and questions out")
    index: IndexConfig | None = Field(default=None, description="passages in, a retriever out")
    sft: SftConfig | None = Field(default=None, description="a model and pairs in, a taught model out")
    benchmark: BenchmarkConfig | None = Field(default=None, description="arms and questions in, a verdict out")

    @model_validator(mode="before")
    @classmethod
    def _empty_sections(cls, values: Any) -> Any:
        """`index:` with nothing after it means the defaults; documents are always cut into chunks."""
        if not isinstance(values, Mapping):
            return values
        filled = {k: {} if v is None and k in (*_SECTIONS, "budget") else v for k, v in values.items()}
        if "docs" in filled:
            filled.setdefault("chunk", {})
        return filled

    @model_validator(mode="after")
    def _coherent(self) -> Recipe:
        if self.base_model is None and self.merge is None:
            raise ValueError("needs a base_model or a merge: to start from")
        for section in ("generate", "index", "benchmark", "sft"):
            if getattr(self, section) is not None and self.docs is None:
                raise ValueError(f"{section}: needs documentation; add `docs: {{path: FOLDER}}`")
        budget, teacher = self.budget or Budget(), self.generate
        if budget.usd is not None and teacher is not None and teacher.served and teacher.remote.price is None:
            raise ValueError("budget: usd needs the teacher's price; add `generate: {remote: {price: {…}}}`")
        if (budget.rows is not None or budget.hours is not None) and self.sft is None:
            raise ValueError(
                "budget: rows and hours cap a training, and there is none; add `sft: {}` or leave them out"
            )
        if self.sft is not None and self.generate is None:
            raise ValueError("sft: needs teaching data; add `generate: {}`")
        return self

    def section(self, stage: str) -> StageConfig | None:
        """The settings of a stage by its name; None where the recipe leaves it out.

        A benchmark with an arm that retrieves searches as `index.search` says, unless it says otherwise itself. What
        the budget says of money and rows holds beside what the stage says.
        """
        config: StageConfig | None = getattr(self, section_of(stage))
        if isinstance(config, BenchmarkConfig) and self.index is not None:
            return config.with_search(self.index.search, self.index.retriever)
        budget = self.budget or Budget()
        if isinstance(config, GenerateConfig) and config.served:
            return config.within(budget.usd)
        if isinstance(config, SftConfig) and budget.rows is not None:
            return config.model_copy(update={"rows": min(budget.rows, config.rows or budget.rows)})
        return config

    def contacts(self) -> dict[str, list[str]]:
        """The hosts that a run of this recipe may reach, each with the keys that name it; none where all is local."""
        named = [(stage, config.models()) for stage in _SECTIONS if (config := self.section(stage)) is not None]
        others = {f"{stage}.{name}": ref for stage, models in named for name, ref in models.items()}
        return contacts(self.resolved(), others)

    def resolved(self) -> dict[str, Any]:
        """The whole recipe with every default written out, as plain JSON values."""
        return self.model_dump(mode="json", exclude_none=True)


def section_of(stage: str) -> str:
    """The key under which a recipe holds a stage's settings."""
    return "docs" if stage == "ingest" else stage


class _Lines:
    """Where each dotted key of a YAML text stands."""

    def __init__(self, node: yaml.Node | None) -> None:
        self.of: dict[tuple[str, ...], int] = {}
        if node is not None:
            self._visit(node, ())

    def _visit(self, node: yaml.Node, path: tuple[str, ...]) -> None:
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                name = str(key.value)
                if name in seen:
                    where = ".".join((*path, name))
                    raise RecipeError(f"line {key.start_mark.line + 1}: {where}: stands twice; keep one")
                seen.add(name)
                self.of[(*path, name)] = key.start_mark.line + 1
                self._visit(value, (*path, name))
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                self.of[(*path, str(index))] = value.start_mark.line + 1
                self._visit(value, (*path, str(index)))

    def near(self, path: tuple[str, ...]) -> int | None:
        while path:
            if path in self.of:
                return self.of[path]
            path = path[:-1]
        return None


def load(path: Path, settings: Iterable[str] = ()) -> Recipe:
    """Read a recipe and apply `--set` settings. Raises RecipeError naming file, line, key and the next step."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise RecipeError(f"{path}: no such recipe; `understudy init` writes one") from error
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: cannot be read as UTF-8 text: {error}") from error
    return parse(text, settings, where=str(path))


def parse(text: str, settings: Iterable[str] = (), *, where: str = "recipe") -> Recipe:
    """Like `load`, from the YAML text itself."""
    try:
        lines = _Lines(yaml_text.compose(text))
        values = yaml_text.load(text)
    except yaml_text.YamlError as error:
        line = f":{error.line}" if error.line else ""
        raise RecipeError(f"{where}{line}: not valid YAML: {error.problem}") from error
    except RecipeError as error:
        raise RecipeError(f"{where}: {error}") from None
    if not isinstance(values, dict):
        raise RecipeError(f"{where}: a recipe is a mapping of keys such as `name:` and `docs:`")
    for setting in settings:
        _apply(values, setting)
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        told = sorted(error.errors(), key=lambda e: e["type"] == "missing")  # a misspelt key explains a missing one
        raise RecipeError("\n".join(_explain(e, where, lines) for e in told)) from None


def _apply(values: dict[str, Any], setting: str) -> None:
    """Apply one `a.b=c` in place; c is read as YAML."""
    key, equals, value = setting.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts):
        raise RecipeError(f"--set {setting}: write it as section.key=value, for example --set sft.r=16")
    place = values
    for part in parts[:-1]:
        if not isinstance(place.get(part), dict):
            if place.get(part) is not None:
                raise RecipeError(f"--set {setting}: '{part}' is a value, not a section")
            place[part] = {}
        place = place[part]
    try:
        place[parts[-1]] = yaml_text.load(value)
    except yaml_text.YamlError as error:
        raise RecipeError(f"--set {setting}: '{value}' is not a valid YAML value: {error.problem}") from error


def _explain(error: ErrorDetails, where: str, lines: _Lines) -> str:
    """One validation error in words: file, line, key, what is wrong, what is near."""
    model, path, keys = _model_at(error["loc"])
    line = lines.near(keys)
    place = f"{where}:{line}: " if line else f"{where}: "
    dotted = ".".join(path)
    head = f"{place}{dotted}: " if dotted else place
    if error["type"] == "extra_forbidden":
        known = sorted(model.model_fields) if model else []
        hint = did_you_mean(path[-1], known) or (f" Known keys: {', '.join(known)}." if known else "")
        return f"{head}no such key.{hint}"
    if error["type"] == "literal_error":
        known = [w.strip().strip("'") for w in error["ctx"]["expected"].replace(" or ", ", ").split(", ")]
        value = error["input"]
        return f"{head}{value!r} is not one of {', '.join(known)}.{did_you_mean(str(value), known)}"
    if error["type"] == "union_tag_invalid":
        context = error["ctx"]
        known = [w.strip().strip("'") for w in str(context["expected_tags"]).split(", ")]
        return f"{head}{context['tag']!r} is not one of {', '.join(known)}.{did_you_mean(str(context['tag']), known)}"
    if error["type"] == "missing":
        return f"{head}is missing; add it"
    message = error["msg"].removeprefix("Value error, ")
    shown = f" (got {error['input']!r})" if isinstance(error["input"], (str, int, float, bool)) else ""
    return f"{head}{message[0].lower()}{message[1:]}{shown}"


def _model_at(loc: tuple[int | str, ...]) -> tuple[type[BaseModel] | None, list[str], tuple[str, ...]]:
    """The pydantic class that holds the key, and the key's path without the names of union members."""
    model: type[BaseModel] | None = Recipe
    path: list[str] = []
    candidates: list[type[BaseModel]] = [Recipe]
    for index, part in enumerate(loc):
        last = index == len(loc) - 1
        holder = next((c for c in candidates if isinstance(part, str) and part in c.model_fields), None)
        if holder is not None:
            model = holder
            path.append(str(part))
            candidates = list(_models_in(holder.model_fields[str(part)].annotation))
        elif isinstance(part, int):
            path.append(str(part))
        elif any(part in (c.__name__, *_tags(c)) for c in candidates) and not last:
            candidates = [c for c in candidates if part in (c.__name__, *_tags(c))]
            model = candidates[0]
        else:
            model = candidates[0] if candidates else model
            path.append(str(part))
    return model, path, tuple(path)


def _models_in(annotation: Any) -> Iterable[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif typing.get_origin(annotation) in (typing.Union, types.UnionType, list, tuple, dict, Annotated):
        for argument in typing.get_args(annotation):
            yield from _models_in(argument)


def _tags(model: type[BaseModel]) -> tuple[str, ...]:
    """The literal values by which a discriminated union names this class."""
    tags: list[str] = []
    for field in model.model_fields.values():
        if typing.get_origin(field.annotation) is Literal:
            tags += [str(a) for a in typing.get_args(field.annotation)]
    return tuple(tags)
