"""The study's YAML: what is merged, aligned, taught and asked, and over how many seeds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from understudy import yaml_text
from understudy.errors import RecipeError, did_you_mean


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Manual(_Strict):
    """The made-up manual of a seed: another one for each seed."""

    pages: Annotated[int, Field(ge=1)] = 8
    facts_per_page: Annotated[int, Field(ge=1)] = 25


class Preferences(_Strict):
    """Generated preference pairs: right answers against near ones, from the skills' practice items."""

    pairs: Annotated[int, Field(ge=8)] = 160


class StudyConfig(_Strict):
    """Which recipes are run; sections that a recipe also has mean what they mean there.

    specialists: model → the skill of the general suite that it practised. merges: name → a recipe's merge section.
    goes_on: the merge that is aligned and taught. teach: name → a recipe's sft section; `naive` is taught closed book
    only and without replay, `default` with both. suite_per_skill: general questions of each skill, drawn anew for
    each seed. keep: the share of a specialist's gain that a merge should keep.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=60)]
    seeds: Annotated[int, Field(ge=2, le=100)]
    base_model: str
    specialists: dict[str, str] = Field(min_length=2)
    merges: dict[str, dict[str, Any]] = Field(min_length=1)
    goes_on: str = "slerp"
    keep: Annotated[float, Field(gt=0, le=1)] = 0.8
    align: dict[str, Any] | None = None
    preferences: Preferences = Preferences()
    manual: Manual = Manual()
    suite_per_skill: Annotated[int, Field(ge=4)] = 60
    chunk: dict[str, Any] = Field(default_factory=dict)
    generate: dict[str, Any] = Field(default_factory=dict)
    index: dict[str, Any] = Field(default_factory=dict)
    teach: dict[str, dict[str, Any]]
    benchmark: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _coherent(self) -> StudyConfig:
        from understudy.suite import SKILLS

        if self.goes_on not in self.merges:
            raise ValueError(f"goes_on: '{self.goes_on}' is not among merges.{did_you_mean(self.goes_on, self.merges)}")
        for model, skill in self.specialists.items():
            if skill not in SKILLS:
                raise ValueError(f"specialists: {model}: '{skill}' is not one of {', '.join(SKILLS)}")
        for needed in ("naive", "default"):
            if needed not in self.teach:
                raise ValueError(f"teach: needs '{needed}', the comparison is between the two")
        return self


def load(path: Path, seeds: int | None = None) -> StudyConfig:
    """Read a study file; `seeds` replaces its number. Raises RecipeError naming file, key and what to write."""
    try:
        values = yaml_text.load(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise RecipeError(f"{path}: no such study; recipes/lab-study.yaml is one") from error
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: cannot be read as UTF-8 text: {error}") from error
    except yaml_text.YamlError as error:
        raise RecipeError(f"{path}: not YAML: {error}") from error
    if not isinstance(values, dict):
        raise RecipeError(f"{path}: a study is a mapping of keys such as `name:` and `seeds:`")
    if seeds is not None:
        values["seeds"] = seeds
    try:
        return StudyConfig.model_validate(values)
    except ValidationError as error:
        raise RecipeError("\n".join(_explain(path, e) for e in error.errors())) from None


def _explain(path: Path, error: Any) -> str:
    place = ".".join(str(p) for p in error["loc"])
    if error["type"] == "missing":
        hint = "; write for example `seeds: 5`, or give --seeds 5" if place == "seeds" else ""
        return f"{path}: {place}: is missing; add it{hint}"
    if error["type"] == "extra_forbidden":
        return f"{path}: {place}: no such key.{did_you_mean(place, StudyConfig.model_fields)}"
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{path}: {place + ': ' if place else ''}{message}"
