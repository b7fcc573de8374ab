"""The base of every room's configuration: frozen, complete, and unforgiving of misspelt keys."""

from __future__ import annotations

import typing
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict
from pydantic_core import to_jsonable_python


class StageConfig(BaseModel):
    """A stage's settings. The class is at once the schema, the help text and the error message.

    NAME and VERSION are part of the stage's key: raise VERSION when the stage's output changes for the
    same settings, which is also so when a default changes. Out of the key stay a setting at its default (so that a
    new one leaves old artifacts valid), fields named in NOT_IN_KEY (parallelism, paths whose content is digested
    apart, limits), what `inert` names, and the seed of a stage that has no randomness (USES_SEED = False).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, protected_namespaces=())

    NAME: ClassVar[str] = ""
    VERSION: ClassVar[int] = 1
    NOT_IN_KEY: ClassVar[frozenset[str]] = frozenset()
    USES_SEED: ClassVar[bool] = True

    def identity(self) -> dict[str, Any]:
        """The settings that can change the result and are not at their defaults, as plain JSON values."""
        return _changed(self, self.NOT_IN_KEY | self.inert())

    def inert(self) -> set[str]:
        """Settings without effect beside the others, by dotted name (`r` where nothing is low-rank)."""
        return set()

    def unread(self) -> frozenset[str]:
        """Stages whose artifact these settings never read, although the stage may."""
        return frozenset()

    def files(self) -> dict[str, str]:
        """Files and folders outside the store that the stage reads: name → path. Their content enters the key."""
        return {}

    def settled(self, root: Path) -> Self:
        """The settings as a run with the store `root` has them."""
        return self

    def pending(self) -> tuple[str, ...]:
        """Settings whose content the run has to fetch before `files` can name it."""
        return ()

    def models(self) -> dict[str, str]:
        """Model references that the stage uses besides its inputs: name → reference. Their revision enters the key."""
        return {}


def _changed(model: BaseModel, left_out: frozenset[str] | set[str] = frozenset()) -> dict[str, Any]:
    """The fields that are not at their defaults, nested models likewise; the tag of a variant always stays."""
    found: dict[str, Any] = {}
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        if name in left_out:
            continue
        tag = typing.get_origin(field.annotation) is Literal and len(typing.get_args(field.annotation)) == 1
        if not tag and not field.is_required() and value == field.get_default(call_default_factory=True):
            continue
        inner = {rest for head, dot, rest in (n.partition(".") for n in left_out) if head == name and dot}
        plain = _plain(value, inner)
        if isinstance(value, BaseModel) and not plain:
            continue  # what differs from the default cannot matter
        found[name] = plain
    return found


def _plain(value: Any, left_out: set[str]) -> Any:
    if isinstance(value, BaseModel):
        return _changed(value, left_out)
    if isinstance(value, (list, tuple)):
        return [_plain(item, set()) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item, set()) for key, item in value.items()}
    return to_jsonable_python(value)
