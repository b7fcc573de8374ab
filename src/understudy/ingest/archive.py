"""Zip archives (EPUB, Office) within bounds: what would unpack to too much is refused before it does."""

from __future__ import annotations

import zipfile
import zlib
from io import BytesIO

from understudy.ingest.base import SkipFile

_MOST_ENTRIES = 20_000
_MOST_BYTES = 400_000_000  # of all entries, unpacked
_MOST_ENTRY = 60_000_000  # of one that is read


class Archive:
    """A zip file in memory. Raises SkipFile where it is damaged, or its directory promises too much."""

    def __init__(self, data: bytes) -> None:
        try:
            self._zip = zipfile.ZipFile(BytesIO(data))
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, RuntimeError) as error:
            raise SkipFile("cannot be parsed", f"not a zip archive: {error}") from error
        entries = self._zip.infolist()
        total = sum(entry.file_size for entry in entries)
        if len(entries) > _MOST_ENTRIES or total > _MOST_BYTES:
            raise SkipFile("too large", f"{len(entries)} entries of {total} bytes once unpacked")
        self._left = _MOST_BYTES

    def read(self, name: str) -> bytes:
        """One entry. Raises SkipFile where it is missing, damaged, encrypted or longer than it says."""
        try:
            with self._zip.open(name) as file:
                data = file.read(min(_MOST_ENTRY, self._left) + 1)
        except KeyError as error:
            raise SkipFile("cannot be parsed", f"no entry {name}") from error
        except (
            zipfile.BadZipFile,
            zlib.error,
            OSError,
            EOFError,
            RuntimeError,
            NotImplementedError,
            ValueError,
        ) as error:
            raise SkipFile("cannot be parsed", f"{name}: {error}") from error
        self._left -= len(data)
        if len(data) > _MOST_ENTRY or self._left < 0:
            raise SkipFile("too large", f"{name}: more than {_MOST_ENTRY} bytes once unpacked")
        return data
