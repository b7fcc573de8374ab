"""Which documents are taught and examined: by their kind, by the recipe's own word, and each text once."""

from __future__ import annotations

from collections import Counter

from pathspec import GitIgnoreSpec

from understudy.ingest.config import TeachConfig
from understudy.ingest.kinds import KINDS, NOT_TAUGHT

_SAME = 0.9  # share of two pages' words, in lines that both hold, from which they are one page twice
_LEAST = 40  # words of a page that can be a copy
_HOLDERS = 8  # pages a line is known of


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
        self.holders: dict[int, list[int]] = {}
        self.names: list[str] = []
        self.sizes: list[int] = []

    def add(self, doc_id: str, text: str) -> str:
        """Note a page; the earlier page that it nearly equals, or an empty text."""
        lines = {hash(line): n for line in map(str.strip, text.split("\n")) if (n := len(line.split())) >= 3}
        size = sum(lines.values())
        shared: Counter[int] = Counter()
        for key, n in lines.items():
            for holder in self.holders.get(key, ()):
                shared[holder] += n
        best = min((h for h, n in shared.items() if n >= _SAME * max(size, self.sizes[h])), default=None)
        if best is not None and size >= _LEAST:
            return self.names[best]
        number = len(self.names)
        self.names.append(doc_id)
        self.sizes.append(size)
        for key in lines:
            held = self.holders.setdefault(key, [])
            if len(held) < _HOLDERS:
                held.append(number)
        return ""


def _split(words: tuple[str, ...]) -> tuple[frozenset[str], GitIgnoreSpec]:
    """The names of kinds, and the patterns of paths."""
    return frozenset(w for w in words if w in KINDS), GitIgnoreSpec.from_lines(w for w in words if w not in KINDS)
