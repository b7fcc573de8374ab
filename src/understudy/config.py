"""The base of every room's configuration: frozen, complete, and unforgiving of misspelt keys."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict


class StageConfig(BaseModel):
    """A stage's settings. The class is at once the schema, the help text and the error message.

    NAME and VERSION are part of the stage's key: raise VERSION when the stage's output changes for the
    same settings. Fields named in NOT_IN_KEY (parallelism, paths whose content is digested apart, limits)
    cannot change the result and stay out of the key; so does the seed of a stage that has no randomness
    (USES_SEED = False).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, protected_namespaces=())

    NAME: ClassVar[str] = ""
    VERSION: ClassVar[int] = 1
    NOT_IN_KEY: ClassVar[frozenset[str]] = frozenset()
    USES_SEED: ClassVar[bool] = True

    def identity(self) -> dict[str, Any]:
        """The settings that can change the result, as plain JSON values."""
        return self.model_dump(mode="json", exclude=set(self.NOT_IN_KEY))

    def files(self) -> dict[str, str]:
        """Files and folders outside the store that the stage reads: name → path. Their content enters the key."""
        return {}

    def models(self) -> dict[str, str]:
        """Model references that the stage uses besides its inputs: name → reference. Their revision enters the key."""
        return {}
