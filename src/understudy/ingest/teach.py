"""Which documents are taught and examined: by their kind, by the recipe's own word, and each text once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pathspec import GitIgnoreSpec

from understudy.ingest.config import TeachConfig
from understudy.ingest.kinds import KINDS, NOT_TAUGHT

_SAME = 0.9  # share of two pages' words, in lines that both hold, from which they are one page twice
_LEAST = 40  # words of a page that can be a copy
_HOLDERS = 8  # pages a line is known of
_RECENT = 400_000  # lines that wait in a dictionary, which takes ten times the memory, before they are sorted away


class Lessons:
    """Decides document by document, in their order, why one is not taught."""

    def __init__(self, config: TeachConfig) -> None:
        self.include_kinds, self.include = _split(config.include)
        self.exclude_kinds, self.exclude = _split(config.exclude)
        self.copies = Copies()

    def why_not(self, doc_id: str, text: str, kind: str) -> str:
        """Why a document is not taught, empty where it is: a few words to count by, before any `:`."""
        copy_of = self.copies.add(doc_id, text)
        if kind in self.exclude_kinds or self.exclude.match_file(doc_id):
            return "excluded by docs.teach"
        if kind in self.include_kinds or self.include.match_file(doc_id):
            return ""
        if kind in NOT_TAUGHT:
            return kind
        return f"a copy: {copy_of}" if copy_of else ""


class Copies:
    """Finds pages that are nearly the same as an earlier one, by the lines that both hold."""

    def __init__(self) -> None:
        self.lines = _Lines()
        self.names: list[str] = []
        self.sizes: list[int] = []

    def add(self, doc_id: str, text: str) -> str:
        """Note a page; the earlier page that it nearly equals, or an empty text."""
        stripped = [line for line in map(str.strip, text.split("\n")) if len(line) > 4]
        lines = {hash(line): n for line in stripped if (n := len(line.split())) >= 3}
        size = sum(lines.values())
        shared: Counter[int] = Counter()
        held = self.lines.holders(list(lines))
        for holders, n in zip(held, lines.values(), strict=True):
            for holder in holders:
                shared[holder] += n
        best = min((h for h, n in shared.items() if n >= _SAME * max(size, self.sizes[h])), default=None)
        if best is not None and size >= _LEAST:
            return self.names[best]
        number = len(self.names)
        self.names.append(doc_id)
        self.sizes.append(size)
        self.lines.add([key for key, holders in zip(lines, held, strict=True) if len(holders) < _HOLDERS], number)
        return ""


class _Lines:
    """The pages that hold a line, by the line's hash: 12 bytes for each of both, whose arrays are sorted runs."""

    def __init__(self) -> None:
        self.recent: dict[int, list[int]] = {}
        self.runs: list[tuple[NDArray[np.int64], NDArray[np.int32]]] = []  # hashes, rising, and pages

    def holders(self, keys: Sequence[int]) -> list[list[int]]:
        """The pages that hold each of some lines."""
        if not self.runs:
            return [self.recent.get(key, []) for key in keys]
        found: list[list[int]] = [[] for _ in keys]
        wanted = np.array(keys, dtype=np.int64)
        for hashes, pages in self.runs:
            first, last = np.searchsorted(hashes, wanted), np.searchsorted(hashes, wanted, side="right")
            for at in np.flatnonzero(last > first).tolist():
                found[at] += pages[first[at] : last[at]].tolist()
        for at, key in enumerate(keys):
            found[at] += self.recent.get(key, ())
        return found

    def add(self, keys: Sequence[int], page: int) -> None:
        for key in keys:
            self.recent.setdefault(key, []).append(page)
        if len(self.recent) < _RECENT:
            return
        pairs = [(key, holder) for key, holders in self.recent.items() for holder in holders]
        self.recent = {}
        self.runs.append((np.array([k for k, _ in pairs], np.int64), np.array([p for _, p in pairs], np.int32)))
        while len(self.runs) > 1 and len(self.runs[-2][0]) < 2 * len(self.runs[-1][0]):
            hashes, pages = (np.concatenate(parts) for parts in zip(*(self.runs.pop() for _ in range(2)), strict=True))
            self.runs.append((hashes, pages))
        hashes, pages = self.runs.pop()
        order = np.argsort(hashes, kind="stable")
        self.runs.append((hashes[order], pages[order]))


def _split(words: tuple[str, ...]) -> tuple[frozenset[str], GitIgnoreSpec]:
    """The names of kinds, and the patterns of paths."""
    return frozenset(w for w in words if w in KINDS), GitIgnoreSpec.from_lines(w for w in words if w not in KINDS)
