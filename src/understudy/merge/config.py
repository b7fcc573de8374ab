"""The `merge:` section of a recipe: the fields of mergekit's YAML, or `config: path.yaml`."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import ConfigDict, Field, model_validator

from understudy.config import StageConfig
from understudy.merge.document import load
from understudy.merge.schema import Merge, model_parts


class MergeConfig(StageConfig, Merge):
    """Models in, model out.

    Either the fields of mergekit's YAML, or `config:` with the path of such a file.
    """

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)

    NAME: ClassVar[str] = "merge"
    VERSION: ClassVar[int] = 3
    NOT_IN_KEY: ClassVar[frozenset[str]] = frozenset({"config", "max_memory", "threads"})

    config: str | None = Field(None, description="A file with mergekit's YAML, in place of the fields.")

    @model_validator(mode="after")
    def _one_form(self) -> MergeConfig:
        if self.config is not None:
            inline = (self.merge_method, self.entries, self.slices, self.modules)
            if any(part is not None for part in inline):
                raise ValueError("give either `config:` or the merge inline, not both")
        elif problem := self.problem():
            more = " (or `config: path.yaml` with mergekit's YAML)" if self.merge_method is None else ""
            raise ValueError(problem + more)
        return self

    def files(self) -> dict[str, str]:
        found = {} if self.config is None else {"config": self.config}
        own = self.search is not None and self.search.questions != "suite"
        return found | ({"search.questions": self.search.questions} if own and self.search else {})

    def models(self) -> dict[str, str]:
        """The models behind `references()`, adapters apart from their base."""
        return model_parts(load(Path(self.config)) if self.config is not None else [self])
