"""Settings of the ingest stage."""

from __future__ import annotations

import codecs
import hashlib
import json
from pathlib import Path
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator, model_validator

from understudy.config import StageConfig
from understudy.ingest.base import Skipped
from understudy.ingest.formats import INCLUDING
from understudy.ingest.includes import named
from understudy.ingest.project import project_file
from understudy.ingest.walk import Found, walk
from understudy.network import host_of


class TeachConfig(BaseModel):
    """Which documents are taught and examined, where their kind does not decide it as wanted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    include: tuple[str, ...] = Field(
        (),
        description="teach these too: patterns as in .gitignore, or kinds of page, such as `change log`",
    )
    exclude: tuple[str, ...] = Field((), description="do not teach these; found in a search they still are")


class IngestConfig(StageConfig):
    """Which files are read, or which pages of a site. Patterns are written as in .gitignore, relative to `path` or to
    the folder of `url`."""

    NAME: ClassVar[str] = "ingest"
    VERSION: ClassVar[int] = 15
    NOT_IN_KEY: ClassVar[frozenset[str]] = frozenset({"path", "depth", "max_pages", "pause", "timeout_seconds"})
    USES_SEED: ClassVar[bool] = False

    path: str | None = Field(None, description="the documentation: a folder, or a single file")
    url: str | None = Field(
        None,
        description="in place of `path`, a site: the address of its first page or sitemap; links are followed on that "
        "host and below that page's folder",
    )
    depth: int = Field(5, ge=0, le=100, description="of a site: how many links away from the first page")
    max_pages: int = Field(2000, ge=1, description="of a site: pages at most")
    pause: float = Field(
        0.2, ge=0, le=60, description="of a site: seconds between two requests; robots.txt may ask more"
    )
    timeout_seconds: float = Field(30.0, gt=0, description="of a site: seconds after which a page is given up")
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
        "tables, licences, keyword lists, source listings and copies, unless told otherwise",
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

    _kept: Path | None = PrivateAttr(None)

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.path is None) == (self.url is None):
            raise ValueError("needs a path, such as ./docs, or a url, and not both")
        if self.url is not None and (not self.url.startswith(("http://", "https://")) or not host_of(self.url)):
            raise ValueError("url: is no address of a site; write https://HOST/FOLDER/")
        return self

    def settled(self, root: Path) -> Self:
        """The same settings, which know where below the store's root a site's pages are kept."""
        if self.url is None:
            return self
        chosen = [self.url, self.include, self.exclude, self.depth, self.max_pages, self.max_bytes]
        copy = self.model_copy()
        copy._kept = root / "sites" / hashlib.sha256(json.dumps(chosen).encode()).hexdigest()[:32]
        return copy

    @property
    def kept(self) -> Path | None:
        """Where the site's pages are kept: None for a folder."""
        return self._kept

    @property
    def place(self) -> str:
        """What messages call the documentation."""
        return self.path or str(self.url)

    def pending(self) -> tuple[str, ...]:
        if self.url is not None and (self._kept is None or not (self._kept / "site.json").is_file()):
            return ("url",)
        return ()

    def walk(self) -> tuple[list[Found], list[Skipped]]:
        """The files to read and what is left out, as `walk` gives them; a site's are those that are kept of it."""
        if self.url is None:
            return walk(str(self.path), self.include, self.exclude, self.gitignore, self.max_bytes)
        return walk(str(self._kept / "pages"), (), (), False, self.max_bytes) if self._kept else ([], [])

    def files(self) -> dict[str, str]:
        """The files that would be read, and those that they include; the folder itself where it is missing."""
        found, _ = self.walk()
        included: dict[str, str] = {}
        for file in found:
            if file.format in INCLUDING:
                included |= {name: str(path) for name, path in named(file.root, file.path).items()}
        project = project_file(self.path) if self.path else None
        named_by = {"the project's name": str(project)} if project and found else {}
        return named_by | included | {f.doc_id: str(f.path) for f in found} or {"path": self.place}
