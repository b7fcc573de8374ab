"""Settings of the ingest stage."""

from __future__ import annotations

import codecs
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from understudy.config import StageConfig
from understudy.ingest.formats import INCLUDING
from understudy.ingest.includes import named
from understudy.ingest.walk import walk


class TeachConfig(BaseModel):
    """Which documents are taught and examined, where their kind does not decide it as wanted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    include: tuple[str, ...] = Field(
        (),
        description="teach these too: patterns as in .gitignore, or kinds of page, such as `change log`",
    )
    exclude: tuple[str, ...] = Field((), description="do not teach these; found in a search they still are")


class IngestConfig(StageConfig):
    """Which files are read. Patterns are written as in .gitignore, relative to `path`."""

    NAME: ClassVar[str] = "ingest"
    VERSION: ClassVar[int] = 3
    NOT_IN_KEY: ClassVar[frozenset[str]] = frozenset({"path"})
    USES_SEED: ClassVar[bool] = False

    path: str = Field(description="the documentation: a folder, or a single file")
    include: tuple[str, ...] = Field(
        (),
        description="only files that match one of these; a file of unknown type named here is read as text",
    )
    exclude: tuple[str, ...] = Field((), description="leave out files that match one of these")
    gitignore: bool = Field(True, description="leave out what .gitignore files name")
    encoding: str | None = Field(
        None,
        description="encoding of files that are not UTF-8 and do not say what they are; without it, skipped",
    )
    teach: TeachConfig = Field(
        default_factory=lambda: TeachConfig(include=(), exclude=()),
        description="what is taught: every document but change logs, indexes, tables of contents, cross-reference "
        "tables, licences, keyword lists and copies, unless told otherwise",
    )
    max_bytes: int = Field(20_000_000, gt=0, description="leave out larger files")

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                codecs.lookup(value)
            except LookupError:
                raise ValueError(f"'{value}' is no known encoding; for example utf-8, cp1252, shift_jis") from None
        return value

    def files(self) -> dict[str, str]:
        """The files that would be read, and those that they include; the folder itself where it is missing."""
        found, _ = walk(self.path, self.include, self.exclude, self.gitignore, self.max_bytes)
        included: dict[str, str] = {}
        for file in found:
            if file.format in INCLUDING:
                included |= {name: str(path) for name, path in named(file.root, file.path).items()}
        return included | {f.doc_id: str(f.path) for f in found} or {"path": self.path}
