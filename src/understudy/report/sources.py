"""Reading a run's artifacts with forgiveness: what is missing or damaged is named, and the rest is shown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from understudy.artifact import Artifact
from understudy.benchmark.summary import Summary
from understudy.errors import InputError
from understudy.redact import redact

T = TypeVar("T")


@dataclass(slots=True)
class Sources:
    """The artifacts of a run by stage. problems: what could not be read, in words."""

    artifacts: Mapping[str, Artifact]
    problems: list[str] = field(default_factory=list)

    def get(self, stage: str) -> Artifact | None:
        return self.artifacts.get(stage)

    def records(self, stage: str, name: str, kind: type[T]) -> list[T]:
        """The records of `name`.jsonl; empty where the stage, the file or its content is not there."""
        artifact = self.artifacts.get(stage)
        if artifact is None:
            return []
        try:
            return artifact.records(name, kind)
        except InputError as error:
            self.problems.append(f"{stage}: {name}.jsonl is damaged ({error.__cause__ or error})")
            return []

    def rows(self, stage: str, name: str) -> list[dict[str, Any]]:
        """The lines of `name`.jsonl as plain objects; empty as above."""
        artifact = self.artifacts.get(stage)
        path = artifact.path / f"{name}.jsonl" if artifact else None
        if path is None or not path.exists():
            return []
        found: list[dict[str, Any]] = []
        try:
            with open(path, encoding="utf-8") as file:
                for line in file:
                    row = json.loads(line)
                    if not isinstance(row, dict):
                        raise ValueError("a line is not an object")
                    found.append(row)
        except (OSError, ValueError) as error:
            self.problems.append(f"{stage}: {name}.jsonl is damaged ({error})")
            return []
        return found

    def summary(self) -> Summary | None:
        """The benchmark's findings, or None."""
        artifact = self.artifacts.get("benchmark")
        if artifact is None:
            return None
        try:
            return Summary.read(artifact.path / "summary.json")
        except InputError as error:
            self.problems.append(f"benchmark: summary.json cannot be read ({error.__cause__ or error})")
            return None


def redact_tree(value: Any) -> Any:
    """Plain JSON values with every secret in their texts replaced; rewritten only where there is one."""
    blob = "\0".join(_texts(value))
    return value if redact(blob) == blob else _rewrite(value)


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key)
            yield from _texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)


def _rewrite(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        # the report's own keys are identifiers and must stay; a model's address as a key is not one
        return {k if k.isidentifier() else redact(k): _rewrite(item) for k, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rewrite(item) for item in value]
    return value
