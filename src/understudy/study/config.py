"""The study's YAML: what is merged, aligned, taught and asked, and over how many seeds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from understudy import yaml_text
from understudy.errors import RecipeError, did_you_mean


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Manual(_Strict):
    """The made-up manual of a seed: another one for each seed."""

    pages: int = Field(default=8, ge=1, description="pages of the manual")
    facts_per_page: int = Field(default=25, ge=1, description="facts on a page, about")


class Preferences(_Strict):
    """Generated preference pairs: right answers against near ones, from the skills' practice items."""

    pairs: int = Field(default=160, ge=8, description="how many")


class StudyConfig(_Strict):
    """Which recipes are run; sections that a recipe also has mean what they mean there."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=60, description="its runs are called NAME-SEED-PART"
    )
    seeds: int = Field(ge=2, le=100, description="how many manuals, orders of training and sets of general questions")
    base_model: str = Field(description="the model from which the specialists were made")
    specialists: dict[str, str] = Field(
        min_length=2, description="model → the skill of the general suite that it practised"
    )
    merges: dict[str, dict[str, Any]] = Field(min_length=1, description="name → a recipe's merge section")
    goes_on: str = Field(default="slerp", description="the merge that is aligned and taught")
    keep: float = Field(default=0.8, gt=0, le=1, description="share of a specialist's gain that a merge should keep")
    align: dict[str, Any] | None = Field(default=None, description="a recipe's align section, without its dataset")
    preferences: Preferences = Field(default=Preferences(), description="the preference pairs of a seed")
    manual: Manual = Field(default=Manual(), description="the manual of a seed")
    suite_per_skill: int = Field(
        default=60, ge=4, description="general questions of each skill, drawn anew for each seed"
    )
    chunk: dict[str, Any] = Field(default_factory=dict, description="a recipe's chunk section")
    generate: dict[str, Any] = Field(default_factory=dict, description="a recipe's generate section")
    index: dict[str, Any] = Field(default_factory=dict, description="a recipe's index section")
    teach: dict[str, dict[str, Any]] = Field(
        description="name → a recipe's sft section; `naive` is taught closed book only and without replay, `default` "
        "with both"
    )
    benchmark: dict[str, Any] = Field(default_factory=dict, description="a recipe's benchmark section")

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
